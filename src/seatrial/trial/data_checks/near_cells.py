"""Rows of the training set that come again with other last digits: rounded, or shifted by a hair.

Numbers are compared by cells of a part of their column's spread, at two scales, so the first digits alone decide; texts
and whole numbers of a narrow range as they are. What meets more often than chance was copied: see `near_copies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.trial.data_checks.hash_sample import HashSample
from seatrial.trial.data_checks.near_copies import REMEMBERED, beyond_chance
from seatrial.trial.data_checks.value_hashes import Hashes, combine_hashes, mix_bits, stored_type

CELLS_A_SPREAD = (1024, 64)  # of a column's standard deviation: three digits of a number, and two
_MIDDLE = (0.05, 0.95)  # quantiles between which the spread is taken: a heavy tail makes no wide cells
_DEVIATIONS = 3.29  # of a normal distribution between these quantiles
_MOST_ALIKE = 2  # training rows in a cell: where there are more, strangers meet; the test may hold more of these
_LEAST_COLUMNS = 2  # in one, strangers are equal


class NearCells:
    """Sees the numbers of both tables, the training set first; `columns` are the inputs, `numbers` those of numbers."""

    def __init__(self, columns: Sequence[str], numbers: Sequence[str]) -> None:
        self._columns = tuple(columns) if len(columns) >= _LEAST_COLUMNS else ()
        self._numbers = tuple(name for name in numbers if name in self._columns)
        self._spreads: dict[str, float] | None = None
        self._samples = [(HashSample(REMEMBERED), HashSample(REMEMBERED)) for _ in CELLS_A_SPREAD]
        self._train_rows = 0

    def see_train(self, table: pa.Table, hashes: Mapping[str, Hashes]) -> None:
        """Takes the next rows of the training set, and the hashes of their values."""
        self._train_rows += table.num_rows
        numbers = self._values(table)
        if self._spreads is None:
            self._spreads = {name: _spread(values) for name, values in numbers.items()}
        for (_, train), rows in zip(self._samples, self._hashed(table, numbers, hashes), strict=True):
            train.add(rows)

    def see(self, table: pa.Table, hashes: Mapping[str, Hashes]) -> None:
        """Takes the next rows that are measured."""
        numbers = self._values(table)
        for (test, _), rows in zip(self._samples, self._hashed(table, numbers, hashes), strict=True):
            test.add(rows)

    def rows(self, *, copies: int, rows: int) -> int:
        """How many of the `rows` are rows of the training set but for last digits, beside `copies`; 0 by chance."""
        if not self._numbers or not rows or not self._train_rows:
            return 0
        return max(
            beyond_chance(test, train, copies=copies, rows=rows, train_rows=self._train_rows, most=_MOST_ALIKE)
            for test, train in self._samples
        )

    def _values(self, table: pa.Table) -> dict[str, NDArray[np.float64]]:
        return {name: _numbers(table.column(name)) for name in self._numbers}

    def _hashed(
        self, table: pa.Table, numbers: Mapping[str, NDArray[np.float64]], hashes: Mapping[str, Hashes]
    ) -> list[Hashes]:
        if not self._numbers or self._spreads is None:
            return [np.empty(0, np.uint64)] * len(CELLS_A_SPREAD)
        combined = []
        for cells in CELLS_A_SPREAD:
            columns = []
            for name in self._columns:
                width = self._spreads.get(name, 0.0) / cells
                whole = pa.types.is_integer(stored_type(table.schema.field(name).type))
                columns.append(hashes[name] if width <= (1.0 if whole else 0.0) else _cells(numbers[name], width))
            combined.append(combine_hashes(columns))
        return combined


def _numbers(column: pa.ChunkedArray[Any]) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = column.cast(stored_type(column.type)).cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _spread(values: NDArray[np.float64]) -> float:
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return 0.0
    low, high = np.quantile(values, _MIDDLE)
    return float(high - low) / _DEVIATIONS or float(values.std())


def _cells(values: NDArray[np.float64], width: float) -> Hashes:
    with np.errstate(over="ignore", invalid="ignore"):
        cells = np.floor(values / width) + 0.0
    return mix_bits(np.where(np.isnan(cells), np.nan, cells).view(np.uint64))
