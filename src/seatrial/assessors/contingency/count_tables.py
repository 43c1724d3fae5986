"""Rows counted by group, label and answer in Arrow: a stream of tables, or arrays. `counted.py` reads the result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.assessors.contingency.group_specs import MISSING, GroupSpec, Part, bin_names
from seatrial.errors import InputError
from seatrial.verdicts.contingency import (
    ANSWER,
    HEAVIEST,
    LABEL,
    MOST_CELLS,
    ROWS,
    SQUARES,
    WEIGHTS,
    group_key,
)
from seatrial.verdicts.error_sums import ABSOLUTE, CLIPPED, POWERS, power_column

_KEPT = 100_000  # counted rows of a stream that wait to be counted together


@dataclass(frozen=True, slots=True)
class Counting:
    """Which columns of a table are counted: the label, the answer, what rows are grouped by, and their weights.

    Of a `regression` the errors are summed, which count as at most `clip`.
    """

    label: str
    answer: str
    parts: tuple[Part, ...] = ()
    weight: str | None = None
    regression: bool = False
    clip: float | None = None

    @property
    def keys(self) -> list[str]:
        """The columns of a counted table that together name a cell."""
        groups = [group_key(place) for place in range(len(self.parts))]
        return groups if self.regression else [*groups, LABEL, ANSWER]

    @property
    def sums(self) -> list[tuple[str, str]]:
        """Its other columns but the number of rows, and how they are added."""
        if self.regression:
            return [(CLIPPED, "sum"), *((power_column(*each), "sum") for each in POWERS)]
        return [] if self.weight is None else [(WEIGHTS, "sum"), (SQUARES, "sum"), (HEAVIEST, "max")]

    @property
    def columns(self) -> list[str]:
        """The columns that a table needs for it."""
        names = [self.label, self.answer, *(part.column for part in self.parts)]
        return list(dict.fromkeys(names if self.weight is None else [*names, self.weight]))


def parts_of(specs: Sequence[GroupSpec]) -> tuple[Part, ...]:
    """The different parts of all groupings."""
    return tuple(dict.fromkeys(part for spec in specs for part in spec.parts))


def part_name(part: Part) -> str:
    """What cells call the groups of a part: "age", or with its bins "age:18,65"."""
    return part.column if not part.edges else f"{part.column}:{','.join(f'{edge:.15g}' for edge in part.edges)}"


def count_tables(tables: Iterable[pa.Table], counting: Counting) -> pa.Table:
    """Counts each table and adds the counts: one row for each combination of values that occurs."""
    parts: list[pa.Table] = []
    for table in tables:
        parts.append(_grouped(_prepared(table, counting), counting))
        if sum(part.num_rows for part in parts) > _KEPT:
            parts = [_added(parts, counting)]
    if not parts:
        raise InputError("the table must have at least one row, got 0.", path="data", hint="Give a table with rows.")
    return _added(parts, counting)


def table_of(arrays: Mapping[str, Any]) -> pa.Table:
    """NumPy arrays, or what is like them, as a table; numbers are not copied."""
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(f"Arrays of different lengths: {shown}.", path="data", hint="Give one value a row in each.")
    return pa.table({name: pa.array(values) for name, values in arrays.items()})


def _prepared(table: pa.Table, counting: Counting) -> pa.Table:
    """The columns that rows are counted by, under the names that they have in every engine."""
    columns: dict[str, Any] = {group_key(place): _binned(table, part) for place, part in enumerate(counting.parts)}
    if counting.regression:
        return pa.table(columns | _errors(table, counting))
    columns |= {LABEL: table.column(counting.label), ANSWER: table.column(counting.answer)}
    if counting.weight is not None:
        weights: Any = pc.cast(table.column(counting.weight), pa.float64())
        columns |= {WEIGHTS: weights, SQUARES: pc.multiply(weights, weights), HEAVIEST: weights}
        least = pc.min(pc.if_else(pc.is_finite(weights), weights, 0.0)).as_py()
        if weights.null_count or not (least is None or least > 0):
            raise InputError(
                "Some weights are not positive numbers.",
                path=counting.weight,
                hint="A weight is how many people a row stands for; leave out rows that stand for nobody.",
            )
    return pa.table(columns)


def _binned(table: pa.Table, part: Part) -> pa.ChunkedArray[Any]:
    values = table.column(part.column)
    if not part.edges:
        return values
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type)):
        raise InputError(
            f'Column "{part.column}" is {values.type}, and bins need numbers.',
            path="groups",
            hint=f'Write "{part.column}" for a group a value.',
        )
    numbers = np.asarray(pc.cast(values, pa.float64()).to_numpy(), dtype=np.float64)  # null becomes NaN
    bins = np.searchsorted(np.asarray(part.edges), numbers, side="right")
    names = bins_of(part, whole=pa.types.is_integer(values.type))
    coded: Any = pa.array(np.where(np.isnan(numbers), len(names) - 1, bins))
    bin_column: pa.ChunkedArray[Any] = pc.take(pa.chunked_array([pa.array(names, pa.string())]), coded)
    return bin_column


def bins_of(part: Part, *, whole: bool) -> list[str]:
    """The names of a part's bins, the last for rows without a number."""
    return [*bin_names(part.edges, whole=whole and all(edge == int(edge) for edge in part.edges)), MISSING]


def _errors(table: pa.Table, counting: Counting) -> dict[str, Any]:
    """Powers of each row's error, prediction minus label."""
    numbers = []
    for name in (counting.answer, counting.label):
        values = table.column(name)
        kind = values.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            raise InputError(
                f"The values are {kind}, and errors are differences of numbers.",
                path=name,
                hint='Name another column, or leave task="regression" out.',
            )
        numbers.append(np.asarray(pc.cast(values, pa.float64()).to_numpy(), dtype=np.float64))
    errors = numbers[0] - numbers[1]
    if not np.isfinite(errors).all():
        raise InputError(
            f"{int((~np.isfinite(errors)).sum()):,} rows lack a label or an answer that is a number.",
            path=f"{counting.label}, {counting.answer}",
            hint="Leave rows without a label or an answer out of the table.",
        )
    clip = np.inf if counting.clip is None else counting.clip
    columns: dict[str, Any] = {CLIPPED: (np.abs(errors) > clip).astype(np.int64)}
    errors = np.clip(errors, -clip, clip)
    sizes = np.abs(errors)
    for name, power in POWERS:
        columns[power_column(name, power)] = (sizes if name == ABSOLUTE else errors) ** power
    return columns


def _grouped(table: pa.Table, counting: Counting) -> pa.Table:
    rows: Any = (ROWS, "sum") if ROWS in table.column_names else ([], "count_all")
    sums: list[Any] = list(counting.sums)
    counts = table.group_by(counting.keys).aggregate([rows, *sums])
    names = {f"{ROWS}_sum": ROWS, "count_all": ROWS, **{f"{name}_{how}": name for name, how in sums}}
    return counts.rename_columns([names.get(name, name) for name in counts.column_names])


def _added(tables: list[pa.Table], counting: Counting) -> pa.Table:
    whole = tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")
    return check_cells(whole if len(tables) == 1 else _grouped(whole, counting), counting)


def check_cells(counted: pa.Table, counting: Counting) -> pa.Table:
    """The counted table; `InputError` where some column has hardly the same value twice."""
    if counted.num_rows <= MOST_CELLS:
        return counted
    raise InputError(
        f"More than {MOST_CELLS:,} combinations of groups, labels and answers.",
        path=", ".join(part_name(part) for part in counting.parts),
        hint="Put a column of numbers into bands: age:18,40,65. A label of many values is a regression's.",
    )
