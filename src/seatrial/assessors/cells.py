"""Rows counted by group, truth and answer: every rate and every gap comes from these counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.answers import Answers, Unmeasurable, suggestion
from seatrial.assessors.assessor import Subject

MISSING = "(missing)"
MAX_GROUPS = 50  # 1,225 pairs; a column with more values is a number or a name, and wants bands


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """The groups of a column, sorted, and the group of each measured row: int64[n]."""

    names: tuple[str, ...]
    codes: NDArray[np.int64]


def everybody(rows: int) -> Grouping:
    """All rows as one group."""
    return Grouping(names=("all",), codes=np.zeros(rows, dtype=np.int64))


def grouping(subject: Subject, column: str) -> Grouping | Unmeasurable:
    """The groups of `column` in any table of the subject, so that a group without measured rows is not lost.

    Null, NaN and "" are the group "(missing)".
    """
    table = subject.tables[subject.measured]
    if column not in table.column_names:
        return Unmeasurable(
            f'the {subject.measured} table has no column "{column}". {suggestion(column, table.column_names)}'
        )
    if pa.types.is_nested(table.column(column).type):
        return Unmeasurable(f'column "{column}" holds lists, which are no groups')
    values = _text(table, column)
    found = {
        value
        for other in subject.tables.values()
        if column in other.column_names
        for value in pc.unique(_text(other, column)).to_pylist()
        if value is not None  # _text leaves none; the types don't know
    }
    if len(found) > MAX_GROUPS:
        return Unmeasurable(f'column "{column}" has {len(found)} values, more than {MAX_GROUPS}; put it into bands')
    names = tuple(sorted(found, key=lambda name: (name == MISSING, name)))
    codes = pc.index_in(values, value_set=pa.array(names, pa.string()))
    return Grouping(names=names, codes=codes.to_numpy().astype(np.int64))


def count(answers: Answers, groups: Grouping) -> NDArray[np.int64]:
    """Rows by group, truth and answer (0 negative, 1 positive): int64[groups, 2, 2], in one pass."""
    cell = (groups.codes * 2 + answers.actual) * 2 + answers.answered
    counts = np.bincount(cell, minlength=4 * len(groups.names))
    return counts.reshape(len(groups.names), 2, 2).astype(np.int64)


def _text(table: pa.Table, column: str) -> pa.ChunkedArray[pa.StringScalar]:
    values = table.column(column)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    text = pc.cast(values, pa.string())
    present = pc.not_equal(text, pa.scalar("")).fill_null(fill_value=False)
    filled: pa.ChunkedArray[pa.StringScalar] = pc.if_else(present, text, pa.scalar(MISSING))
    return filled
