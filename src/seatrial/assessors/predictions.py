"""A model's answers, asked for once a table, in batches, and checked to be answers at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.predictor import Predictions, Predictor

BATCH_ROWS = 65_536  # 100 columns of float64 are 50 MiB at this size: bounded, and long enough to keep a graph busy


class Remembering:
    """A `Predictor` that asks another one once for each table, and remembers what it said."""

    def __init__(self, predictor: Predictor, *, heed: Callable[[int, int], None] = lambda _done, _rows: None) -> None:
        """`heed` is told how many of how many rows are answered, after each batch."""
        self.signature = predictor.signature
        self._predictor = predictor
        self._heed = heed
        self._known: list[tuple[pa.Table, Predictions]] = []  # two or three tables: identity is enough of a key

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`. Raises `InputError` where the model gives another form than it promised."""
        for table, predictions in self._known:
            if table is rows:
                return predictions
        predictions = self._ask(rows)
        self._known.append((rows, predictions))
        return predictions

    def _ask(self, rows: pa.Table) -> Predictions:
        parts = []
        for start in range(0, rows.num_rows, BATCH_ROWS):
            batch = rows.slice(start, BATCH_ROWS)
            part = self._predictor.predict(batch)
            self._check(part, batch.num_rows)
            parts.append(part)
            self._heed(start + batch.num_rows, rows.num_rows)
        classes = len(self.signature.classes)
        labels: list[NDArray[Any]] = [part.labels for part in parts] or [np.empty(0, dtype=object)]
        probabilities = [part.probabilities for part in parts if part.probabilities is not None]
        if not parts and classes:
            probabilities = [np.empty((0, classes))]
        return Predictions(
            labels=np.concatenate(labels), probabilities=np.concatenate(probabilities) if probabilities else None
        )

    def _check(self, part: Predictions, rows: int) -> None:
        if part.labels.shape != (rows,):
            raise _broken(f"gave labels of shape {part.labels.shape} for {rows} rows")
        classes = len(self.signature.classes)
        if classes == 0:
            return
        if part.probabilities is None:
            raise _broken("gave no probabilities, and its signature names classes")
        if part.probabilities.shape != (rows, classes):
            raise _broken(f"gave probabilities of shape {part.probabilities.shape} for {rows} rows, {classes} classes")


def _broken(what: str) -> InputError:
    return InputError(f"The model {what}.", path="model", mend="Package the model again; nothing was measured.")
