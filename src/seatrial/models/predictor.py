"""The seam between a model and whoever asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.models.signature import Signature

BEYOND = 1e-6  # a probability of 1 + 1e-7 is one that was computed in float32
_HALF_A_DIGIT = 0.0005  # of a probability that is rounded to three digits


def sum_tolerance(classes: int) -> float:
    """How far the probabilities of one row may sum to something else than 1.

    Rounded to three digits, each of them is off by half a digit at most; logits of a few classes miss 1 by far more.
    """
    return max(classes, 2) * _HALF_A_DIGIT + BEYOND


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answers for n rows.

    `labels`: object[n] of class names, or float64[n] for regression. `probabilities`: float64[n, classes], or None for
    regression and for a classifier that only answers with labels. `interval`: float64[n, 2], lower and upper, for a
    regression whose signature has one.
    """

    labels: NDArray[np.object_] | NDArray[np.float64]
    probabilities: NDArray[np.float64] | None
    interval: NDArray[np.float64] | None = None

    @property
    def unanswered(self) -> NDArray[np.bool_]:
        """bool[n]: the rows whose label is null, or whose probability or value is NaN, whatever the label says."""
        numbers = self.labels if self.probabilities is None else self.probabilities
        missing = missing_values(self.labels)
        if numbers.dtype.kind != "f" or not len(self.labels):
            return missing
        return missing | np.asarray(np.isnan(np.asarray(numbers, np.float64).reshape(len(self.labels), -1)).any(axis=1))


def missing_values(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the values [n] are None or NaN."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind != "O":
        return np.zeros(len(values), np.bool_)
    nothing: Any = None
    missing: NDArray[np.bool_] = (np.equal(values, nothing) | np.not_equal(values, values)).astype(np.bool_)
    return missing  # NaN is not itself


class Predictor(Protocol):
    """Something that answers for rows of raw, named columns."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        ...

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`; extra columns are ignored, a missing one is an `InputError`."""
        ...


class ArrayPredictor(Protocol):
    """Something that answers for columns that are NumPy's already: what a server asks, row by row and at once."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        ...

    def predict_arrays(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        """Answers in the order of the rows; columns are float64[n], NaN for missing, or object[n] of str."""
        ...
