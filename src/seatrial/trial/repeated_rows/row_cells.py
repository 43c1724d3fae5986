"""Rows in cells so narrow that only copies share one: what is compared to tell copies from other rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.trial.data_checks.value_hashes import Hashes, combine_hashes, hash_column, mix_bits, stored_type
from seatrial.trial.label_column import has_label
from seatrial.trial.test_uses.row_sketch import canonical_hashes, is_vector

CELLS_A_SPREAD = 1024  # of a column's standard deviation: float32 rounding, or a hair, seldom leads into the next cell
_MIDDLE = (0.05, 0.95)  # quantiles between which the spread is taken: a heavy tail makes no wide cells
_DEVIATIONS = 3.29  # of a normal distribution between these quantiles


class RowCells:
    """Sees the rows that are measured; keeps 8 bytes a row that has a label: a hash of its cell.

    Numbers count in cells of about a thousandth of their column's spread in the first rows, whole numbers of a narrow
    range and texts as they are, vectors to five digits.
    """

    def __init__(self, schema: pa.Schema, *, label: str, inputs: Sequence[str]) -> None:
        self.label = label
        self.columns = (*(name for name in sorted(inputs) if _comparable(schema.field(name).type)), label)
        self._widths: dict[str, float] | None = None
        self._hashes: list[Hashes] = []

    def see(self, table: pa.Table) -> None:
        """Takes the next rows; those without a label are left out."""
        labelled = has_label(table.column(self.label))
        labelled_rows = table if labelled.all() else table.filter(pa.array(labelled))
        if labelled_rows.num_rows:
            self._hashes.append(combine_hashes(self.cells(labelled_rows)))

    def cells(self, table: pa.Table) -> list[Hashes]:
        """The cell of each row in each of `columns`."""
        if self._widths is None:
            self._widths = {name: _width(table.column(name)) for name in self.columns if _is_number(table, name)}
        return [_cells(table.column(name), self._widths.get(name)) for name in self.columns]

    def rows(self) -> Hashes:
        """One hash a row that has a label, in order: equal where the rows share a cell in every column."""
        return np.concatenate(self._hashes) if self._hashes else np.empty(0, np.uint64)


def _comparable(kind: pa.DataType) -> bool:
    values: Any = stored_type(kind)
    return is_vector(values) or not pa.types.is_nested(values)


def _is_number(table: pa.Table, name: str) -> bool:
    kind = stored_type(table.schema.field(name).type)
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)


def _numbers(column: pa.ChunkedArray[Any]) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = column.cast(stored_type(column.type)).cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _width(column: pa.ChunkedArray[Any]) -> float:
    values = _numbers(column)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return 0.0
    low, high = np.quantile(values, _MIDDLE)
    width = (float(high - low) / _DEVIATIONS or float(values.std())) / CELLS_A_SPREAD
    return 0.0 if width < 1 and not pa.types.is_floating(stored_type(column.type)) else width


def _cells(column: pa.ChunkedArray[Any], width: float | None) -> Hashes:
    if is_vector(stored_type(column.type)):
        return canonical_hashes(column)
    if not width:  # whole numbers, texts, and fractions that do not vary
        return hash_column(column).near
    with np.errstate(over="ignore"):
        cells = np.floor(_numbers(column) / width) + 0.0
    return mix_bits(np.where(np.isnan(cells), np.nan, cells).view(np.uint64))
