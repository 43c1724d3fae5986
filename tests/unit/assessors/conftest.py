"""Synthetic people, and models of known quality about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Subject
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature, Task

NO, YES = "<=50K", ">50K"
SIGNATURE = Signature(
    inputs=(Column("score", "number"),), task="binary", classes=(NO, YES), positive=YES, threshold=0.5
)


class Reads:
    """A model whose probability of the positive class stands in the column `score`; it counts how often it is asked."""

    signature = SIGNATURE

    def __init__(self, spoil: Callable[[pa.Table, Predictions], Predictions] = lambda _rows, said: said) -> None:
        self.asked_rows = 0
        self._spoil = spoil

    def predict(self, rows: pa.Table) -> Predictions:
        self.asked_rows += rows.num_rows
        score = rows.column("score").to_numpy().astype(np.float64)
        labels = np.where(score >= 0.5, YES, NO).astype(object)
        return self._spoil(rows, Predictions(labels=labels, probabilities=np.column_stack([1 - score, score])))


def people(rows: int, seed: int, groups: Sequence[str] = ("Female", "Male"), sharpness: float = 4.0) -> pa.Table:
    """Calibrated scores: the label is drawn with the probability that the score states."""
    generator = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-sharpness * (generator.normal(size=rows) - 0.4)))
    columns = {
        "score": score,
        "income": np.where(generator.random(rows) < score, YES, NO),
        "sex": generator.choice(groups, rows),
        "race": generator.choice(["Asian", "Black", "Other", "White"], rows, p=[0.05, 0.1, 0.02, 0.83]),
        "age_band": generator.choice(["<30", "30-45", "45-60", "60+"], rows),
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def subject(
    test: pa.Table,
    validation: pa.Table | None = None,
    groups: Sequence[str] = (),
    spoil: Callable[[pa.Table, Predictions], Predictions] = lambda _rows, said: said,
) -> Subject:
    tables = {"test": test} if validation is None else {"test": test, "validation": validation}
    return Subject(
        predictor=Reads(spoil), tables=tables, label="income", task="binary", positive=YES, groups=tuple(groups)
    )


@pytest.fixture(name="people")
def _people() -> Callable[..., pa.Table]:
    return people


@pytest.fixture(name="subject")
def _subject() -> Callable[..., Subject]:
    return subject


KINDS = ("ant", "bee", "cat")
KIND_SIGNATURE = Signature(tuple(Column(name, "number") for name in KINDS), task="multiclass", classes=KINDS)
VALUE_SIGNATURE = Signature((Column("guess", "number"), Column("room", "text")), task="regression", interval=True)


class Tells:
    """A classifier whose probabilities stand in the columns named like its classes; it answers the most probable."""

    def __init__(self, signature: Signature = KIND_SIGNATURE, bias: float = 0.0) -> None:
        self.signature = signature
        self._bias = bias

    def predict(self, rows: pa.Table) -> Predictions:
        said = np.column_stack([rows.column(name).to_numpy() for name in self.signature.classes])
        said[:, 0] *= np.exp(self._bias)
        said /= said.sum(axis=1, keepdims=True)
        names = np.array(self.signature.classes, dtype=object)
        return Predictions(names[said.argmax(axis=1)], said)


class Guesses:
    """A regression whose answer stands in the column `guess`, plus what it is off by, and an interval around it."""

    def __init__(self, off: float = 0.0, *, interval: bool = True) -> None:
        self.signature = replace(VALUE_SIGNATURE, interval=interval)
        self._off = off

    def predict(self, rows: pa.Table) -> Predictions:
        guess = rows.column("guess").to_numpy() + self._off
        interval = np.column_stack([guess - 2, guess + 2]) if self.signature.interval else None
        return Predictions(guess, None, interval)


def kinds(rows: int, seed: int) -> pa.Table:
    """Calibrated probabilities of three kinds: the label is drawn with them."""
    generator = np.random.default_rng(seed)
    said = generator.dirichlet([0.6, 0.5, 0.3], size=rows)
    drawn = (said.cumsum(axis=1) < generator.random(rows)[:, None]).sum(axis=1)
    columns = {
        **dict(zip(KINDS, said.T, strict=True)),
        "kind": np.array(KINDS)[np.minimum(drawn, 2)],
        "sex": generator.choice(["Female", "Male"], rows),
        "weight": generator.integers(1, 5, rows),
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def values(rows: int, seed: int) -> pa.Table:
    """Prices around guesses, with normal errors of a standard deviation of 1."""
    generator = np.random.default_rng(seed)
    room = generator.choice(["attic", "cellar"], rows, p=[0.7, 0.3])
    guess = 3 * generator.normal(size=rows) + np.where(room == "attic", 5.0, 0.0)
    columns = {
        "guess": guess,
        "room": room,
        "price": guess + generator.normal(size=rows),
        "sex": generator.choice(["Female", "Male"], rows),
        "weight": generator.integers(1, 5, rows),
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def of_task(task: Task, rows: int = 400, seed: int = 1, groups: Sequence[str] = ()) -> Subject:
    """A sound model of each task, and what it is measured on."""
    if task == "binary":
        table = people(rows, seed)
        weight = np.random.default_rng(seed).integers(1, 5, rows)
        return subject(table.append_column("weight", pa.array(weight)), groups=groups)
    if task == "multiclass":
        return Subject(Tells(), {"test": kinds(rows, seed)}, label="kind", task=task, groups=tuple(groups))
    return Subject(Guesses(), {"test": values(rows, seed)}, label="price", task=task, groups=tuple(groups))


@pytest.fixture(name="of_task")
def _of_task() -> Callable[..., Subject]:
    return of_task


@pytest.fixture(name="tells")
def _tells() -> type[Tells]:
    return Tells


@pytest.fixture(name="guesses")
def _guesses() -> type[Guesses]:
    return Guesses
