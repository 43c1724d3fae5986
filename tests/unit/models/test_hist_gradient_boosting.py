"""scikit-learn's histogram gradient boosting is packaged with its own thresholds: rows that stand on one go its way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seatrial.models.frameworks.sklearn.export import convert_sklearn
from seatrial.models.sessions import open_session

pytest.importorskip("skl2onnx")
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROWS = 2_000  # more values than the 255 bins: thresholds are values of the data, which float32 moves
NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    random = np.random.default_rng(3)
    values = random.normal(0, 0.05, (ROWS, len(NAMES)))
    values[random.random(values.shape) < 0.1] = np.nan
    return values


def estimators() -> list[Any]:
    settings = {"max_iter": 20, "random_state": 1}
    return [
        HistGradientBoostingRegressor(**settings),
        HistGradientBoostingRegressor(loss="poisson", **settings),
        HistGradientBoostingRegressor(loss="quantile", quantile=0.9, **settings),
        HistGradientBoostingClassifier(**settings),
        make_pipeline(StandardScaler(), HistGradientBoostingRegressor(**settings)),
    ]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("estimator", estimators(), ids=str)
def test_every_row_goes_the_way_of_the_estimator(matrix: np.ndarray, estimator: Any, classes: int) -> None:
    score = np.nansum(matrix, axis=1) + 1
    if isinstance(estimator, HistGradientBoostingClassifier):
        label = np.digitize(score, np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1]))
        expected = estimator.fit(matrix, label).predict_proba(matrix)
    else:
        expected = estimator.fit(matrix, score).predict(matrix)[:, None]
    rows = pa.table({name: pa.array(matrix[:, column], from_pandas=False) for column, name in enumerate(NAMES)})
    session = open_session(convert_sklearn(estimator, rows, NAMES).model.SerializeToString(), path="model")
    (entry,) = session.get_inputs()
    (answer,) = session.run(None, {entry.name: matrix})
    assert answer.dtype == np.float64
    np.testing.assert_allclose(answer, expected, rtol=1e-6, atol=1e-7)


def test_categories_are_left_to_skl2onnx() -> None:
    from seatrial.models.frameworks.sklearn.hist_gradient_boosting import convert_hist_gradient_boosting

    column = np.tile(np.arange(4.0), 50)[:, None]
    fitted = HistGradientBoostingRegressor(max_iter=2, categorical_features=[0]).fit(column, column[:, 0])
    assert convert_hist_gradient_boosting(fitted) is None
