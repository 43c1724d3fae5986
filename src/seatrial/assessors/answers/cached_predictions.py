"""The one cache of a model's predictions: kept as numbers while rows stream by, or asked for once a table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.predictor import BEYOND, Predictions, Predictor, sum_tolerance
from seatrial.models.signature import Signature

POSITION = "seatrial: row"  # the column by which recorded predictions are found again, however a table is cut
BATCH_ROWS = 65_536  # 100 columns of float64 are 50 MiB at this size: bounded, and long enough to keep a graph busy
_SHOWN_VALUES = 4


class CachedPredictions:
    """A `Predictor` that asks another one about no row twice.

    Tables with the column `POSITION` are answered from what a `Recorder` kept; any other is handed to `model` once.
    """

    def __init__(
        self,
        model: Predictor,
        *,
        recorded: Predictions | None = None,
        on_progress: Callable[[int, int], None] = lambda _done, _rows: None,
    ) -> None:
        """`on_progress` is told how many of how many rows the model has answered, after each batch."""
        self.signature = model.signature
        self.model = model
        self.recorded = recorded
        self._on_progress = on_progress
        self._tables: list[tuple[pa.Table, Predictions]] = []  # two or three: identity is enough of a key

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`. Raises `InputError` where the model gives another form than it promised."""
        for table, predictions in self._tables:
            if table is rows:
                return predictions
        is_recorded = self.recorded is not None and POSITION in rows.column_names
        predictions = self._recorded(rows) if is_recorded else self._ask(rows)
        self._tables.append((rows, predictions))
        return predictions

    def digest(self, rows: NDArray[np.uint64]) -> str:
        """sha256 in hex of the recorded predictions: what a model of unknown insides is known by.

        `rows` are hashes of the rows that they are for, uint64[n]: another order of the same rows changes nothing.
        """
        if self.recorded is None:
            raise AssertionError("nothing was recorded")
        whole = hashlib.sha256(repr((self.signature.task, self.signature.classes)).encode())
        columns: list[NDArray[Any]] = [rows]
        if self.signature.task == "regression":
            columns.append(np.asarray(self.recorded.labels, dtype=np.float64))
        else:
            names, codes = np.unique(self.recorded.labels.astype(str), return_inverse=True)
            whole.update(repr(names.tolist()).encode())
            columns.append(codes)
        for block in (self.recorded.probabilities, self.recorded.interval):
            if block is not None:
                columns += list(block.T)
        order = np.lexsort(columns[::-1])
        for column in columns:
            whole.update(column[order].astype(">u8" if column.dtype.kind == "u" else ">f8").tobytes())
        return whole.hexdigest()

    def _recorded(self, rows: pa.Table) -> Predictions:
        if self.recorded is None:
            raise AssertionError("nothing was recorded")
        places, all_ = rows.column(POSITION).to_numpy(), self.recorded
        return Predictions(
            all_.labels[places],
            None if all_.probabilities is None else all_.probabilities[places],
            None if all_.interval is None else all_.interval[places],
        )

    def _ask(self, rows: pa.Table) -> Predictions:
        parts = []
        for start in range(0, rows.num_rows, BATCH_ROWS):
            batch = rows.slice(start, BATCH_ROWS)
            part = self.model.predict(batch)
            if problem := _form_problem(self.signature, part, batch.num_rows):
                raise _broken(f"gave {problem}")
            if part.probabilities is None and self.signature.classes and self.signature.probabilities:
                raise _broken("gave no probabilities, and its signature names classes")
            parts.append(Predictions(_shared(part.labels), part.probabilities, part.interval))
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


@dataclass(slots=True)
class Recorder:
    """Takes a model's answers table by table: a class code, the probabilities or a value a row, nothing else."""

    predictor: Predictor
    model: str  # what errors call it
    _names: dict[object, int] = field(default_factory=dict)
    _labels: list[NDArray[np.int32] | NDArray[np.float64]] = field(default_factory=list)
    _probabilities: list[NDArray[np.float64]] = field(default_factory=list)
    _intervals: list[NDArray[np.float64]] = field(default_factory=list)
    _rows: int = 0

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self.predictor.signature

    def add(self, answers: Predictions, rows: int) -> None:
        """The answers for the next `rows` rows; an `InputError` where they are none."""
        if problem := _form_problem(self.signature, answers, rows):
            raise InputError(
                f"the model gave {problem}.", path=self.model, hint="Every row needs one answer of one form."
            )
        self._check_numbers(answers)
        self._labels.append(self._compact(answers))
        if answers.probabilities is not None:
            self._probabilities.append(np.ascontiguousarray(answers.probabilities, dtype=np.float64))
        if answers.interval is not None:
            self._intervals.append(np.ascontiguousarray(answers.interval, dtype=np.float64))
        self._rows += rows

    def recorded(self) -> CachedPredictions:
        """All answers, as a predictor for tables that have the column `POSITION`."""
        labels: NDArray[Any] = np.concatenate(self._labels)
        if self.signature.task != "regression":
            labels = np.array([*self._names, None], object)[labels]  # None: a model without any names
        predictions = Predictions(
            labels,
            np.concatenate(self._probabilities) if self._probabilities else None,
            np.concatenate(self._intervals) if self._intervals else None,
        )
        return CachedPredictions(self.predictor, recorded=predictions)

    def _compact(self, answers: Predictions) -> NDArray[np.int32] | NDArray[np.float64]:
        if self.signature.task == "regression":
            return np.asarray(answers.labels, dtype=np.float64)
        encoded = pa.array(answers.labels, from_pandas=True).dictionary_encode()
        if encoded.null_count:
            raise InputError(
                f"the model gave null for {encoded.null_count} of {len(encoded)} rows.",
                path=self.model,
                hint="It has to give one answer a row.",
            )
        names = encoded.dictionary.to_pylist()
        codes = np.array([self._names.setdefault(name, len(self._names)) for name in names], np.int32)
        compact: NDArray[np.int32] = codes[encoded.indices.to_numpy()]
        return compact

    def _check_numbers(self, answers: Predictions) -> None:
        if answers.probabilities is not None:
            values = answers.probabilities
            slack = sum_tolerance(values.shape[1])
            self._refuse(np.isnan(values).any(axis=1), values, "NaN instead of a probability", _NAN)
            self._refuse(((values < -BEYOND) | (values > 1 + BEYOND)).any(axis=1), values, "no probabilities", _LOGITS)
            off = np.abs(values.sum(axis=1) - 1) > slack
            self._refuse(off, values, "probabilities that do not sum to 1", _LOGITS)
        elif self.signature.task == "regression":
            numbers = np.asarray(answers.labels, dtype=np.float64)
            self._refuse(~np.isfinite(numbers), numbers, "no number", _NAN)

    def _refuse(self, wrong: Any, values: NDArray[np.float64], what: str, hint: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            shown = ", ".join(f"{value:.6g}" for value in np.atleast_1d(values[row])[:_SHOWN_VALUES])
            count = int(wrong.sum())
            raise InputError(
                f"the model gives {what} for {count:,} of {len(wrong):,} rows, first for row {self._rows + row:,}: "
                f"{shown}.",
                path=self.model,
                hint=hint,
            )


_NAN = "Look at that row (the first is row 0): a missing value is the usual cause. Fill it, or leave such rows out."
_LOGITS = "Export the model with its last softmax or sigmoid, or without probabilities."


def _form_problem(signature: Signature, part: Predictions, rows: int) -> str | None:
    """What is wrong with the shapes of the answers for `rows` rows; None where nothing is."""
    classes = len(signature.classes)
    if part.labels.shape != (rows,):
        return f"labels of shape {part.labels.shape} for {rows} rows"
    if part.probabilities is not None and part.probabilities.shape != (rows, classes):
        return f"probabilities of shape {part.probabilities.shape} for {rows} rows and {classes} classes"
    if part.interval is not None and part.interval.shape != (rows, 2):
        return f"intervals of shape {part.interval.shape} for {rows} rows"
    return None


def _shared(labels: NDArray[Any]) -> NDArray[Any]:
    """The same labels, in which equal texts are one Python object: onnxruntime makes a new one for each row."""
    if labels.dtype != object:
        return labels
    interned: dict[object, object] = {}
    shared: NDArray[Any] = np.array([interned.setdefault(label, label) for label in labels.tolist()], dtype=object)
    return shared


def _joined(parts: list[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    present = [part for part in parts if part is not None]
    if present and len(present) < len(parts):
        raise _broken("gave probabilities or intervals for some rows and none for others")
    return np.concatenate(present) if present else None


def _broken(what: str) -> InputError:
    return InputError(f"The model {what}.", path="model", hint="Package the model again; nothing was measured.")
