"""Rows of the training set that come again with other last digits: rounded, or shifted by a hair.

Numbers are compared by cells of a part of their column's spread, at two scales, so the first digits alone decide; texts
and whole numbers of a narrow range as they are. What meets more often than chance was copied: see `near_copies`. Chance
is also what the test rows meet once one of their numbers has moved to the next value: there copies lose their rows,
while strangers in a crowd meet as many others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.trial.data_checks.hash_sample import HashSample
from seatrial.trial.data_checks.near_copies import REMEMBERED, CountedRows, beyond_chance
from seatrial.trial.data_checks.value_hashes import Hashes, mix_bits, stored_type

Numbers = NDArray[np.float64]

CELLS_A_SPREAD = (1024, 64)  # of a column's standard deviation: three digits of a number, and two
_MIDDLE = (0.05, 0.95)  # quantiles between which the spread is taken: a heavy tail makes no wide cells
_DEVIATIONS = 3.29  # of a normal distribution between these quantiles
_MOST_ALIKE = 2  # training rows in a cell: where there are more, strangers meet; the test may hold more of these
_LEAST_COLUMNS = 2  # in one, strangers are equal
_MOST_MOVED = 8  # columns that are moved, each alone: the more there are, the rarer strangers meet at all
_STEP = 2  # cells that a number moves at least: a copy may stand in the next one


class NearCells:
    """Sees the numbers of both tables, the training set first; `columns` are the inputs, `numbers` those of numbers."""

    def __init__(self, columns: Sequence[str], numbers: Sequence[str]) -> None:
        self._columns = tuple(columns) if len(columns) >= _LEAST_COLUMNS else ()
        self._numbers = tuple(name for name in numbers if name in self._columns)
        moved = np.linspace(0, len(self._numbers) - 1, min(len(self._numbers), _MOST_MOVED)).astype(int)
        self._moved = tuple(self._numbers[place] for place in moved)
        self._scales: list[_Scale] | None = None
        self._train_rows = 0

    def see_train(self, table: pa.Table, hashes: Mapping[str, Hashes]) -> None:
        """Takes the next rows of the training set, and the hashes of their values."""
        self._train_rows += table.num_rows
        numbers = self._values(table)
        if self._scales is None:
            whole = {name for name in numbers if pa.types.is_integer(stored_type(table.schema.field(name).type))}
            scales = [_Scale.of(numbers, cells, whole=whole, moved=self._moved) for cells in CELLS_A_SPREAD]
            self._scales = [scale for scale in scales if scale.widths]
        for scale in self._scales:
            scale.train.add(mix_bits(_total(self._terms(scale, numbers, hashes))))

    def see(self, table: pa.Table, hashes: Mapping[str, Hashes]) -> None:
        """Takes the next rows that are measured."""
        numbers = self._values(table)
        for scale in self._scales or ():
            terms = self._terms(scale, numbers, hashes)
            total = _total(terms)
            scale.test.add(mix_bits(total))
            for name, sample in scale.moved.items():
                place = self._columns.index(name)
                elsewhere, moves = scale.next_occupied(name, numbers[name])
                sample.add(mix_bits(total - terms[place] + _term(_hashed(elsewhere), place))[moves])

    def rows(self, *, copies: int, rows: int) -> CountedRows:
        """How many of the `rows` are rows of the training set but for last digits, beside `copies`; 0 by chance."""
        counted = [
            beyond_chance(
                scale.test,
                scale.train,
                copies=copies,
                rows=rows,
                train_rows=self._train_rows,
                most=_MOST_ALIKE,
                moved=tuple(scale.moved.values()),
            )
            for scale in self._scales or ()
            if rows and self._train_rows
        ]
        return max(counted, key=lambda each: each.rows, default=CountedRows(0))

    def _values(self, table: pa.Table) -> dict[str, Numbers]:
        return {name: _numbers(table.column(name)) for name in self._numbers}

    def _terms(self, scale: _Scale, numbers: Mapping[str, Numbers], hashes: Mapping[str, Hashes]) -> list[Hashes]:
        """Of each column, by place; their sum is the row's, so that one can be exchanged."""
        return [
            _term(_hashed(scale.cells(name, numbers[name])) if name in scale.widths else hashes[name], place)
            for place, name in enumerate(self._columns)
        ]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Columns in cells of these `widths`, the others as they are, and the hashes of both tables' rows so.

    `occupied` are the cells or values of the first training rows, ascending, of each column in `moved`.
    """

    widths: Mapping[str, float]
    occupied: Mapping[str, Numbers]
    moved: Mapping[str, HashSample]
    test: HashSample = field(default_factory=lambda: HashSample(REMEMBERED))
    train: HashSample = field(default_factory=lambda: HashSample(REMEMBERED))

    @classmethod
    def of(cls, numbers: Mapping[str, Numbers], cells: int, *, whole: set[str], moved: Sequence[str]) -> _Scale:
        widths = {name: _spread(values) / cells for name, values in numbers.items()}
        widths = {name: width for name, width in widths.items() if width > (1.0 if name in whole else 0.0)}
        scale = cls(widths, {}, {name: HashSample(REMEMBERED) for name in moved})
        places = {name: scale.cells(name, numbers[name]) for name in moved}
        return cls(
            widths, {name: np.unique(values[np.isfinite(values)]) for name, values in places.items()}, scale.moved
        )

    def cells(self, name: str, values: Numbers) -> Numbers:
        if name not in self.widths:
            return values
        with np.errstate(over="ignore", invalid="ignore"):
            cells: Numbers = np.floor(values / self.widths[name])
        return cells

    def next_occupied(self, name: str, values: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        """The next higher cells that training rows are in, so that values of a grid stay on it; and where they are."""
        occupied = self.occupied[name]
        cells = self.cells(name, values)
        least = cells + (_STEP if name in self.widths else 1)
        places = np.searchsorted(occupied, least)
        elsewhere = np.where(places < len(occupied), np.append(occupied, 0.0)[places], least)
        return elsewhere, np.isfinite(cells) & (elsewhere != cells)


def _total(terms: Sequence[Hashes]) -> Hashes:
    total = np.zeros_like(terms[0])
    for term in terms:
        total += term
    return total


def _term(hashes: Hashes, place: int) -> Hashes:
    return mix_bits(hashes + np.uint64(place + 1))


def _numbers(column: pa.ChunkedArray[Any]) -> Numbers:
    numbers: Numbers = column.cast(stored_type(column.type)).cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _spread(values: Numbers) -> float:
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return 0.0
    low, high = np.quantile(values, _MIDDLE)
    return float(high - low) / _DEVIATIONS or float(values.std())


def _hashed(values: Numbers) -> Hashes:
    return mix_bits(np.where(np.isnan(values), np.nan, values + 0.0).view(np.uint64))
