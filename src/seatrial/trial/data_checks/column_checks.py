"""What one input column makes doubtful, found as its values pass: bounded memory, and never a Python object a row."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seatrial.trial.data_checks.hash_sample import HashSample
from seatrial.trial.data_checks.value_hashes import Hashes, Values

MOST_VALUES = 10_000  # texts of a column that are counted one by one; of more, nothing is said about each
SAMPLE = 2**14  # distinct values counted within 1 %, and exactly up to here
NEARLY_ALL = 0.95  # of its rows have a value of their own: a name, a number in a file
_WORTH_WATCHING = 0.5  # a column with fewer different values in one table will not have nearly all different in the end
_REPEATS = 5  # a value that foretells the label does so often; one that comes once or twice does by itself
LEAST_ROWS = 100


class ColumnChecks:
    """The values of one input, and how they go with the label."""

    def __init__(self, *, identifiers: bool, foretells: bool) -> None:
        self.rows = 0
        self._first: np.uint64 | None = None
        self._varied = False
        self._distinct = HashSample(SAMPLE) if identifiers else None
        self._pairs: tuple[Hashes, Hashes] | None = (
            (np.empty(0, np.uint64), np.empty(0, np.uint64)) if foretells else None
        )
        self._texts: dict[str, int] | None = {}

    def see(self, values: Values, label: Hashes) -> None:
        """Takes the next rows: their values in this column, and their labels as hashes."""
        hashes = values.hashes
        if len(hashes) == 0:
            return
        self.rows += len(hashes)
        self._first = hashes[0] if self._first is None else self._first
        self._varied = self._varied or bool((hashes != self._first).any())
        if self._distinct is not None:
            different = len(np.unique(hashes)) if values.texts is None else len(values.texts)
            if different < _WORTH_WATCHING * len(hashes):
                self._distinct = None
            else:
                self._distinct.add(hashes)
        if self._pairs is not None:
            self._pairs = _paired(*self._pairs, hashes, label)
        self._count(values)

    @property
    def constant(self) -> bool:
        """Whether every row has the same value."""
        return self.rows > 0 and not self._varied

    @property
    def own_values(self) -> float:
        """Which share of the rows has a value of its own; 0 where that is far from all."""
        if self._distinct is None or self.rows < LEAST_ROWS:
            return 0.0
        return min(self._distinct.distinct / self.rows, 1.0)

    @property
    def foretells(self) -> bool:
        """Whether each value came many times, and always with one label."""
        return self._pairs is not None and self._varied and self.rows >= _REPEATS * len(self._pairs[0])

    @property
    def texts(self) -> dict[str, int] | None:
        """How often each text came; None for numbers, and for more than `MOST_VALUES` of them."""
        return self._texts

    def _count(self, values: Values) -> None:
        if values.texts is None or values.codes is None or self._texts is None:
            self._texts = None
            return
        if len(values.texts) > MOST_VALUES:
            self._texts = None
            return
        counts = np.bincount(values.codes, minlength=len(values.texts))
        for text, count in zip(map(str, values.texts.to_pylist()), counts.tolist(), strict=True):
            self._texts[text] = self._texts.get(text, 0) + count
        if len(self._texts) > MOST_VALUES:
            self._texts = None


def _paired(keys: Hashes, labels: Hashes, hashes: Hashes, label: Hashes) -> tuple[Hashes, Hashes] | None:
    """Each value and the one label it came with; None as soon as a value came with two, or with too many values."""
    values = np.concatenate([keys, hashes])
    beside = np.concatenate([labels, label])
    different, first, places = np.unique(values, return_index=True, return_inverse=True)
    if len(different) > MOST_VALUES or bool((beside != beside[first][places]).any()):
        return None
    return different, beside[first]


class Separation:
    """Of each class the least and the largest value of a number: whether the classes lie apart."""

    def __init__(self) -> None:
        self._ranges: dict[int, tuple[float, float]] = {}
        self._overlaps = False

    def see(self, values: NDArray[np.float64], codes: NDArray[np.int64]) -> None:
        """Takes the next rows; `codes` are those of their labels. NaN says nothing."""
        if self._overlaps:
            return
        for code in np.unique(codes).tolist():
            of_class = values[(codes == code) & ~np.isnan(values)]
            if len(of_class):
                least, most = self._ranges.get(code, (np.inf, -np.inf))
                self._ranges[code] = min(least, float(of_class.min())), max(most, float(of_class.max()))
        ordered = sorted(self._ranges.values())
        self._overlaps = any(left[1] >= right[0] for left, right in pairwise(ordered))

    def apart(self, classes: int) -> bool:
        """Whether no value of one class lies among those of another, and each class has values."""
        return not self._overlaps and len(self._ranges) == classes > 1


class Together:
    """Whether two numbers go together as on a line: Pearson's r from moments (Chan, Golub & LeVeque 1983)."""

    def __init__(self) -> None:
        self._rows = 0
        self._mean = np.zeros(2)
        self._moments = np.zeros((2, 2))

    def see(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        """Takes the next rows; those in which one is not finite are left out."""
        there = np.isfinite(first) & np.isfinite(second)
        count = int(there.sum())
        if count == 0:
            return
        both = np.stack([first[there], second[there]])
        mean = both.mean(axis=1)
        apart = both - mean[:, None]
        total = self._rows + count
        away = mean - self._mean
        self._moments += apart @ apart.T + np.outer(away, away) * (self._rows * count / total)
        self._mean = self._mean + away * (count / total)
        self._rows = total

    def correlation(self) -> float:
        """Pearson's r; 0 where there are few rows, or one of the two does not vary."""
        spread = self._moments[0, 0] * self._moments[1, 1]
        if self._rows < LEAST_ROWS or not spread > 0:
            return 0.0
        return float(self._moments[0, 1] / np.sqrt(spread))
