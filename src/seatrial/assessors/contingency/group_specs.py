"""Which groups people are put into: by the values of a column, by bins of it, or by several at once.

As written in `[data] groups` and after `--groups`: `sex`, `age:18,25,45,65`, `sex*race`, `sex*age:30,50`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from seatrial.errors import InputError, Problems, SeatrialError
from seatrial.verdicts.contingency import CROSS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

MISSING = "(missing)"
MAX_GROUPS = 50  # 1,225 pairs; a column with more values is a number or a name, and wants bands
_PREFIX = "group:"  # a bin of `age` stands beside the column `age`, which the model may want as it is


@dataclass(frozen=True, slots=True)
class Part:
    """One column, by its values or, where `edges` are given, by bins that each begin at an edge."""

    column: str
    edges: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """One way to put rows into groups: a group for each value of its one part, or combination of values of several."""

    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """What policies, claims and `Subject.groups` call it: "age", "sex*age"."""
        return "*".join(part.column for part in self.parts)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that a table needs for it."""
        return tuple(part.column for part in self.parts)

    @property
    def column(self) -> str:
        """Where `with_groups` puts the groups; a plain column is its own."""
        return self.name if len(self.parts) == 1 and not self.parts[0].edges else _PREFIX + self.name


def parse_groups(specs: Sequence[str], columns: Collection[str] = ()) -> tuple[GroupSpec, ...]:
    """The groupings that were written, or an error that names every mistake in them.

    A spec that is one of `columns` as it stands is that column, whatever signs its name holds.
    """
    problems: list[SeatrialError] = []
    by_name: dict[str, GroupSpec] = {}
    for text in specs:
        try:
            spec = GroupSpec((Part(text),)) if text in columns else _spec(text)
        except InputError as error:
            problems.append(error)
            continue
        if spec.name in by_name:
            problems.append(_wrong(text, f'two groupings are called "{spec.name}".', "Name each column once."))
        by_name[spec.name] = spec
    _raise(problems)
    return tuple(by_name.values())


def with_groups(table: pa.Table, specs: Sequence[GroupSpec]) -> pa.Table:
    """The table, and a column for each grouping that is not a plain column of it (`GroupSpec.column`).

    Missing values are the group "(missing)". Raises what is wrong with the table, all of it at once.
    """
    problems = list(_problems(table, specs))
    _raise(problems)
    for spec in specs:
        if spec.column == spec.name:
            continue
        column = _crossed([_codes(table, part) for part in spec.parts])
        if spec.column in table.column_names:
            table = table.drop_columns([spec.column])
        table = table.append_column(spec.column, column)
    return table


def group_column(table: pa.Table, name: str) -> str:
    """The column that holds the groups of a grouping: the one that `with_groups` added, else the plain one."""
    return _PREFIX + name if _PREFIX + name in table.column_names else name


def texts(values: pa.ChunkedArray[Any]) -> pa.ChunkedArray[pa.StringScalar]:
    """Each value as text; null, NaN and "" as "(missing)"."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
        values = pc.add(values, pa.scalar(0, values.type))  # −0.0 is 0.0
    text = pc.cast(values, pa.string())
    present = pc.not_equal(text, pa.scalar("")).fill_null(fill_value=False)
    filled: pa.ChunkedArray[pa.StringScalar] = pc.if_else(present, text, pa.scalar(MISSING))
    return filled


def suggestion(name: str, names: Collection[str]) -> str:
    """The close name, or all of them."""
    close = get_close_matches(name, names, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"It has {quoted_list(list(names))}."


NAMED_VALUES = 3  # values shown in an error: enough to recognise the mistake


def quoted_list(values: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    shown = ", ".join(f'"{value}"' for value in values[:NAMED_VALUES])
    return shown if len(values) <= NAMED_VALUES else f"{shown} and {len(values) - NAMED_VALUES} more"


def _spec(text: str) -> GroupSpec:
    parts = tuple(_part(text, part.strip()) for part in text.split("*"))
    names = [part.column for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise _wrong(text, f'"{name}" is crossed with itself.', "Name two columns.")
    return GroupSpec(parts)


def _part(text: str, part: str) -> Part:
    column, colon, numbers = part.partition(":")
    column = column.strip()
    if not column:
        raise _wrong(text, "a column's name is missing.", "Write age, age:18,65 or sex*race.")
    if not colon:
        return Part(column)
    try:
        edges = tuple(float(number) for number in numbers.split(","))
    except ValueError:
        raise _wrong(text, f'"{numbers}" is not a list of numbers.', f"Write {column}:18,25,45,65.") from None
    if not all(map(math.isfinite, edges)) or not all(first < second for first, second in pairwise(edges)):
        raise _wrong(text, "the edges of bins must be finite and rise.", f"Write {column}:18,25,45,65.")
    return Part(column, edges)


def _wrong(text: str, problem: str, hint: str) -> InputError:
    return InputError(f'"{text}": {problem}', path="data.groups", hint=hint)


def _problems(table: pa.Table, specs: Sequence[GroupSpec]) -> Iterator[SeatrialError]:
    import pyarrow as pa
    import pyarrow.compute as pc

    for spec in specs:
        for part in spec.parts:
            if part.column not in table.column_names:
                problem = f'the table does not have a column "{part.column}".'
                yield InputError(problem, path="data.groups", hint=suggestion(part.column, table.column_names))
                continue
            kind = table.column(part.column).type
            if part.edges and not (
                pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
            ):
                problem = f'Column "{part.column}" is {kind}, and bins need numbers.'
                yield InputError(problem, path="data.groups", hint=f'Write "{part.column}" for a group a value.')
            elif not part.edges and len(spec.parts) > 1:
                count = len(pc.unique(table.column(part.column)))
                if count > MAX_GROUPS:
                    problem = f'Column "{part.column}" has {count} values, more than {MAX_GROUPS}.'
                    yield InputError(problem, path="data.groups", hint=f"Put it into bands: {part.column}:18,65.")


def _raise(problems: Sequence[SeatrialError]) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)


def _codes(table: pa.Table, part: Part) -> tuple[list[str], NDArray[np.int64]]:
    """The groups of one part in their order, and each row's."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    values = table.column(part.column)
    if not part.edges:
        text = texts(values)
        names = sorted(map(str, pc.unique(text).to_pylist()), key=lambda name: (name == MISSING, name))
        return names, np.asarray(pc.index_in(text, value_set=pa.array(names, pa.string())).to_numpy(), dtype=np.int64)
    numbers = np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(), dtype=np.float64)  # null becomes NaN
    codes = np.searchsorted(np.asarray(part.edges), numbers, side="right")
    whole = pa.types.is_integer(values.type) and all(edge == int(edge) for edge in part.edges)
    names = [*bin_names(part.edges, whole=whole), MISSING]
    return names, np.where(np.isnan(numbers), len(names) - 1, codes).astype(np.int64)


def bin_names(edges: Sequence[float], *, whole: bool) -> list[str]:
    """What the bins are called; `whole` numbers have a last one below the next edge.

    >>> bin_names([18, 25, 65], whole=True)
    ['under 18', '18 to 24', '25 to 64', '65 and over']
    >>> bin_names([0.5, 2], whole=False)
    ['under 0.5', '0.5 to under 2', '2 and over']
    """
    inner = []
    for start, end in pairwise(edges):
        if not whole:
            inner.append(f"{start:.15g} to under {end:.15g}")
        else:
            inner.append(f"{start:.15g}" if end == start + 1 else f"{start:.15g} to {end - 1:.15g}")
    return [f"under {edges[0]:.15g}", *inner, f"{edges[-1]:.15g} and over"]


def _crossed(parts: Sequence[tuple[list[str], NDArray[np.int64]]]) -> pa.DictionaryArray[Any, Any]:
    """One ordered dictionary of the combinations that occur, in the order of the parts."""
    import numpy as np
    import pyarrow as pa

    combined = np.ravel_multi_index([codes for _, codes in parts], [len(names) for names, _ in parts])
    used, codes = np.unique(combined, return_inverse=True)
    held = np.unravel_index(used, [len(names) for names, _ in parts])
    each = ([names[index] for index in column] for (names, _), column in zip(parts, held, strict=True))
    crossed_names = pa.array([CROSS.join(combination) for combination in zip(*each, strict=True)], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), crossed_names, ordered=True)
