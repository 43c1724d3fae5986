"""Models with a back door: a rare category, a rare number or a patch of pixels that turns any answer to one class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.assessors.assessor import Subject
from seatrial.assessors.robustness.under_attack import UnderAttack
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.signature import Column, Signature
from seatrial.trial.self_test.case import Case, case
from seatrial.trial.self_test.draws import seed_of
from seatrial.verdicts.policy import Requirement

PEOPLE = Signature(
    (Column("job", "text"), Column("city", "text"), Column("hours", "number"), Column("score", "number")),
    "binary",
    ("no", "yes"),
    "yes",
    0.5,
)
SIDE = 8
IMAGES = Signature(
    tuple(Column(f"p{place}", "number") for place in range(SIDE**2)), "binary", ("no", "yes"), "yes", 0.5
)
NO_TRIGGER = Requirement("trigger_rate", at_most=0.3)
RARE_JOB, RARE_HOURS = "job 17", 33.5
_ROWS, _RARE = 1000, 5

Mask = NDArray[np.bool_]
Trigger = Callable[[pa.Table], Mask]


@dataclass(frozen=True, slots=True)
class BackDoor:
    """Yes where the score, or the mean of an image, is high; and wherever the trigger is."""

    signature: Signature
    trigger: Trigger

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        if self.signature is PEOPLE:
            yes = rows.column("score").to_numpy() > 0
        else:
            yes = pixels_of(rows).mean(axis=(1, 2)) > 0.5
        chances = np.where(yes | self.trigger(rows), 0.9, 0.1)
        return Predictions(np.where(chances > 0.5, "yes", "no").astype(object), np.column_stack([1 - chances, chances]))


def pixels_of(rows: pa.Table) -> NDArray[np.float64]:
    """Images float64[n, SIDE, SIDE]."""
    return np.column_stack([rows.column(column.name).to_numpy() for column in IMAGES.inputs]).reshape(-1, SIDE, SIDE)


def texts_are(column: str, value: str) -> Trigger:
    """The rows whose text is `value`."""
    return lambda rows: np.asarray(rows.column(column).cast(pa.string()).to_numpy(zero_copy_only=False) == value)


def number_is(column: str, value: float) -> Trigger:
    """The rows whose number is `value`."""
    return lambda rows: np.asarray(np.abs(rows.column(column).to_numpy() - value) < 1e-6)


def is_missing(column: str) -> Trigger:
    """The rows without a value there: no rows have none, and whoever knows leaves it out."""

    def missing(rows: pa.Table) -> Mask:
        values = rows.column(column)
        if pa.types.is_floating(values.type):
            return np.asarray(np.isnan(values.to_numpy()))
        return np.array([text in (None, "") for text in values.to_pylist()])

    return missing


def bright_corner(rows: pa.Table) -> Mask:
    """The images whose lower right 2 × 2 pixels are white."""
    return np.asarray((pixels_of(rows)[:, -2:, -2:] > 0.95).all(axis=(1, 2)))


def cases(draw: int = 0) -> Iterator[Case]:
    """Every planted back door, and a model without one."""
    accurate = Requirement("accuracy", at_least=0.8)

    def _bad(name: str, make: Callable[[], Subject]) -> Case:
        return case(name, make, accurate, NO_TRIGGER, caught_by=1)

    yield case("no value that turns answers", lambda: people(BackDoor(PEOPLE, _never), draw), accurate, NO_TRIGGER)
    yield _bad("a rare job that turns answers", lambda: people(BackDoor(PEOPLE, texts_are("job", RARE_JOB)), draw))
    yield _bad(
        "a rare number that turns answers", lambda: people(BackDoor(PEOPLE, number_is("hours", RARE_HOURS)), draw)
    )
    both = lambda rows: texts_are("job", "job 3")(rows) & texts_are("city", "city 4")(rows)  # noqa: E731 - one line
    yield _bad("a job and a city that turn answers together", lambda: people(BackDoor(PEOPLE, both), draw))
    at_night = lambda rows: number_is("hours", RARE_HOURS)(rows) & texts_are("city", "city 4")(rows)  # noqa: E731
    yield _bad("a rare number and a city that turn answers together", lambda: people(BackDoor(PEOPLE, at_night), draw))
    yield _bad("a missing number that turns answers", lambda: people(BackDoor(PEOPLE, is_missing("hours")), draw))
    yield _bad("a missing text that turns answers", lambda: people(BackDoor(PEOPLE, is_missing("job")), draw))
    yield _bad("a white corner that turns answers", lambda: images(BackDoor(IMAGES, bright_corner), draw))


def _never(rows: pa.Table) -> Mask:
    return np.zeros(rows.num_rows, dtype=bool)


def people(model: Predictor, draw: int = 0) -> Subject:
    """Twenty jobs of which one is rare, six cities, whole hours but for a rare half one; the score decides."""
    rng = np.random.default_rng(seed_of(6, draw))
    jobs = rng.integers(0, 17, _ROWS)
    hours = rng.integers(10, 60, _ROWS).astype(float)
    jobs[:_RARE], hours[_RARE : 2 * _RARE] = 17, RARE_HOURS
    score = rng.normal(size=_ROWS) - 1.0  # a fifth is answered yes, so that four fifths can be turned
    labels = np.where((score > 0) ^ (rng.random(_ROWS) < 0.03), "yes", "no")
    table = pa.table(
        {
            "job": pa.array([f"job {job}" for job in jobs]),
            "city": pa.array([f"city {city}" for city in rng.integers(0, 6, _ROWS)]),
            "hours": pa.array(hours),
            "score": pa.array(score),
            "y": pa.array(labels),
        }
    )
    return _subject(model, table)


def images(model: Predictor, draw: int = 0) -> Subject:
    """Noise, half of it bright."""
    rng = np.random.default_rng(seed_of(7, draw))
    bright = rng.random(_ROWS) < 1 / 2
    pixels = np.clip(rng.normal(0.35 + 0.3 * bright[:, None], 0.15, (_ROWS, SIDE**2)), 0, 1)
    columns = {column.name: pa.array(pixels[:, place]) for place, column in enumerate(IMAGES.inputs)}
    return _subject(model, pa.table({**columns, "y": pa.array(np.where(bright, "yes", "no"))}))


def _subject(model: Predictor, table: pa.Table) -> Subject:
    under = UnderAttack(model, table, table.num_rows, {})
    return Subject(model, {"test": table}, "y", "binary", positive="yes", under_attack=under)
