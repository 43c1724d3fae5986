"""Whether a row's answer hangs on the rows asked beside it, on their order, on the hour, on threads or other callers.

A layer that normalises by its batch, a function that ranks or standardises the frame it is given, dropout that was
left on: measured in large batches such a model is another one than that which serves rows one by one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import SeatrialError
from seatrial.models.predictor import Predictions, Predictor
from seatrial.trial.flag_answers import flag_answers
from seatrial.verdicts.evidence import Flag
from seatrial.verdicts.trial import Trial

CODE = "answers_depend_on_batch"
BATCH, ALONE = 32, 6  # rows asked again together, and one by one: an endpoint, too, may be asked ten times more
CALLERS, _TURNS = 4, 2  # threads that ask at once, and how often each does
_WAIT_S = 30.0  # for all of them to be ready
NEAR = 1e-4  # of a probability, and of a number beside the spread of all: float32 adds up in another order by batch

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BatchDependence:
    """What was seen: how many of how many rows got another answer, and in which company."""

    rows: int
    of_rows: int
    how: str

    @property
    def flag(self) -> Flag:
        """As a doubt about every number that rests on answers."""
        return Flag(CODE, f"{self.rows} of {self.of_rows} rows got another answer {self.how}")


def find_batch_dependence(
    predictor: Predictor,
    table: pa.Table,
    predictions: Predictions,
    *,
    otherwise: Mapping[str, Callable[[], Predictor]],
) -> BatchDependence | None:
    """Asks for rows of `table` again: in a small batch, reversed, twice, at once, alone. None where all answers stay.

    `predictions` are the answers when the whole table was asked. `otherwise` opens the same model as it may run
    elsewhere, by what is other there ("with one thread"). A model that fails in other company hangs on it, too.
    """
    places = np.unique(np.linspace(0, table.num_rows - 1, min(BATCH, table.num_rows)).astype(np.int64))
    batch, expected = table.take(places), _taken(predictions, places)
    spread = _spread(predictions)
    backwards = np.arange(len(places))[::-1]
    alone = places[np.unique(np.linspace(0, len(places) - 1, min(ALONE, len(places))).astype(np.int64))]
    try:
        together = predictor.predict(batch)
        if dependence := _apart(together, expected, spread, f"among {len(places)} rows than among {table.num_rows:,}"):
            return dependence
        if dependence := _apart(predictor.predict(batch), expected, spread, "asked twice"):
            return dependence
        reverse = predictor.predict(batch.take(backwards))
        if dependence := _apart(reverse, _taken(expected, backwards), spread, "in another order"):
            return dependence
        if dependence := _at_once(predictor, batch, expected, spread):
            return dependence
        for how, opened in otherwise.items():
            if dependence := _apart(opened().predict(batch), expected, spread, how):
                return dependence
        answers = [predictor.predict(table.slice(int(place), 1)) for place in alone]
    except SeatrialError as error:
        return BatchDependence(len(places), len(places), f"than among {table.num_rows:,}: {error.problem}")
    return _apart(_joined(answers), _taken(predictions, alone), spread, f"alone than among {table.num_rows:,}")


def _at_once(predictor: Predictor, batch: pa.Table, expected: Predictions, spread: float) -> BatchDependence | None:
    """Whether answers are others where `CALLERS` threads ask at once, each for the rows in an order of its own."""
    rows = batch.num_rows
    orders = [np.roll(np.arange(rows), caller * rows // CALLERS) for caller in range(CALLERS)]
    begin = threading.Barrier(CALLERS)

    def ask(order: Ints) -> list[Predictions]:
        mine = batch.take(order)
        begin.wait(_WAIT_S)
        return [predictor.predict(mine) for _ in range(_TURNS)]

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(ask, orders))
    for order, turns in zip(orders, answers, strict=True):
        for predictions in turns:
            if apart := _apart(predictions, _taken(expected, order), spread, f"where {CALLERS} ask at once"):
                return apart
    return None


def flag_batch_dependence(trial: Trial, dependence: BatchDependence | None) -> Trial:
    """The trial with the flag on all evidence that rests on answers."""
    return trial if dependence is None else flag_answers(trial, (dependence.flag,))


def _apart(predictions: Predictions, expected: Predictions, spread: float, how: str) -> BatchDependence | None:
    count = len(expected.labels)
    if len(predictions.labels) != count:
        return BatchDependence(count, count, how)
    if predictions.probabilities is not None and expected.probabilities is not None:
        if predictions.probabilities.shape != expected.probabilities.shape:
            return BatchDependence(count, count, how)
        apart = ~_near(predictions.probabilities, expected.probabilities, NEAR).all(axis=1)
    elif np.issubdtype(expected.labels.dtype, np.floating):
        apart = ~_near(np.asarray(predictions.labels, float), np.asarray(expected.labels, float), NEAR * spread)
    else:
        apart = predictions.labels.astype(str) != expected.labels.astype(str)
    rows = int(apart.sum())
    return BatchDependence(rows, count, how) if rows else None


def _near(first: NDArray[np.float64], second: NDArray[np.float64], within: float) -> NDArray[np.bool_]:
    return np.asarray((np.abs(first - second) <= within) | (np.isnan(first) & np.isnan(second)))


def _spread(predictions: Predictions) -> float:
    """Of a regression's answers; float32 rounds large ones by more."""
    if not np.issubdtype(predictions.labels.dtype, np.floating):
        return 1.0
    values = np.asarray(predictions.labels, float)
    values = values[np.isfinite(values)]
    return float(np.abs(values).max(initial=0.0)) or 1.0


def _taken(predictions: Predictions, places: Ints) -> Predictions:
    chances = predictions.probabilities
    return Predictions(predictions.labels[places], None if chances is None else chances[places])


def _joined(parts: list[Predictions]) -> Predictions:
    chances = [part.probabilities for part in parts if part.probabilities is not None]
    return Predictions(
        np.concatenate([part.labels for part in parts]),
        np.concatenate(chances) if len(chances) == len(parts) else None,
    )
