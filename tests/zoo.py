"""Models as people have them, by the exporters of their frameworks, small, fitted here, with their own answers.

`ZOO` is a table: each entry's `make(folder)` fits the model on seeded data and writes the file that a user would have,
next to held-out rows that it did not see. `BROKEN` are those that cannot be had, each with where it ends and why.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.models.finished import ModelOptions

os.environ.setdefault("KERAS_BACKEND", "torch")  # before keras is imported for the first time

Task = Literal["binary", "multiclass", "regression"]
NUMBERS = ("age", "hours", "gain", "children")
TEXTS = ("sex", "city")
CLASSES: dict[Task, tuple[str, ...]] = {"binary": ("no", "yes"), "multiclass": ("high", "low", "mid"), "regression": ()}
TRAINED, HELD_OUT = 600, 400


@dataclass(frozen=True, slots=True)
class Made:
    """A model's file, the held-out table that has the label "y", and what the model itself answers for its rows.

    `answers`: probabilities [n, classes] in the order of `CLASSES`, or values [n].
    """

    model: Path
    table: pa.Table
    answers: NDArray[np.float64]
    options: ModelOptions = field(default_factory=ModelOptions)
    label: str = "y"


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: `make` writes it into a folder."""

    name: str
    task: Task
    make: Callable[[Path], Made]


@dataclass(frozen=True, slots=True)
class Broken:
    """A model that ends at `stage`: its exporter raises `says`, opening it does, or its file answers otherwise."""

    entry: Entry
    stage: Literal["export", "open", "answers"]
    says: str


@dataclass(frozen=True, slots=True)
class Data:
    """Columns of rows and their label in one of the three forms."""

    rows: pa.Table  # NUMBERS, TEXTS and y
    matrix: NDArray[np.float64]  # NUMBERS
    label: NDArray[Any]  # texts, or numbers

    @property
    def codes(self) -> NDArray[np.int64]:
        """The label as the places of its classes."""
        return np.unique(self.label, return_inverse=True)[1].astype(np.int64)


@functools.cache
def data(task: Task, *, holes: bool = False) -> tuple[Data, Data]:
    """Rows to train on and rows held out; with `holes`, every tenth age is missing."""
    random = np.random.default_rng(7)
    count = TRAINED + HELD_OUT
    columns: dict[str, Any] = {
        "age": random.normal(40, 12, count),
        "hours": random.gamma(8, 5, count),
        "gain": np.where(random.random(count) < 0.7, 0.0, random.lognormal(8, 1, count)),
        "children": random.integers(0, 5, count).astype(np.float64),
        "sex": random.choice(np.array(["Female", "Male"]), count),
        "city": random.choice(np.array(["Zürich", "東京", "Bern", "Paris"]), count),
    }
    signal = (columns["age"] - 40) / 12 + (columns["hours"] - 40) / 20 + columns["gain"] / 5000
    signal = signal + (columns["sex"] == "Male") + 0.5 * (columns["city"] == "Bern") + random.normal(0, 0.5, count)
    if holes:
        columns["age"][::10] = np.nan
    labels: dict[Task, NDArray[Any]] = {
        "binary": np.where(signal > 1, "yes", "no"),
        "multiclass": np.array(["low", "mid", "high"])[np.digitize(signal, [0.3, 1.6])],
        "regression": 80 + 10 * signal,
    }
    columns["y"] = labels[task]
    whole = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
    matrix = np.column_stack([columns[name] for name in NUMBERS])
    parts = (slice(0, TRAINED), slice(TRAINED, count))
    one, other = (Data(whole.slice(p.start, p.stop - p.start), matrix[p], labels[task][p]) for p in parts)
    return one, other


def _answers(fitted: Any, features: Any) -> NDArray[np.float64]:
    asked = fitted.predict_proba if hasattr(fitted, "predict_proba") else fitted.predict
    return np.asarray(asked(features), np.float64)


def _sklearn(
    name: str, task: Task, estimator: Callable[[], Any], *, double: bool = False, holes: bool = False
) -> Entry:
    """An estimator of scikit-learn on the matrix of numbers, by skl2onnx as its documentation says."""

    def make(folder: Path) -> Made:
        import skl2onnx
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

        train, held = data(task, holes=holes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fits that stop early, and of what skl2onnx does to protobuf
            fitted = estimator().fit(train.matrix, train.label)
            kind = DoubleTensorType if double else FloatTensorType
            options = {id(fitted): {"zipmap": False}} if hasattr(fitted, "predict_proba") else None
            model = skl2onnx.to_onnx(
                fitted, initial_types=[("X", kind([None, len(NUMBERS)]))], options=options, target_opset=18
            )
            answers = _answers(fitted, held.matrix)
        return _written(folder / f"{name}.onnx", model.SerializeToString(), held, answers, ModelOptions(inputs=NUMBERS))

    return Entry(name, task, make)


def _pipeline(name: str, task: Task, last: Callable[[], Any]) -> Entry:
    """A pipeline on a data frame of numbers and texts: named inputs."""

    def make(folder: Path) -> Made:
        import skl2onnx
        from skl2onnx.common.data_types import FloatTensorType, StringTensorType
        from sklearn.compose import make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        train, held = data(task, holes=True)
        transformer = make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), list(NUMBERS)),
            (OneHotEncoder(handle_unknown="ignore"), list(TEXTS)),
        )
        names = [*NUMBERS, *TEXTS]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = make_pipeline(transformer, last()).fit(train.rows.select(names).to_pandas(), train.label)
            types = [(column, FloatTensorType([None, 1])) for column in NUMBERS]
            types += [(column, StringTensorType([None, 1])) for column in TEXTS]
            options = {id(fitted): {"zipmap": False}} if task != "regression" else None
            model = skl2onnx.to_onnx(fitted, initial_types=types, options=options, target_opset=18)
            answers = _answers(fitted, held.rows.select(names).to_pandas())
        return _written(folder / f"{name}.onnx", model.SerializeToString(), held, answers, ModelOptions())

    return Entry(name, task, make)


def _xgboost(name: str, task: Task, suffix: str, *, interface: bool, **settings: Any) -> Entry:
    """XGBoost's own file, written by its booster or by scikit-learn's interface."""

    def make(folder: Path) -> Made:
        import xgboost

        train, held = data(task, holes=True)
        target = train.label if task == "regression" else train.codes
        path = folder / f"{name}.{suffix}"
        if interface:
            frames = [one.rows.select(list(NUMBERS)).to_pandas() for one in (train, held)]
            kind = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
            fitted = kind(n_estimators=12, max_depth=4, random_state=7, n_jobs=1, **settings).fit(frames[0], target)
            fitted.save_model(path)
            answers = _answers(fitted, frames[1])
        else:
            objective = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
            parameters = {"objective": objective[task], "seed": 7, "verbosity": 0, "nthread": 1, **settings}
            if task == "multiclass":
                parameters["num_class"] = len(CLASSES[task])
            booster = xgboost.train(parameters, xgboost.DMatrix(train.matrix, target), num_boost_round=12)
            booster.save_model(path)
            answers = np.asarray(booster.predict(xgboost.DMatrix(held.matrix)), np.float64)
        return _boosted(path, task, held, answers)

    return Entry(name, task, make)


def _lightgbm(name: str, task: Task, *, interface: bool, **settings: Any) -> Entry:
    """LightGBM's text file, of a matrix, or of a frame with texts as categories."""

    def make(folder: Path) -> Made:
        import lightgbm

        train, held = data(task, holes=True)
        common = {"num_leaves": 15, "min_child_samples": 5, "verbose": -1, "seed": 7, "num_threads": 1, **settings}
        target = train.label if task == "regression" else train.codes
        path = folder / f"{name}.txt"
        if interface:
            names = [*NUMBERS, *TEXTS]
            frames = [
                one.rows.select(names).to_pandas().astype(dict.fromkeys(TEXTS, "category")) for one in (train, held)
            ]
            kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
            fitted = kind(n_estimators=12, **common).fit(frames[0], target)
            fitted.booster_.save_model(path)
            answers = _answers(fitted, frames[1])
        else:
            objective = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
            parameters = {"objective": objective[task], **common}
            if task == "multiclass":
                parameters["num_class"] = len(CLASSES[task])
            booster = lightgbm.train(parameters, lightgbm.Dataset(train.matrix, target), num_boost_round=12)
            booster.save_model(path)
            answers = np.asarray(booster.predict(held.matrix), np.float64)
        return _boosted(path, task, held, answers)

    return Entry(name, task, make)


def _catboost(name: str, task: Task, *, loss: str | None = None) -> Entry:
    """CatBoost's ONNX file."""

    def make(folder: Path) -> Made:
        import catboost

        train, held = data(task)
        kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
        settings = {} if loss is None else {"loss_function": loss}
        fitted = kind(iterations=12, depth=4, verbose=0, random_seed=7, allow_writing_files=False, **settings)
        fitted.fit(train.matrix, train.label)
        path = folder / f"{name}.onnx"
        fitted.save_model(str(path), format="onnx")
        return Made(path, held.rows, _answers(fitted, held.matrix), ModelOptions(inputs=NUMBERS))

    return Entry(name, task, make)


def _keras(name: str, task: Task) -> Entry:
    """A small network of Keras, by its own export."""

    def make(folder: Path) -> Made:
        import keras

        train, held = data(task)
        keras.utils.set_random_seed(7)
        normal = keras.layers.Normalization()
        normal.adapt(train.matrix)
        width, activation = {"binary": (1, "sigmoid"), "multiclass": (3, "softmax"), "regression": (1, None)}[task]
        network = keras.Sequential(
            [
                keras.layers.Input((len(NUMBERS),)),
                normal,
                keras.layers.Dense(8, activation="relu"),
                keras.layers.Dense(width, activation=activation),
            ]
        )
        loss = {"binary": "binary_crossentropy", "multiclass": "sparse_categorical_crossentropy", "regression": "mse"}
        network.compile("adam", loss[task])
        target = train.label if task == "regression" else train.codes
        path = folder / f"{name}.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, of what Keras asks of it
            network.fit(train.matrix.astype(np.float32), target, epochs=2, verbose=0)
            network.export(str(path), format="onnx", verbose=False)
            answers = np.asarray(network.predict(held.matrix.astype(np.float32), verbose=0), np.float64)
        return Made(path, held.rows, _whole(answers, task), ModelOptions(inputs=NUMBERS))

    return Entry(name, task, make)


def _torch(name: str, task: Task) -> Entry:
    """A module of PyTorch that ends in logits, by torch's exporter."""

    def make(folder: Path) -> Made:
        import torch

        train, held = data(task)
        torch.manual_seed(7)
        mean, scale = train.matrix.mean(axis=0), train.matrix.std(axis=0)
        width = 3 if task == "multiclass" else 1
        network = torch.nn.Sequential(torch.nn.Linear(len(NUMBERS), 8), torch.nn.ReLU(), torch.nn.Linear(8, width))
        _fit_torch(network, (train.matrix - mean) / scale, train.label if task == "regression" else train.codes, task)
        with torch.no_grad():  # standardised by the first layer's weights: raw columns in
            first = network[0]
            first.weight /= torch.tensor(scale, dtype=torch.float32)
            first.bias -= first.weight @ torch.tensor(mean, dtype=torch.float32)
        path = folder / f"{name}.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (torch.zeros(2, len(NUMBERS)),),
                dynamo=True,
                verbose=False,
                dynamic_shapes=({0: torch.export.Dim("rows")},),
            ).save(str(path), external_data=False)
        with torch.no_grad():
            logits = network(torch.from_numpy(held.matrix.astype(np.float32))).double()
            answers = {"binary": torch.sigmoid, "multiclass": lambda one: one.softmax(1), "regression": lambda one: one}
            found = np.asarray(answers[task](logits))
        return Made(path, held.rows, _whole(found, task), ModelOptions(inputs=NUMBERS))

    return Entry(name, task, make)


def _fit_torch(network: Any, matrix: NDArray[np.float64], target: NDArray[Any], task: Task) -> None:
    """So that its classes are told the right way round, which an untrained one leaves to luck."""
    import torch

    losses = {"binary": torch.nn.BCEWithLogitsLoss, "multiclass": torch.nn.CrossEntropyLoss}
    loss = losses.get(task, torch.nn.MSELoss)()
    inputs, optimizer = torch.from_numpy(matrix).float(), torch.optim.Adam(network.parameters(), lr=0.02)
    wanted = (
        torch.from_numpy(np.asarray(target)).long()
        if task == "multiclass"
        else torch.from_numpy(np.asarray(target, np.float32))[:, None]
    )
    for _ in range(100):
        optimizer.zero_grad()
        loss(network(inputs), wanted).backward()
        optimizer.step()
    network.eval()


def _written(path: Path, content: bytes, held: Data, answers: NDArray[np.float64], options: ModelOptions) -> Made:
    path.write_bytes(content)
    return Made(path, held.rows, answers, options)


def _boosted(path: Path, task: Task, held: Data, answers: NDArray[np.float64]) -> Made:
    named = path.suffix == ".txt" and b"pandas_categorical:[[" in path.read_bytes()
    return Made(path, held.rows, _whole(answers, task), ModelOptions() if named else ModelOptions(inputs=NUMBERS))


def _whole(answers: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """[n] of a regression; [n, classes] of a classifier, whose library may give the second of two alone."""
    if task == "regression":
        return answers.reshape(-1)
    if task == "binary" and answers.size == len(answers):
        return np.column_stack([1 - answers.reshape(-1), answers.reshape(-1)])
    return answers


def _lazily(module: str, name: str, **settings: Any) -> Callable[[], Any]:
    def make() -> Any:
        import importlib

        return getattr(importlib.import_module(f"sklearn.{module}"), name)(**settings)

    return make


def _scaled(last: Callable[[], Any]) -> Callable[[], Any]:
    def make() -> Any:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), last())

    return make


def _calibrated() -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import LinearSVC

    return CalibratedClassifierCV(LinearSVC(random_state=7), cv=3)


_LOGISTIC = _lazily("linear_model", "LogisticRegression", max_iter=500)
_TREES = {"n_estimators": 12, "max_depth": 5, "random_state": 7}
_NETWORK = {"hidden_layer_sizes": (8,), "max_iter": 50, "random_state": 7}
_STEPS = {"max_iter": 12, "random_state": 7}

ZOO: tuple[Entry, ...] = (
    _sklearn("sklearn-logistic", "binary", _scaled(_LOGISTIC)),
    _sklearn("sklearn-logistic-multiclass", "multiclass", _scaled(_LOGISTIC), double=True),
    _sklearn("sklearn-forest", "binary", _lazily("ensemble", "RandomForestClassifier", **_TREES)),
    _sklearn("sklearn-forest-regression", "regression", _lazily("ensemble", "RandomForestRegressor", **_TREES)),
    _sklearn(
        "sklearn-histogram", "binary", _lazily("ensemble", "HistGradientBoostingClassifier", **_STEPS), holes=True
    ),
    _sklearn(
        "sklearn-histogram-multiclass", "multiclass", _lazily("ensemble", "HistGradientBoostingClassifier", **_STEPS)
    ),
    _sklearn("sklearn-boosting", "multiclass", _lazily("ensemble", "GradientBoostingClassifier", **_TREES)),
    _sklearn("sklearn-boosting-regression", "regression", _lazily("ensemble", "GradientBoostingRegressor", **_TREES)),
    _sklearn("sklearn-svc", "binary", _scaled(_lazily("svm", "SVC", probability=True, random_state=7))),
    _sklearn("sklearn-calibrated-svc", "binary", _scaled(_calibrated)),
    _sklearn("sklearn-neighbours", "multiclass", _scaled(_lazily("neighbors", "KNeighborsClassifier"))),
    _sklearn("sklearn-network", "binary", _scaled(_lazily("neural_network", "MLPClassifier", **_NETWORK))),
    _sklearn("sklearn-bayes", "multiclass", _lazily("naive_bayes", "GaussianNB"), double=True),
    _sklearn("sklearn-ridge", "regression", _lazily("linear_model", "Ridge"), double=True),
    _pipeline("sklearn-pipeline", "binary", _LOGISTIC),
    _pipeline("sklearn-pipeline-multiclass", "multiclass", _lazily("ensemble", "RandomForestClassifier", **_TREES)),
    _pipeline("sklearn-pipeline-regression", "regression", _lazily("linear_model", "Ridge")),
    _xgboost("xgboost-json", "binary", "json", interface=False),
    _xgboost("xgboost-ubj", "multiclass", "ubj", interface=False),
    _xgboost("xgboost-regression", "regression", "json", interface=False, objective="reg:absoluteerror"),
    _xgboost("xgboost-classifier", "binary", "json", interface=True),
    _xgboost("xgboost-dart", "multiclass", "ubj", interface=True, booster="dart", rate_drop=0.3),
    _xgboost("xgboost-tweedie", "regression", "ubj", interface=True, objective="reg:tweedie"),
    _lightgbm("lightgbm-text", "binary", interface=False),
    _lightgbm("lightgbm-multiclass", "multiclass", interface=False),
    _lightgbm("lightgbm-regression", "regression", interface=False, zero_as_missing=True),
    _lightgbm("lightgbm-categories", "binary", interface=True),
    _lightgbm(
        "lightgbm-forest", "multiclass", interface=True, boosting_type="rf", bagging_freq=1, bagging_fraction=0.6
    ),
    _catboost("catboost", "binary"),
    _catboost("catboost-multiclass", "multiclass"),
    _catboost("catboost-regression", "regression"),
    _keras("keras", "binary"),
    _keras("keras-multiclass", "multiclass"),
    _keras("keras-regression", "regression"),
    _torch("torch", "binary"),
    _torch("torch-multiclass", "multiclass"),
    _torch("torch-regression", "regression"),
)

BROKEN: tuple[Broken, ...] = (
    Broken(_catboost("catboost-poisson", "regression", loss="Poisson"), "answers", "its exponential is left out"),
    Broken(
        _sklearn("sklearn-linear-svc", "binary", _scaled(_lazily("svm", "LinearSVC", random_state=7))),
        "export",
        "Option 'zipmap' not in",
    ),
    Broken(
        _lightgbm("lightgbm-linear", "binary", interface=False, linear_tree=True), "open", "leaves are linear models"
    ),
    Broken(_xgboost("xgboost-linear", "binary", "json", interface=False, booster="gblinear"), "open", "'gblinear'"),
    Broken(
        _xgboost("xgboost-hinge", "binary", "ubj", interface=False, objective="binary:hinge"), "open", "binary:hinge"
    ),
)
