"""The groups of a column, and rows counted by them: every rate comes from these counts, all from one pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.answers.labels import dictionary
from seatrial.assessors.answers.model_answers import ClassAnswers, Unmeasurable
from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import MAX_GROUPS, MISSING, group_column, suggestion, texts
from seatrial.verdicts.contingency import Margins

Rows = NDArray[np.int64]  # indices of rows


@dataclass(frozen=True, eq=False)
class Grouping:
    """The groups of a column, in their order, and the group of each measured row: int64[n]."""

    names: tuple[str, ...]
    codes: NDArray[np.int64]

    @cached_property
    def rows(self) -> tuple[Rows, ...]:
        """The rows of each group, ascending."""
        return self.rows_along(np.arange(len(self.codes)))

    def rows_along(self, order: Rows) -> tuple[Rows, ...]:
        """The rows of each group, in the order of `order`, which holds each row once."""
        if len(self.names) == 1:
            return (order,)
        codes = self.codes[order].astype(np.int16)  # of 16 bits: NumPy then sorts by radix, in time linear in the rows
        ends = np.cumsum(np.bincount(codes, minlength=len(self.names)))[:-1]
        return tuple(np.split(order[np.argsort(codes, kind="stable")], ends))


def overall_grouping(rows: int) -> Grouping:
    """All rows as one group."""
    return Grouping(names=("all",), codes=np.zeros(rows, dtype=np.int64))


def grouping(subject: Subject, name: str) -> Grouping | Unmeasurable:
    """The groups of a column in any table of the subject, so that a group without measured rows is not lost.

    Null, NaN and "" are the group "(missing)". Groups made by `with_groups` keep its order; others are sorted.
    """
    measured = subject.tables[subject.measured]
    column = group_column(measured, name)
    if column not in measured.column_names:
        return Unmeasurable(
            f'the {subject.measured} table does not have a column "{name}". {suggestion(name, measured.column_names)}'
        )
    kind = measured.column(column).type
    if pa.types.is_nested(kind):
        return Unmeasurable(f'column "{name}" holds lists, which cannot be groups')
    texts_of, rows = _coded(measured, column)
    group_names: dict[str, None] = dict.fromkeys(_used(texts_of, rows))
    for table in subject.tables.values():
        if table is not measured and column in table.column_names:
            group_names |= dict.fromkeys(_used(*_coded(table, column)))
    if len(group_names) > MAX_GROUPS:
        return Unmeasurable(f'column "{name}" has {len(group_names)} values, more than {MAX_GROUPS}; put it into bands')
    if pa.types.is_dictionary(kind) and kind.ordered:
        names = tuple(group_names)
    else:
        names = tuple(sorted(group_names, key=lambda group: (group == MISSING, group)))
    places = pc.index_in(texts_of, value_set=pa.array(names, pa.string())).fill_null(-1)  # of values no row has
    return Grouping(names=names, codes=np.asarray(places.to_numpy(), dtype=np.int64)[rows])


def count(answers: ClassAnswers, groups: Grouping) -> Margins:
    """The rows of every group by label and answer, in one pass."""
    shape = (len(groups.names), len(answers.classes))
    start = groups.codes * shape[1]

    def counted(cells: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)

    return Margins(
        names=groups.names,
        actual=counted(start + answers.actual),
        answered=counted(start + answers.answered),
        right=counted((start + answers.actual)[answers.actual == answers.answered]),
    )


def _coded(table: pa.Table, column: str) -> tuple[pa.ChunkedArray[pa.StringScalar], Rows]:
    """The different values of a column as texts, and which of them each row has."""
    coded = dictionary(table.column(column))
    values: Any = coded.dictionary
    texts_of = texts(pa.chunked_array([values, pa.nulls(1, values.type)]))  # the last for rows without a value
    return texts_of, np.asarray(coded.indices.fill_null(len(values)).to_numpy(), dtype=np.int64)


def _used(texts_of: pa.ChunkedArray[pa.StringScalar], rows: Rows) -> list[str]:
    """The texts that rows have, in the order of the values."""
    used = np.flatnonzero(np.bincount(rows, minlength=len(texts_of)))
    return [str(name) for name in pc.unique(texts_of.take(used)).to_pylist()]
