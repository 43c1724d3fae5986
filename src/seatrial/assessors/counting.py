"""Contingency cells from tables: a stream of Arrow tables, arrays, or what another engine has counted already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.groups import MISSING, GroupSpec, Part, bin_names, listed, texts
from seatrial.assessors.labels import MOST_SPELLINGS, class_codes
from seatrial.errors import InputError
from seatrial.verdicts.cells import (
    ANSWER,
    HEAVIEST,
    LABEL,
    MOST_CELLS,
    ROWS,
    SQUARES,
    WEIGHTS,
    Cells,
    Weighing,
    group_key,
)

_KEPT = 100_000  # counted rows of a stream that wait to be counted together


@dataclass(frozen=True, slots=True)
class Counting:
    """Which columns of a table are counted: the label, the answer, what rows are grouped by, and their weights."""

    label: str
    answer: str
    parts: tuple[Part, ...] = ()
    weight: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that a table needs for it."""
        named = [self.label, self.answer, *(part.column for part in self.parts)]
        return list(dict.fromkeys(named if self.weight is None else [*named, self.weight]))


def parts_of(specs: Sequence[GroupSpec]) -> tuple[Part, ...]:
    """The different parts of all groupings."""
    return tuple(dict.fromkeys(part for spec in specs for part in spec.parts))


def part_name(part: Part) -> str:
    """What cells call the groups of a part: "age", or with its bins "age:18,65"."""
    return part.column if not part.edges else f"{part.column}:{','.join(f'{edge:.15g}' for edge in part.edges)}"


def count_tables(tables: Iterable[pa.Table], counting: Counting) -> pa.Table:
    """Counts each table and adds the counts: one row for each combination of values that occurs."""
    kept: list[pa.Table] = []
    for table in tables:
        kept.append(_grouped(_prepared(table, counting), counting))
        if sum(one.num_rows for one in kept) > _KEPT:
            kept = [_added(kept, counting)]
    if not kept:
        raise InputError("There are no rows.", path="data", mend="Give a table with rows.")
    return _added(kept, counting)


def cells_of(counted: pa.Table, counting: Counting, *, classes: Sequence[str] | None = None) -> Cells:
    """The cells that were counted, by the names that groups and classes have everywhere in a trial.

    `classes` are the model's, in its order; without them the labels and answers that occur, in theirs. Raises
    `InputError` for rows without a label or an answer, and for those that are none of the classes.
    """
    rows = _integers(counted.column(ROWS))
    for column, name in ((LABEL, counting.label), (ANSWER, counting.answer)):
        _refuse_missing(counted.column(column), rows, name)
    known = tuple(classes) if classes is not None else _classes(counted)
    actual, strange = class_codes(counted.column(LABEL), known)
    answered, strange_answers = class_codes(counted.column(ANSWER), known)
    for found, name in ((strange, counting.label), (strange_answers, counting.answer)):
        if found:
            raise InputError(
                f"Values that are none of the classes: {listed(found)}.",
                path=name,
                mend=f"The classes are {listed(known)}.",
            )
    named = [_named(counted.column(group_key(place)), part) for place, part in enumerate(counting.parts)]
    values = tuple(names for names, _ in named)
    codes = np.column_stack([*(each for _, each in named), actual, answered])
    # Values that are written differently may mean the same: 1 and true, null and "".
    unique, places = np.unique(codes, axis=0, return_inverse=True)
    places = places.reshape(-1)

    def summed(column: str) -> NDArray[np.float64]:
        weights = np.asarray(counted.column(column).to_numpy(), dtype=np.float64)
        return np.bincount(places, weights=weights, minlength=len(unique)).astype(np.float64)

    total = np.zeros(len(unique), dtype=np.int64)
    np.add.at(total, places, rows)
    weighing = None
    if counting.weight is not None:
        weighing = Weighing(summed(WEIGHTS), summed(SQUARES), float(pc.max(counted.column(HEAVIEST)).as_py()))
    columns = tuple(part_name(part) for part in counting.parts)
    return Cells(columns, values, known, unique[:, :-2], unique[:, -2], unique[:, -1], total, weighing)


def table_of(arrays: Mapping[str, Any]) -> pa.Table:
    """NumPy arrays, or what is like them, as a table; numbers are not copied."""
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(f"Arrays of different lengths: {said}.", path="data", mend="Give one value a row in each.")
    return pa.table({name: pa.array(values) for name, values in arrays.items()})


def _prepared(table: pa.Table, counting: Counting) -> pa.Table:
    """The columns that rows are counted by, under the names that they have in every engine."""
    columns: dict[str, Any] = {group_key(place): _binned(table, part) for place, part in enumerate(counting.parts)}
    columns |= {LABEL: table.column(counting.label), ANSWER: table.column(counting.answer)}
    if counting.weight is not None:
        weights: Any = pc.cast(table.column(counting.weight), pa.float64())
        columns |= {WEIGHTS: weights, SQUARES: pc.multiply(weights, weights), HEAVIEST: weights}
        least = pc.min(pc.if_else(pc.is_finite(weights), weights, 0.0)).as_py()
        if weights.null_count or not (least is None or least > 0):
            raise InputError(
                "Some weights are not positive numbers.",
                path=counting.weight,
                mend="A weight is how many people a row stands for; leave out rows that stand for nobody.",
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
            mend=f'Write "{part.column}" for a group a value.',
        )
    numbers = np.asarray(pc.cast(values, pa.float64()).to_numpy(), dtype=np.float64)  # null becomes NaN
    bins = np.searchsorted(np.asarray(part.edges), numbers, side="right")
    names = bins_of(part, whole=pa.types.is_integer(values.type))
    coded: Any = pa.array(np.where(np.isnan(numbers), len(names) - 1, bins))
    found: pa.ChunkedArray[Any] = pc.take(pa.chunked_array([pa.array(names, pa.string())]), coded)
    return found


def bins_of(part: Part, *, whole: bool) -> list[str]:
    """The names of a part's bins, the last for rows without a number."""
    return [*bin_names(part.edges, whole=whole and all(edge == int(edge) for edge in part.edges)), MISSING]


def _grouped(table: pa.Table, counting: Counting) -> pa.Table:
    keys = [*(group_key(place) for place in range(len(counting.parts))), LABEL, ANSWER]
    sums: list[Any] = [] if counting.weight is None else [(WEIGHTS, "sum"), (SQUARES, "sum"), (HEAVIEST, "max")]
    rows: Any = (ROWS, "sum") if ROWS in table.column_names else ([], "count_all")
    found = table.group_by(keys).aggregate([rows, *sums])
    names = {f"{ROWS}_sum": ROWS, "count_all": ROWS, **{f"{name}_{how}": name for name, how in sums}}
    return found.rename_columns([names.get(name, name) for name in found.column_names])


def _added(tables: list[pa.Table], counting: Counting) -> pa.Table:
    whole = (
        tables[0] if len(tables) == 1 else _grouped(pa.concat_tables(tables, promote_options="permissive"), counting)
    )
    if whole.num_rows > MOST_CELLS:
        raise many_cells(counting)
    return whole


def many_cells(counting: Counting) -> InputError:
    """Some column has hardly the same value twice."""
    return InputError(
        f"More than {MOST_CELLS:,} combinations of groups, labels and answers.",
        path=", ".join(part_name(part) for part in counting.parts),
        mend="Put a column of numbers into bands: age:18,40,65. A label of many values is a regression's.",
    )


def _named(values: pa.ChunkedArray[Any], part: Part) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The groups of a part in their order, and each counted row's."""
    text = texts(values)
    if part.edges:
        whole = set(map(str, pc.unique(text).to_pylist())) <= set(bins_of(part, whole=True))
        names = bins_of(part, whole=whole)
    else:
        names = sorted(map(str, pc.unique(text).to_pylist()), key=lambda name: (name == MISSING, name))
    places: Any = pc.index_in(text, value_set=pa.array(names, pa.string()))
    return tuple(names), np.asarray(places.to_numpy(), dtype=np.int64)


def _classes(counted: pa.Table) -> tuple[str, ...]:
    """The classes of the labels, and after them those that only the answers have."""
    found: tuple[str, ...] = ()
    for column in (LABEL, ANSWER):
        _, strange = class_codes(counted.column(column), found)
        found = (*found, *sorted(strange, key=_in_order))
    if len(found) > MOST_SPELLINGS:
        raise InputError(
            f"More than {MOST_SPELLINGS:,} different labels and answers.",
            path=LABEL,
            mend='Numbers are no classes: task="regression".',
        )
    return found


def _in_order(text: str) -> tuple[float, str]:
    """Numbers by their size, and texts after them."""
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text


def _refuse_missing(values: pa.ChunkedArray[Any], rows: NDArray[np.int64], name: str) -> None:
    missing = np.array([text == MISSING for text in texts(values).to_pylist()], dtype=bool)
    if missing.any():
        raise InputError(
            f"{int(rows[missing].sum()):,} of {int(rows.sum()):,} rows have no value.",
            path=name,
            mend="Leave rows without a label or an answer out of the table.",
        )


def _integers(values: pa.ChunkedArray[Any]) -> NDArray[np.int64]:
    return np.asarray(pc.cast(values, pa.int64()).to_numpy(), dtype=np.int64)
