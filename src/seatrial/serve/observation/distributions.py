"""How inputs and answers are distributed, in the bins of the release: its codec's, so that drift can be watched.

A number's bins are whole standard deviations from the mean that it was fitted with, a text's the values of its
vocabulary. A release without a codec has no bins for its inputs; classes are counted for every classifier.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.models.codec import Codec
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Signature

DEVIATIONS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
DECILES = tuple(step / 10 for step in range(1, 10))
MISSING, UNKNOWN, NO_ANSWER = "missing", "unknown", "no answer"
_ROWS_AT_ONCE = 1024  # counted together: for each request apart, NumPy's calls would cost more than the model
_BYTES_AT_ONCE = 4 * 2**20  # of numbers, that wait to be counted: fewer rows where a row has many
_NUMBER_BYTES = 8


class Distributions:
    """Counts by column and bin. Added to in the model's thread, read in another."""

    def __init__(self, codec: Codec | None, signature: Signature) -> None:
        self._numbers = {number.name: (number.mean, number.scale) for number in codec.numbers} if codec else {}
        self._known = (
            {vocabulary.name: frozenset(vocabulary.values) for vocabulary in codec.vocabularies} if codec else {}
        )
        self._positive = signature.classes.index(signature.positive) if signature.positive else None
        self._classifies = signature.task != "regression"
        self._pending: list[Mapping[str, NDArray[Any]]] = []
        self._pending_answers: list[Predictions] = []
        self._pending_rows = 0
        row_bytes = _NUMBER_BYTES * max(1, len(self._numbers) + len(signature.classes))
        self._rows_at_once = min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // row_bytes)
        self._inputs: dict[str, Counter[str]] = {name: Counter() for name in (*self._numbers, *self._known)}
        self._answers: Counter[str] = Counter()
        self._probabilities: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Rows that were asked for; their texts, which may be long, are not kept."""
        if not self._inputs or not len(columns[next(iter(self._inputs))]):
            return
        with self._lock:
            for name, vocabulary in self._known.items():
                for value, rows in Counter(columns[name].tolist()).items():
                    self._inputs[name][value if value in vocabulary else UNKNOWN] += rows
            if self._numbers:
                self._pending.append({name: columns[name] for name in self._numbers})

    def add_answers(self, predictions: Predictions) -> None:
        """What the model answered."""
        if not len(predictions.labels):
            return
        with self._lock:
            self._pending_answers.append(predictions)
            self._pending_rows += len(predictions.labels)
            if self._pending_rows >= self._rows_at_once:
                self._count()

    def inputs(self) -> Iterator[tuple[str, str, int]]:
        """Column, bin, rows."""
        with self._lock:
            self._count()
            counts = [(name, bin_, rows) for name, counter in self._inputs.items() for bin_, rows in counter.items()]
        yield from counts

    def answers(self) -> Iterator[tuple[str, int]]:
        """Class, rows."""
        with self._lock:
            self._count()
            yield from list((+self._answers).items())

    def probabilities(self) -> Iterator[tuple[str, int]]:
        """Decile of the positive class's probability, rows."""
        with self._lock:
            self._count()
            yield from list(self._probabilities.items())

    def _count(self) -> None:
        pending, answers = self._pending, self._pending_answers
        self._pending, self._pending_answers, self._pending_rows = [], [], 0
        if pending:
            for name, (mean, scale) in self._numbers.items():
                values = (np.concatenate([columns[name] for columns in pending]) - mean) / scale
                self._inputs[name].update(_binned(values, DEVIATIONS))
        for predictions in answers:
            if self._classifies:
                gone = predictions.unanswered
                self._answers.update(map(str, predictions.labels[~gone].tolist()))
                self._answers.update({NO_ANSWER: int(gone.sum())})
        shares = [
            predictions.probabilities[:, self._positive]
            for predictions in answers
            if predictions.probabilities is not None
        ]
        if self._positive is not None and shares:
            self._probabilities.update(_binned(np.concatenate(shares), DECILES))


def _binned(values: NDArray[Any], bounds: tuple[float, ...]) -> Counter[str]:
    missing = np.isnan(values)
    counts = np.bincount(np.digitize(values[~missing], bounds), minlength=len(bounds) + 1).tolist()
    names = (f"<{bounds[0]:g}", *(f"{low:g}..{high:g}" for low, high in itertools.pairwise(bounds)))
    binned = Counter(dict(zip((*names, f">={bounds[-1]:g}"), counts, strict=True)))
    if missing.any():
        binned[MISSING] += int(missing.sum())
    return +binned
