"""A model's answers, asked for once a table, in batches, and checked to be answers at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.predictor import Predictions, Predictor

BATCH_ROWS = 65_536  # 100 columns of float64 are 50 MiB at this size: bounded, and long enough to keep a graph busy


class Remembering:
    """A `Predictor` that asks another one once for each table, and remembers what it said."""

    def __init__(
        self, predictor: Predictor, *, on_progress: Callable[[int, int], None] = lambda _done, _rows: None
    ) -> None:
        """`on_progress` is told how many of how many rows are answered, after each batch."""
        self.signature = predictor.signature
        self.predictor = predictor
        self._on_progress = on_progress
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
            part = self.predictor.predict(batch)
            self._check(part, batch.num_rows)
            parts.append(replace(part, labels=_shared(part.labels)))
            self._on_progress(start + batch.num_rows, rows.num_rows)
        if not parts:
            classes = len(self.signature.classes)
            return Predictions(
                np.empty(0, dtype=object if classes else np.float64), np.empty((0, classes)) if classes else None
            )
        return Predictions(
            labels=np.concatenate([part.labels for part in parts]),
            probabilities=_joined([part.probabilities for part in parts]),
            interval=_joined([part.interval for part in parts]),
        )

    def _check(self, part: Predictions, rows: int) -> None:
        if part.labels.shape != (rows,):
            raise _broken(f"gave labels of shape {part.labels.shape} for {rows} rows")
        classes = len(self.signature.classes)
        if part.probabilities is None and classes and self.signature.probabilities:
            raise _broken("gave no probabilities, and its signature names classes")
        if part.probabilities is not None and part.probabilities.shape != (rows, classes):
            shape = part.probabilities.shape
            raise _broken(f"gave probabilities of shape {shape} for {rows} rows, {classes} classes")
        if part.interval is not None and part.interval.shape != (rows, 2):
            raise _broken(f"gave intervals of shape {part.interval.shape} for {rows} rows")


def _shared(labels: NDArray[Any]) -> NDArray[Any]:
    """The same labels, in which equal texts are one Python object: onnxruntime makes a new one for each row."""
    if labels.dtype != object:
        return labels
    known: dict[object, object] = {}
    shared: NDArray[Any] = np.array([known.setdefault(label, label) for label in labels.tolist()], dtype=object)
    return shared


def _joined(parts: list[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    known = [part for part in parts if part is not None]
    if known and len(known) < len(parts):
        raise _broken("gave probabilities or intervals for some rows and none for others")
    return np.concatenate(known) if known else None


def _broken(what: str) -> InputError:
    return InputError(f"The model {what}.", path="model", hint="Package the model again; nothing was measured.")
