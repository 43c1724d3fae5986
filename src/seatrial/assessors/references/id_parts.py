"""Parts of an id that may tell the label: digits of a number, the first and last characters of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.contingency.group_specs import texts

NEARLY_ALL = 0.95  # of the rows have a value of their own: an id
MOST_PARTS = 100  # hexadecimal digits, letters, months: more are no class of ids
_FIRST = 500
ROWS_A_PART = 20  # fewer tell a rule from chance badly

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class IdPart:
    """A way to divide rows by an id: `part` gives int64[rows] from 0 to `parts`, the code of what was never seen."""

    described: str
    parts: int
    part: Callable[[pa.Table], Codes]


def id_parts(table: pa.Table, column: str, *, number: bool) -> Iterator[IdPart]:
    """The parts of a column whose values nearly all differ; none of another, and none of fractions."""
    values = table.column(column)
    # The first rows tell of nearly all columns that they are no ids, in a hundredth of the time.
    if table.num_rows == 0 or not (_nearly_all_differ(values.slice(0, _FIRST)) and _nearly_all_differ(values)):
        return
    if number:
        if _whole(values):
            for described, cut in _DIGITS.items():

                def digits(rows: pa.Table, cut: slice = cut) -> Any:
                    return _digits(rows, column, cut)

                yield from _divided(table, f"{described} of {column}", digits)
        return
    for described, first, last in _ENDS:

        def ends(rows: pa.Table, first: int = first, last: int | None = last) -> pa.ChunkedArray[Any]:
            return pc.utf8_slice_codeunits(texts(rows.column(column)), first, last)

        yield from _divided(table, f"{described} of {column}", ends)


def _nearly_all_differ(values: pa.ChunkedArray[Any]) -> bool:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    try:
        distinct: int = pc.count_distinct(values, mode="all").as_py()
    except pa.ArrowNotImplementedError:  # lists, structs, or nothing but nulls: no ids
        return False
    return distinct >= NEARLY_ALL * len(values)


def _divided(table: pa.Table, described: str, name: Callable[[pa.Table], Any]) -> Iterator[IdPart]:
    """By what `name` gives for each row, where that are neither one nor too many."""
    names: Any = pc.unique(name(table)).drop_null()
    if not 1 < len(names) <= min(MOST_PARTS, table.num_rows // ROWS_A_PART):
        return

    def part(rows: pa.Table) -> Codes:
        places: Any = pc.index_in(name(rows), value_set=names)
        return np.asarray(places.fill_null(len(names)).to_numpy(zero_copy_only=False), dtype=np.int64)

    yield IdPart(described, len(names), part)


_DIGITS: dict[str, slice] = {
    "the last digit": slice(-1, None),
    "the last digit but one": slice(-2, -1),
    "the first digit": slice(0, 1),
}
_ENDS: tuple[tuple[str, int, int | None], ...] = (
    ("the first character", 0, 1),
    ("the first two characters", 0, 2),
    ("the first three characters", 0, 3),
    ("the last character", -1, None),
    ("the last two characters", -2, None),
    ("the last character but one", -2, -1),
)


def _whole(values: pa.ChunkedArray[Any]) -> bool:
    """Whether all numbers are whole, and told apart as floats."""
    numbers: NDArray[np.float64] = pc.cast(values, pa.float64(), safe=False).to_numpy()
    finite = numbers[np.isfinite(numbers)]
    exact = 2.0**53
    return bool(len(finite) and (finite == np.rint(finite)).all() and np.abs(finite).max() < exact)


def _digits(rows: pa.Table, column: str, cut: slice) -> Any:
    numbers = pc.cast(rows.column(column), pa.float64(), safe=False)
    written = pc.cast(pc.cast(pc.abs(numbers), pa.int64(), safe=False), pa.string())
    return pc.utf8_slice_codeunits(written, cut.start, cut.stop)
