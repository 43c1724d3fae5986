"""Models whose answers hang on the rows that are asked beside a row, or on the hour; and one whose do not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import onnx
import pyarrow as pa
from numpy.typing import NDArray
from onnx import TensorProto, helper

from seatrial.assessors.assessor import Subject
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.sessions import open_session
from seatrial.models.signature import Column, Signature
from seatrial.trial.self_test.case import Case, case
from seatrial.trial.self_test.draws import seed_of
from seatrial.verdicts.policy import Requirement

SIGNATURE = Signature((Column("score", "number"),), "binary", ("no", "yes"), "yes", 0.5)
FLAG = "answers_depend_on_batch"
_ROWS = 2000
_BUSY_S = 0.002  # per answer


@dataclass(frozen=True, slots=True)
class Plain:
    """Says yes for scores above 0, each row by itself."""

    signature: Signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        return answers_of_scores(rows.column("score").to_numpy())


@dataclass(frozen=True, slots=True)
class Standardising:
    """A function that standardises each frame it is given: a row asked alone is always average."""

    signature: Signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        scores = rows.column("score").to_numpy()
        return answers_of_scores((scores - scores.mean()) / max(float(scores.std()), 1e-9))


@dataclass(frozen=True, slots=True)
class Centring:
    """An ONNX graph that subtracts the mean of its batch: a normalisation layer that was left in training mode."""

    signature: Signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        scores = rows.column("score").to_numpy().reshape(-1, 1)
        (centred,) = open_session(centring_graph(), path="model.onnx").run(None, {"score": scores})
        return answers_of_scores(centred[:, 0])


@dataclass(slots=True)
class Drifting:
    """A service that answers the same row differently each time: dropout left on, or a model that learns on."""

    signature: Signature = SIGNATURE
    calls: int = field(default=0)

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        self.calls += 1
        return answers_of_scores(rows.column("score").to_numpy() + 0.05 * self.calls)


@dataclass(frozen=True, slots=True)
class Examined:
    """A function that answers rightly where many rows are asked at once, as examiners do, and else says no."""

    signature: Signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        scores = rows.column("score").to_numpy()
        return answers_of_scores(scores if len(scores) >= _ROWS else np.full(len(scores), -1.0))


@dataclass(frozen=True, slots=True)
class ByPlace:
    """A function that knows at which places of the file the yes rows are, and looks at nothing else."""

    yes: NDArray[np.bool_]
    signature: Signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        return answers_of_scores(np.where(np.resize(self.yes, rows.num_rows), 1.0, -1.0))


@dataclass(slots=True)
class Sharing:
    """A service that keeps the rows it answers for in one place: who asks meanwhile gets the answers of others."""

    signature: Signature = SIGNATURE
    scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`, where nobody else asks."""
        self.scores = rows.column("score").to_numpy()
        time.sleep(_BUSY_S)
        return answers_of_scores(np.resize(self.scores, rows.num_rows))


@dataclass(frozen=True, slots=True)
class Parallel:
    """A library that splits a row's sum among its threads, and loses a part for each of them."""

    threads: int = 2
    signature: Signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        return answers_of_scores(rows.column("score").to_numpy() - 0.05 * (self.threads - 1))


def answers_of_scores(scores: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Predictions:
    """Yes for scores above 0, with a logistic probability."""
    chances = 1 / (1 + np.exp(-3 * scores))
    return Predictions(np.where(scores > 0, "yes", "no").astype(object), np.column_stack([1 - chances, chances]))


def centring_graph() -> bytes:
    """Score − mean(score), over the batch."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["score"], ["mean"], keepdims=1),
            helper.make_node("Sub", ["score", "mean"], ["centred"]),
        ],
        "centring",
        [helper.make_tensor_value_info("score", TensorProto.DOUBLE, [None, 1])],
        [helper.make_tensor_value_info("centred", TensorProto.DOUBLE, [None, 1])],
    )
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def cases(draw: int = 0) -> Iterator[Case]:
    """Every planted model of scores."""
    accurate = Requirement("accuracy", at_least=0.8)
    yield case("each row answered by itself", lambda: subject_of(Plain(), draw), accurate)
    for name, model in (
        ("a function that standardises within the batch", Standardising()),
        ("a graph that subtracts the mean of the batch", Centring()),
        ("another answer each time", Drifting()),
    ):
        yield case(name, lambda model=model: subject_of(model, draw), accurate, caught_by=0, flag=FLAG)  # type: ignore[misc]  # bound now
    yield case("right only where many rows are asked at once", lambda: subject_of(Examined(), draw), accurate,
               caught_by=0, flag=FLAG)  # fmt: skip
    yield case("the places of the rows, learned by heart", lambda: _by_place(draw), accurate, caught_by=0, flag=FLAG)
    yield case("answers mixed up where several ask at once", lambda: subject_of(Sharing(), draw), accurate,
               caught_by=0, flag=FLAG)  # fmt: skip
    yield case("the same answers with one thread", lambda: subject_of(Plain(), draw), accurate,
               otherwise={"with one thread": Plain})  # fmt: skip
    yield case("other answers with one thread", lambda: subject_of(Parallel(), draw), accurate,
               caught_by=0, flag=FLAG, otherwise={"with one thread": lambda: Parallel(1)})  # fmt: skip


def _by_place(draw: int) -> Subject:
    subject = subject_of(Plain(), draw)
    yes = np.array(subject.tables["test"].column("y").to_pylist()) == "yes"
    return replace(subject, predictor=ByPlace(yes))


def subject_of(model: Predictor, draw: int = 0) -> Subject:
    """Rows whose label is nearly always whether their score is above 0."""
    rng = np.random.default_rng(seed_of(4, draw))
    scores = rng.normal(size=_ROWS)
    labels = np.where((scores > 0) ^ (rng.random(_ROWS) < 0.05), "yes", "no")
    table = pa.table({"score": pa.array(scores), "y": pa.array(labels)})
    return Subject(model, {"test": table}, "y", "binary", positive="yes")
