"""Fitted models handed over as they are: each packaged as anybody's file would be, and asked like the original."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from seatrial.errors import InputError, StepFailed
from seatrial.models.codec import Codec
from seatrial.models.package import build_package
from seatrial.models.provenance import Provenance
from seatrial.models.runtime import OnnxPredictor, load_predictor
from seatrial.models.signature import Column
from seatrial.models.trained import Trained

pytestmark = pytest.mark.simulation

linear = pytest.importorskip("sklearn.linear_model")
ensemble = pytest.importorskip("sklearn.ensemble")
compose = pytest.importorskip("sklearn.compose")
pipeline = pytest.importorskip("sklearn.pipeline")
preprocessing = pytest.importorskip("sklearn.preprocessing")
impute = pytest.importorskip("sklearn.impute")

NUMBERS = ("age", "hours", "kids")
COUNT = 500
SAME = 1e-5


def frame(*, holes: bool = False) -> pd.DataFrame:
    random = np.random.default_rng(7)
    rows = pd.DataFrame(
        {
            "age": random.normal(40, 12, COUNT),
            "hours": random.gamma(8, 5, COUNT),
            "kids": random.integers(0, 5, COUNT),
            "sex": random.choice(["Female", "Male"], COUNT),
            "city": random.choice(["Zürich", "東京", "Bern"], COUNT),
        }
    )
    if holes:
        rows.loc[::11, "age"] = np.nan
    return rows


def table(rows: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(rows, preserve_index=False)


def label(task: str) -> NDArray[Any]:
    rows = frame()
    signal = (rows.age - 40) / 12 + (rows.sex == "Male") + np.random.default_rng(8).normal(size=COUNT) * 0.4
    found = {"binary": np.where(signal > 0.5, "yes", "no"), "multiclass": np.digitize(signal, [0.0, 1.0])}
    return np.asarray(found.get(task, signal))


def packaged(trained: Trained, rows: pa.Table, provenance: Provenance) -> OnnxPredictor:
    return load_predictor(build_package(trained, rows=rows, provenance=provenance))


def whole_pipeline(last: Any, *, dense: bool = False) -> Any:
    numbers = pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    texts = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=not dense)
    transformer = compose.make_column_transformer((numbers, list(NUMBERS)), (texts, ["sex", "city"]))
    return pipeline.make_pipeline(transformer, last)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "last",
    [linear.LogisticRegression(max_iter=500), ensemble.RandomForestClassifier(5, max_depth=4, random_state=7)],
    ids=["logistic", "forest"],
)
def test_a_pipeline_on_a_data_frame_takes_its_columns_by_name(provenance: Provenance, task: str, last: Any) -> None:
    rows = frame(holes=True)
    fitted = whole_pipeline(last).fit(rows, label(task))
    predictor = packaged(Trained(fitted), table(rows), provenance)
    assert [column.name for column in predictor.signature.inputs] == list(rows.columns)
    assert predictor.signature.inputs[-1] == Column("city", "text")
    assert predictor.signature.classes == tuple(str(value) for value in fitted.classes_)
    given = predictor.predict(table(rows)).probabilities
    assert given is not None
    np.testing.assert_allclose(given, fitted.predict_proba(rows), atol=SAME)


def test_a_pipeline_of_a_regression_answers_with_values(provenance: Provenance) -> None:
    fitted = whole_pipeline(linear.Ridge()).fit(frame(), label("regression"))
    predictor = packaged(Trained(fitted), table(frame()), provenance)
    assert predictor.signature.task == "regression"
    np.testing.assert_allclose(predictor.predict(table(frame())).labels, fitted.predict(frame()), rtol=SAME, atol=SAME)


def test_a_matrix_takes_the_columns_that_are_named_in_their_order(provenance: Provenance) -> None:
    matrix = frame()[["hours", "age"]].to_numpy()
    fitted = linear.LogisticRegression().fit(matrix, label("binary"))
    trained = Trained(fitted, positive="no", threshold=0.3, inputs=("hours", "age"))
    predictor = packaged(trained, table(frame()), provenance)
    assert (predictor.signature.positive, predictor.signature.threshold) == ("no", 0.3)
    answers = predictor.predict(table(frame()))
    assert answers.probabilities is not None
    np.testing.assert_allclose(answers.probabilities, fitted.predict_proba(matrix), atol=1e-12)
    np.testing.assert_array_equal(answers.labels == "no", fitted.predict_proba(matrix)[:, 0] >= 0.3)


def test_numbers_stay_float64_where_the_export_can(provenance: Provenance) -> None:
    big = frame()[["age"]].assign(age=lambda rows: 1e9 + rows.age)  # float32 keeps no unit of these
    fitted = pipeline.make_pipeline(preprocessing.StandardScaler(), linear.LogisticRegression())
    fitted.fit(big, label("binary"))
    given = packaged(Trained(fitted), table(big), provenance).predict(table(big)).probabilities
    assert given is not None
    np.testing.assert_allclose(given, fitted.predict_proba(big), atol=SAME)


def test_an_estimator_without_probabilities_answers_with_labels(provenance: Provenance) -> None:
    fitted = whole_pipeline(linear.RidgeClassifier()).fit(frame(), label("multiclass"))
    predictor = packaged(Trained(fitted), table(frame()), provenance)
    assert not predictor.signature.probabilities
    answers = predictor.predict(table(frame()))
    assert answers.probabilities is None
    np.testing.assert_array_equal(answers.labels, fitted.predict(frame()).astype(str))


def test_an_estimator_behind_a_codec_takes_the_codecs_columns(provenance: Provenance) -> None:
    codec = Codec.from_statistics(
        numbers={"age": (40.0, 12.0)}, vocabularies={"sex": ["Female", "Male"], "city": ["Bern", "東京"]}
    )
    rows = table(frame())
    fitted = ensemble.GradientBoostingClassifier(n_estimators=5, random_state=7)
    fitted.fit(codec.encode(rows), label("binary"))
    files = build_package(Trained(fitted, codec, positive="yes"), rows=rows, provenance=provenance)
    assert files["codec.json"] == codec.to_document()
    predictor = load_predictor(files)
    assert predictor.signature.inputs == codec.columns
    given = predictor.predict(rows).probabilities
    assert given is not None
    np.testing.assert_allclose(given, fitted.predict_proba(codec.encode(rows)), atol=SAME)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_boosters_are_packaged_with_the_names_and_classes_they_know(provenance: Provenance, task: str) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    rows = frame(holes=True)[list(NUMBERS)]
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    fitted = kind(n_estimators=5, verbose=-1, n_jobs=1).fit(rows, label(task))
    predictor = packaged(Trained(fitted), table(rows), provenance)
    answers = predictor.predict(table(rows))
    if task == "regression":
        np.testing.assert_allclose(answers.labels, fitted.predict(rows), rtol=SAME, atol=SAME)
    else:
        assert predictor.signature.classes == tuple(str(value) for value in fitted.classes_)
        assert answers.probabilities is not None
        np.testing.assert_allclose(answers.probabilities, fitted.predict_proba(rows), atol=SAME)


def test_a_boosters_numbers_of_classes_are_given_names(provenance: Provenance) -> None:
    xgboost = pytest.importorskip("xgboost")
    target = (label("binary") == "yes").astype(int)
    fitted = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(frame()[list(NUMBERS)], target)
    rows = table(frame())
    predictor = packaged(Trained(fitted, classes=("no", "yes"), positive="yes"), rows, provenance)
    assert predictor.signature.classes == ("no", "yes")
    with pytest.raises(InputError, match=r"Trained\.classes: the classes are \['no', 'maybe', 'yes'\]"):
        packaged(Trained(fitted, classes=("no", "maybe", "yes")), rows, provenance)


def test_a_booster_that_took_a_number_for_missing_is_refused(provenance: Provenance) -> None:
    xgboost = pytest.importorskip("xgboost")
    fitted = xgboost.XGBClassifier(n_estimators=2, missing=-999.0, n_jobs=1)
    fitted.fit(frame()[list(NUMBERS)], (label("binary") == "yes").astype(int))
    with pytest.raises(InputError, match=r"missing=-999.*Make these values null"):
        packaged(Trained(fitted), table(frame()), provenance)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_catboosts_own_export_is_packaged(provenance: Provenance, task: str) -> None:
    catboost = pytest.importorskip("catboost")
    rows = frame(holes=True)[list(NUMBERS)]
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    fitted = kind(iterations=5, verbose=0, allow_writing_files=False, thread_count=1).fit(rows, label(task))
    answers = packaged(Trained(fitted), table(rows), provenance).predict(table(rows))
    given = answers.labels if answers.probabilities is None else answers.probabilities
    expected = fitted.predict(rows) if task == "regression" else fitted.predict_proba(rows)
    np.testing.assert_allclose(np.asarray(given, float), expected, rtol=SAME, atol=SAME)


def test_what_catboost_cannot_export_is_said(provenance: Provenance) -> None:
    catboost = pytest.importorskip("catboost")
    settings = {"iterations": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    fitted = catboost.CatBoostClassifier(cat_features=["sex", "city"], **settings).fit(frame(), label("binary"))
    with pytest.raises(InputError, match=r"does yet not support categorical features.*encode them before training"):
        packaged(Trained(fitted), table(frame()), provenance)
    counts = catboost.CatBoostRegressor(loss_function="Poisson", **settings)
    counts.fit(frame()[list(NUMBERS)], np.exp(label("regression")))
    with pytest.raises(InputError, match=r"ONNX export of the loss Poisson.* leaves its exponential out"):
        packaged(Trained(counts), table(frame()), provenance)


@pytest.mark.parametrize("positive", ["yes", "no"])
def test_a_torch_module_takes_the_columns_that_are_named(provenance: Provenance, positive: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(7)
    module = torch.nn.Linear(2, 1)
    trained = Trained(module, classes=("no", "yes"), positive=positive, inputs=("age", "hours"))
    given = packaged(trained, table(frame()), provenance).predict(table(frame())).probabilities
    with torch.no_grad():
        logits = module(torch.tensor(frame()[["age", "hours"]].to_numpy(np.float32)))
    expected = torch.sigmoid(logits).double().numpy().ravel()
    assert given is not None
    np.testing.assert_allclose(given[:, ("no", "yes").index(positive)], expected, atol=SAME)


@pytest.mark.parametrize(("width", "activation"), [(1, "sigmoid"), (1, None), (3, "softmax"), (3, None)], ids=str)
def test_a_keras_model_ends_in_probabilities_or_logits(
    provenance: Provenance, width: int, activation: str | None
) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of what Keras asks of it
        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(width, activation=activation)])
        classes = ("no", "yes") if width == 1 else ("a", "b", "c")
        trained = Trained(model, classes=classes, positive="yes" if width == 1 else None, inputs=("age", "hours"))
        answers = packaged(trained, table(frame()), provenance).predict(table(frame())).probabilities
        raw = np.asarray(model(frame()[["age", "hours"]].to_numpy(np.float32)).detach(), float)
    if activation is None:
        raw = 1 / (1 + np.exp(-raw)) if width == 1 else np.exp(raw - raw.max(axis=1, keepdims=True))
    expected = np.hstack([1 - raw, raw]) if width == 1 else raw / raw.sum(axis=1, keepdims=True)
    assert answers is not None
    np.testing.assert_allclose(answers, expected, atol=SAME)


def test_a_model_without_names_asks_for_them(provenance: Provenance) -> None:
    fitted = linear.LogisticRegression().fit(frame()[["age"]].to_numpy(), label("binary"))
    with pytest.raises(InputError, match=r'Trained\.inputs: the model takes one matrix.*inputs=\["age", "hours"\]'):
        packaged(Trained(fitted), table(frame()), provenance)


def test_a_missing_text_that_the_pipeline_learnt_as_such_shows_why_nothing_is_packaged(provenance: Provenance) -> None:
    rows = frame()
    rows.loc[::7, "city"] = None
    fitted = whole_pipeline(linear.LogisticRegression(max_iter=500)).fit(rows, label("binary"))
    with pytest.raises(StepFailed) as caught:
        packaged(Trained(fitted), table(rows), provenance)
    assert 'Every row that differs misses "city".' in str(caught.value)
    assert 'train on "" where it is missing' in str(caught.value)


def test_a_step_without_a_converter_is_named_by_skl2onnx(provenance: Provenance) -> None:
    fitted = pipeline.make_pipeline(preprocessing.FunctionTransformer(np.sqrt), linear.Ridge())
    rows = frame()[["hours"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(rows, label("regression"))
    with pytest.raises(InputError, match=r"skl2onnx could not export this Pipeline: .*supported\.html"):
        packaged(Trained(fitted), table(rows), provenance)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_pipeline_that_ends_in_a_booster_is_one_graph(provenance: Provenance, library: str, task: str) -> None:
    module = pytest.importorskip(library)
    name = ("XGB" if library == "xgboost" else "LGBM") + ("Regressor" if task == "regression" else "Classifier")
    quiet = {"verbosity": 0} if library == "xgboost" else {"verbose": -1}
    rows, fitted = frame(), whole_pipeline(getattr(module, name)(n_estimators=5, n_jobs=1, **quiet), dense=True)
    target = (label("binary") == "yes").astype(int) if task == "binary" else label(task)
    fitted.fit(rows, target)
    answers = packaged(Trained(fitted), table(rows), provenance).predict(table(rows))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LightGBM's, of features without names
        expected = fitted.predict(rows) if task == "regression" else fitted.predict_proba(rows)
    given = answers.labels if answers.probabilities is None else answers.probabilities
    np.testing.assert_allclose(np.asarray(given, float), expected, rtol=SAME, atol=SAME)


def test_zeros_of_a_sparse_matrix_are_no_values_to_xgboost(provenance: Provenance) -> None:
    xgboost = pytest.importorskip("xgboost")
    transformer = compose.make_column_transformer((preprocessing.OneHotEncoder(), ["sex", "city"]), sparse_threshold=1)
    fitted = pipeline.make_pipeline(transformer, xgboost.XGBClassifier(n_estimators=3, n_jobs=1))
    fitted.fit(frame(), (label("binary") == "yes").astype(int))
    with pytest.raises(InputError, match=r"zeros XGBoost takes for missing values.*sparse_output=False"):
        packaged(Trained(fitted), table(frame()), provenance)


def test_the_bytes_of_a_file_are_packaged_as_the_file_is(provenance: Provenance) -> None:
    import skl2onnx

    fitted = linear.LogisticRegression().fit(frame()[["age", "hours"]].to_numpy(), label("binary"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = skl2onnx.to_onnx(fitted, np.zeros((1, 2), np.float32), options={"zipmap": False})
    trained = Trained(model.SerializeToString(), positive="no", threshold=0.3, inputs=("age", "hours"))
    predictor = packaged(trained, table(frame()), provenance)
    assert predictor.signature.classes == ("no", "yes")
    assert (predictor.signature.positive, predictor.signature.threshold) == ("no", 0.3)
    given = predictor.predict(table(frame())).probabilities
    assert given is not None
    np.testing.assert_allclose(given, fitted.predict_proba(frame()[["age", "hours"]].to_numpy()), atol=SAME)


@pytest.mark.parametrize(
    ("classes", "names"),
    [((False, True), ("false", "true")), ((0.0, 1.0), ("0", "1")), ((7, 3), ("3", "7")), (("b", "a"), ("a", "b"))],
)
def test_classes_have_the_names_that_a_label_has_as_text(
    provenance: Provenance, classes: tuple[Any, Any], names: tuple[str, str]
) -> None:
    target = np.array(classes)[(label("binary") == "yes").astype(int)]
    fitted = linear.LogisticRegression().fit(frame()[["age"]], target)
    predictor = packaged(Trained(fitted), table(frame()), provenance)
    assert predictor.signature.classes == names
    texts = pa.array(target).cast(pa.string()).unique().to_pylist()
    assert set(texts) == set(names)


def test_a_search_is_packaged_as_what_it_found(provenance: Provenance) -> None:
    from sklearn.model_selection import GridSearchCV

    rows = frame()[["age"]]
    fitted = GridSearchCV(linear.LogisticRegression(), {"C": [0.1, 1.0]}, cv=3).fit(rows, label("binary"))
    given = packaged(Trained(fitted), table(rows), provenance).predict(table(rows)).probabilities
    assert given is not None
    np.testing.assert_allclose(given, fitted.predict_proba(rows), atol=SAME)


def test_a_search_over_boosters_is_packaged_too(provenance: Provenance) -> None:
    from sklearn.model_selection import GridSearchCV

    lightgbm = pytest.importorskip("lightgbm")
    rows = frame()[["age"]]
    fitted = GridSearchCV(lightgbm.LGBMClassifier(verbose=-1, n_jobs=1), {"n_estimators": [2, 4]}, cv=3)
    given = packaged(Trained(fitted.fit(rows, label("binary"))), table(rows), provenance).predict(table(rows))
    assert given.probabilities is not None
    np.testing.assert_allclose(given.probabilities, fitted.predict_proba(rows), atol=SAME)


@pytest.mark.parametrize("name", ["cluster.KMeans", "ensemble.IsolationForest", "preprocessing.StandardScaler"])
def test_what_neither_classifies_nor_regresses_is_refused(provenance: Provenance, name: str) -> None:
    import importlib

    module, _, kind = name.partition(".")
    fitted = getattr(importlib.import_module(f"sklearn.{module}"), kind)().fit(frame()[["age", "hours"]])
    with pytest.raises(InputError, match=f"must be a classifier or a regressor, got {kind}"):
        packaged(Trained(fitted), table(frame()), provenance)


@pytest.mark.parametrize("last", ["lightgbm", "linear"])
def test_columns_of_any_name_are_taken_by_their_own(provenance: Provenance, last: str) -> None:
    random = np.random.default_rng(4)
    rows = pd.DataFrame(
        {"Einkommen €": random.normal(size=200), "a b": random.normal(size=200), "a_b": random.normal(size=200)}
    )
    rows["Größe (m)"] = random.choice(["klein", "groß"], 200)
    target = np.where(rows["Einkommen €"] + 2 * rows["a b"] - rows["a_b"] > 0, "ja", "nein")
    encoder = compose.make_column_transformer(
        ("passthrough", ["Einkommen €", "a b", "a_b"]),
        (preprocessing.OneHotEncoder(sparse_output=False), ["Größe (m)"]),
    )
    final = linear.LogisticRegression()
    if last == "lightgbm":
        final = pytest.importorskip("lightgbm").LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)
    fitted = pipeline.make_pipeline(encoder, final).fit(rows, target)
    predictor = packaged(Trained(fitted), table(rows), provenance)
    assert [column.name for column in predictor.signature.inputs] == list(rows.columns)
    assert predictor.predict(table(rows)).labels.tolist() == fitted.predict(rows).tolist()
