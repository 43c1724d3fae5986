"""Categories that look like numbers in a file of text: the model says that they are texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import seatrial
from seatrial.errors import InputError

TRAINED, ALL = 300, 600
Fitted = Callable[[pd.DataFrame, Any], Any]


@pytest.fixture
def homes() -> pd.DataFrame:
    """Districts "03", "7" and "40", of which "7" is dear."""
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"rooms": random.normal(4, 1, ALL), "district": random.choice(["03", "7", "40"], ALL)})
    frame["dear"] = (((frame["district"] == "7") * 2 + frame["rooms"] + random.normal(0, 0.7, ALL)) > 4.8).astype(int)
    return frame


def _xgboost(features: pd.DataFrame, dear: Any) -> Any:
    return xgboost.XGBClassifier(n_estimators=5, max_depth=3, enable_categorical=True, nthread=1).fit(
        features.astype({"district": "category"}), dear
    )


def _lightgbm(features: pd.DataFrame, dear: Any) -> Any:
    return lightgbm.LGBMClassifier(n_estimators=5, num_leaves=7, verbose=-1, n_jobs=1).fit(
        features.astype({"district": "category"}), dear
    )


def _pipeline(features: pd.DataFrame, dear: Any) -> Any:
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["district"]), remainder="passthrough")
    return make_pipeline(encoder, LogisticRegression()).fit(features, dear)


def _accuracy(found: seatrial.Assessment) -> float:
    return next(
        one.estimate
        for one in found.trial.evidence
        if one.claim.metric == "accuracy" and one.claim.family.value == "all" and one.claim.against is None
    )


def _own_accuracy(fitted: Any, homes: pd.DataFrame) -> float:
    features = homes[["rooms", "district"]][TRAINED:]
    features = features if fitted.__class__.__name__ == "Pipeline" else features.astype({"district": "category"})
    return float(fitted.score(features, homes["dear"][TRAINED:]))


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize("fit", [_xgboost, _lightgbm])
def test_a_boosters_file_reads_its_categories_as_texts(
    homes: pd.DataFrame, tmp_path: Path, fit: Fitted, suffix: str
) -> None:
    fitted = fit(homes[["rooms", "district"]][:TRAINED], homes["dear"][:TRAINED])
    file = tmp_path / ("model.json" if fit is _xgboost else "model.txt")
    (fitted if fit is _xgboost else fitted.booster_).save_model(str(file))
    data = tmp_path / f"homes{suffix}"
    homes[TRAINED:].to_csv(data, index=False, sep="\t" if suffix == ".tsv" else ",")
    found = seatrial.assess(file, data, label="dear", groups="district")
    assert _accuracy(found) == pytest.approx(_own_accuracy(fitted, homes), abs=1e-12)
    assert "03" in {one.slice.removeprefix("district=") for one in found.trial.evidence}


@pytest.mark.parametrize("fit", [_xgboost, _lightgbm, _pipeline])
def test_a_fitted_model_reads_them_so_too(homes: pd.DataFrame, tmp_path: Path, fit: Fitted) -> None:
    fitted = fit(homes[["rooms", "district"]][:TRAINED], homes["dear"][:TRAINED])
    homes[TRAINED:].to_csv(tmp_path / "homes.csv", index=False)
    found = seatrial.assess(fitted, tmp_path / "homes.csv", label="dear")
    assert _accuracy(found) == pytest.approx(_own_accuracy(fitted, homes), abs=1e-12)


def test_a_format_with_types_keeps_them(homes: pd.DataFrame, tmp_path: Path) -> None:
    fitted = _xgboost(homes[["rooms", "district"]][:TRAINED], homes["dear"][:TRAINED])
    fitted.save_model(str(tmp_path / "model.json"))
    homes[TRAINED:].astype({"district": int}).to_parquet(tmp_path / "homes.parquet")
    with pytest.raises(InputError, match=r'texts for "district", the table holds int64\. Cast the column to string'):
        seatrial.assess(tmp_path / "model.json", tmp_path / "homes.parquet", label="dear")
