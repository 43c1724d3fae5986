"""Answers kept as numbers while rows stream by, and given back later as if the model were asked again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Signature

POSITION = "seatrial: row"  # the column by which recorded answers are found again, however a table is cut
BEYOND = 1e-6  # a probability of 1 + 1e-7 is one that was computed in float32
SUM_OFF = 1e-3  # of a row's probabilities: rounded to three digits they still pass, logits never do
_SHOWN_VALUES = 4


@dataclass(slots=True)
class Recorder:
    """Takes a model's answers table by table: a class code, the probabilities or a value a row, nothing else."""

    signature: Signature
    model: str  # what errors call it
    _names: dict[object, int] = field(default_factory=dict)
    _labels: list[NDArray[np.int32] | NDArray[np.float64]] = field(default_factory=list)
    _probabilities: list[NDArray[np.float64]] = field(default_factory=list)
    _intervals: list[NDArray[np.float64]] = field(default_factory=list)
    _rows: int = 0

    def add(self, answers: Predictions, rows: int) -> None:
        """The answers for the next `rows` rows; an `InputError` where they are none."""
        self._check_shapes(answers, rows)
        self._check_numbers(answers)
        self._labels.append(self._compact(answers))
        if answers.probabilities is not None:
            self._probabilities.append(np.ascontiguousarray(answers.probabilities, dtype=np.float64))
        if answers.interval is not None:
            self._intervals.append(np.ascontiguousarray(answers.interval, dtype=np.float64))
        self._rows += rows

    def recorded(self) -> Recorded:
        """All answers, as a predictor for tables that have the column `POSITION`."""
        labels: NDArray[Any] = np.concatenate(self._labels)
        if self.signature.task != "regression":
            labels = np.array([*self._names, None], object)[labels]  # None: a model without any names
        return Recorded(
            self.signature,
            Predictions(
                labels,
                np.concatenate(self._probabilities) if self._probabilities else None,
                np.concatenate(self._intervals) if self._intervals else None,
            ),
        )

    def _compact(self, answers: Predictions) -> NDArray[np.int32] | NDArray[np.float64]:
        if self.signature.task == "regression":
            return np.asarray(answers.labels, dtype=np.float64)
        encoded = pa.array(answers.labels, from_pandas=True).dictionary_encode()
        if encoded.null_count:
            raise self._broken(f"no answer for {encoded.null_count} of {len(encoded)} rows", "one answer a row")
        names = encoded.dictionary.to_pylist()
        codes = np.array([self._names.setdefault(name, len(self._names)) for name in names], np.int32)
        found: NDArray[np.int32] = codes[encoded.indices.to_numpy()]
        return found

    def _check_shapes(self, answers: Predictions, rows: int) -> None:
        classes = len(self.signature.classes)
        if answers.labels.shape != (rows,):
            raise self._broken(f"answers of shape {answers.labels.shape} for {rows} rows", "one answer a row")
        if answers.probabilities is not None and answers.probabilities.shape != (rows, classes):
            raise self._broken(
                f"probabilities of shape {answers.probabilities.shape} for {rows} rows and {classes} classes",
                "one column of probabilities a class",
            )
        if answers.interval is not None and answers.interval.shape != (rows, 2):
            raise self._broken(f"intervals of shape {answers.interval.shape} for {rows} rows", "a lower and an upper")

    def _check_numbers(self, answers: Predictions) -> None:
        if answers.probabilities is not None:
            given = answers.probabilities
            self._refuse(np.isnan(given).any(axis=1), given, "NaN instead of a probability", _NAN)
            self._refuse(((given < -BEYOND) | (given > 1 + BEYOND)).any(axis=1), given, "no probabilities", _LOGITS)
            self._refuse(np.abs(given.sum(axis=1) - 1) > SUM_OFF, given, "probabilities that do not sum to 1", _LOGITS)
        elif self.signature.task == "regression":
            values = np.asarray(answers.labels, dtype=np.float64)
            self._refuse(~np.isfinite(values), values, "no number", _NAN)

    def _refuse(self, wrong: Any, values: NDArray[np.float64], what: str, hint: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            shown = ", ".join(f"{value:.6g}" for value in np.atleast_1d(values[row])[:_SHOWN_VALUES])
            count = int(wrong.sum())
            raise InputError(
                f"it gives {what} for {count:,} of {len(wrong):,} rows, first for row {self._rows + row:,}: {shown}.",
                path=self.model,
                hint=hint,
            )

    def _broken(self, what: str, wanted: str) -> InputError:
        return InputError(f"it gave {what}.", path=self.model, hint=f"It has to give {wanted}.")


_NAN = "Look at that row (the first is row 0): a missing value is the usual cause. Fill it, or leave such rows out."
_LOGITS = "Export the model with its last softmax or sigmoid, or without probabilities."


@dataclass(slots=True, eq=False)
class Recorded:
    """A `Predictor` that knows its answers already."""

    signature: Signature
    answers: Predictions

    def predict(self, rows: pa.Table) -> Predictions:
        """The answers that were given for these rows."""
        places = rows.column(POSITION).to_numpy()
        known = self.answers
        return Predictions(
            known.labels[places],
            None if known.probabilities is None else known.probabilities[places],
            None if known.interval is None else known.interval[places],
        )

    def digest(self) -> str:
        """sha256 in hex of the answers in their order: what a model is known by of which nothing else is known."""
        whole = hashlib.sha256(repr((self.signature.task, self.signature.classes)).encode())
        if self.signature.task == "regression":
            whole.update(np.ascontiguousarray(self.answers.labels, dtype=">f8").tobytes())
        else:
            encoded = pa.array(self.answers.labels, from_pandas=True).dictionary_encode()
            whole.update(repr(encoded.dictionary.to_pylist()).encode())
            whole.update(encoded.indices.to_numpy().astype(">i4").tobytes())
        for block in (self.answers.probabilities, self.answers.interval):
            if block is not None:
                whole.update(block.astype(">f8").tobytes())
        return whole.hexdigest()
