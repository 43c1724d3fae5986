"""Files by the exporters that people have, made here and opened as theirs."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.finished_models import CLASSES, FEATURES, matrix, opened, table

pytestmark = pytest.mark.simulation

ensemble = pytest.importorskip("sklearn.ensemble")
linear = pytest.importorskip("sklearn.linear_model")
svm = pytest.importorskip("sklearn.svm")
neural = pytest.importorskip("sklearn.neural_network")
skl2onnx = pytest.importorskip("skl2onnx")

X = matrix(table())
Y = np.array(table()["y"].to_pylist())
SAME = 1e-5  # of float32 sums in another order


def exported(fitted: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skl2onnx's own, about types that protobuf will refuse one day
        return skl2onnx.to_onnx(fitted, X[:1], **options)


def classifiers() -> list[Any]:
    return [
        linear.LogisticRegression(),
        ensemble.RandomForestClassifier(5, random_state=1),
        ensemble.GradientBoostingClassifier(n_estimators=5, random_state=1),
        ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=1),
        neural.MLPClassifier(max_iter=5, random_state=1),
    ]


@pytest.mark.parametrize("classifier", classifiers(), ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize("numbered", [True, False])
def test_scikit_learns_classifiers_answer_as_they_did(
    tmp_path: Path, classifier: Any, zipmap: bool | str, numbered: bool
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few iterations: it is no test of learning
        classifier.fit(X, (Y == "yes").astype(int) if numbered else Y)
    made = exported(classifier, options={id(classifier): {"zipmap": zipmap}})
    found = opened(tmp_path, made)
    assert found.predictor.signature.classes == CLASSES
    answers = np.asarray(found.predictor.predict(table()).probabilities)
    np.testing.assert_allclose(answers, classifier.predict_proba(X), atol=SAME)


def test_named_columns_of_a_pipeline_are_found_by_name(tmp_path: Path) -> None:
    compose = pytest.importorskip("sklearn.compose")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    pipeline = pytest.importorskip("sklearn.pipeline")
    types = pytest.importorskip("skl2onnx.common.data_types")
    rows = table()
    frame = rows.select(["a", "c", "group"]).to_pandas()
    columns = compose.ColumnTransformer(
        [("numbers", preprocessing.StandardScaler(), ["a", "c"]), ("texts", preprocessing.OneHotEncoder(), ["group"])]
    )
    whole = pipeline.make_pipeline(columns, linear.LogisticRegression()).fit(frame, Y)
    inputs = [
        ("a", types.FloatTensorType([None, 1])),
        ("c", types.FloatTensorType([None, 1])),
        ("group", types.StringTensorType([None, 1])),
    ]
    found = opened(tmp_path, skl2onnx.to_onnx(whole, initial_types=inputs))
    assert [column.kind for column in found.predictor.signature.inputs] == ["number", "number", "text"]
    answers = np.asarray(found.predictor.predict(rows).probabilities)
    np.testing.assert_allclose(answers, whole.predict_proba(frame), atol=SAME)


def test_a_machine_that_only_labels_is_taken(tmp_path: Path) -> None:
    machine = svm.LinearSVC().fit(X, Y)
    made = exported(machine)
    del made.graph.output[1]  # its distances are no probabilities
    found = opened(tmp_path, made)
    assert found.predictor.predict(table()).labels.tolist() == machine.predict(X).tolist()


@pytest.mark.parametrize("regressor", [linear.LinearRegression(), ensemble.RandomForestRegressor(5, random_state=1)])
def test_scikit_learns_regressors_answer_as_they_did(tmp_path: Path, regressor: Any) -> None:
    regressor.fit(X, X[:, 0] * 2)
    found = opened(tmp_path, exported(regressor), labels=None)
    assert found.predictor.signature.task == "regression"
    np.testing.assert_allclose(
        np.asarray(found.predictor.predict(table()).labels, float), regressor.predict(X).reshape(-1), atol=SAME
    )


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("ending", ["logit", "sigmoid", "softmax"])
def test_torchs_modules_answer_as_they_did(tmp_path: Path, ending: str, dynamic: bool) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    torch.manual_seed(3)
    last = {"logit": torch.nn.Identity(), "sigmoid": torch.nn.Sigmoid(), "softmax": torch.nn.Softmax(dim=1)}[ending]
    width = 2 if ending == "softmax" else 1
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, width), last).eval()
    shapes = ({0: torch.export.Dim("rows")},) if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, (torch.zeros(2 if dynamic else 1, 3),), dynamo=True, verbose=False, dynamic_shapes=shapes
        )
    stream = io.BytesIO()
    program.save(stream)
    found = opened(tmp_path, stream.getvalue())
    assert any("1 rows at a time" in note for note in found.notes) is not dynamic
    with torch.no_grad():
        raw = module(torch.from_numpy(X)).double().numpy()
    yes = 1 / (1 + np.exp(-raw[:, 0])) if ending == "logit" else raw[:, -1]
    np.testing.assert_allclose(np.asarray(found.predictor.predict(table()).probabilities)[:, 1], yes, atol=SAME)


def test_a_boosters_file_is_compared_with_its_own_library(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    data = xgboost.DMatrix(X, label=(Y == "yes").astype(int), feature_names=list(FEATURES))
    booster = xgboost.train({"objective": "binary:logistic"}, data, 5)
    found = opened(tmp_path, bytes(booster.save_raw("ubj")), name="model.ubj")
    assert 'input "features": the 3 columns a, b, c, as the file names them' in found.notes
    assert any("answers equal XGBoost's on 200 rows" in note for note in found.notes)
    np.testing.assert_allclose(
        np.asarray(found.predictor.predict(table()).probabilities)[:, 1], booster.predict(data), atol=SAME
    )


def test_a_text_of_lightgbm_is_compared_with_its_own_library(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    wide = table(classes=("low", "mid", "high"))
    codes = np.unique(np.array(wide["y"].to_pylist()), return_inverse=True)[1]
    settings = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(X, codes), 5)
    found = opened(
        tmp_path, booster.model_to_string().encode(), name="model.txt", rows=wide, labels=("high", "low", "mid")
    )
    assert any("answers equal LightGBM's on 200 rows" in note for note in found.notes)
    assert found.predictor.predict(wide).labels.tolist() == [
        ("high", "low", "mid")[place] for place in booster.predict(X).argmax(axis=1)
    ]


def test_a_table_of_arrow_types_is_as_good_as_one_of_numbers(tmp_path: Path) -> None:
    forest = ensemble.RandomForestClassifier(5, random_state=1).fit(X, Y)
    found = opened(tmp_path, exported(forest, options={"zipmap": False}))
    rows = table()
    columns = [rows[name].cast(pa.float32()).dictionary_encode() for name in FEATURES]
    other = pa.table(columns, names=list(FEATURES))
    assert found.predictor.predict(other).labels.tolist() == found.predictor.predict(rows).labels.tolist()
