"""Cells of whatever somebody hands over: paths, frames, arrays, or a Spark DataFrame, counted where it lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from seatrial.assessors.contingency.count_tables import Counting, bins_of, check_cells, count_tables, parts_of, table_of
from seatrial.assessors.contingency.from_counts import cells_of, errors_of
from seatrial.assessors.contingency.group_specs import GroupSpec, parse_groups, suggestion
from seatrial.errors import InputError
from seatrial.rows import open_rows, rows_of
from seatrial.verdicts.contingency import Cells
from seatrial.verdicts.error_sums import ErrorSums


def count_cells(
    data: Any,
    *,
    label: str,
    answer: str,
    groups: Sequence[str],
    weight: str | None = None,
    classes: Sequence[str] | None = None,
    regression: bool = False,
    clip: float | None = None,
) -> tuple[Cells | ErrorSums, tuple[GroupSpec, ...]]:
    """Counts the rows in one pass, and says how they are grouped. See `fairness` for what `data` may be."""
    if regression and weight is not None:
        raise InputError(
            "bounds of weighted errors need the rows, not sums alone.",
            path=weight,
            hint="Leave weight out, or give the model to seatrial.assess, which has each row.",
        )
    spark = _is_spark(data)
    names, tables = (list(data.columns), None) if spark else _tables(data)
    specs = parse_groups(groups, names)
    counting = Counting(label, answer, parts_of(specs), weight, regression, clip)
    for column in counting.columns:
        if column not in names:
            raise InputError(
                f'the data does not have a column "{column}".', path="data", hint=suggestion(column, names)
            )
    counted = _in_spark(data, counting) if tables is None else count_tables(tables(counting.columns), counting)
    return (errors_of(counted, counting) if regression else cells_of(counted, counting, classes=classes)), specs


def _is_spark(data: Any) -> bool:
    """Whether it is a DataFrame of PySpark, classic or over Connect; nothing is imported to tell."""
    return any(
        kind.__module__.startswith("pyspark.sql") and kind.__name__ == "DataFrame" for kind in type(data).__mro__
    )


def _tables(data: Any) -> tuple[list[str], Any]:
    """The names of the columns, and what gives those asked for as tables."""
    if isinstance(data, str | Path):
        rows = open_rows(data)
        return rows.schema.names, rows.tables
    if isinstance(data, Mapping):
        whole = table_of(data)
    elif isinstance(data, pa.Table):
        whole = data
    else:
        rows = rows_of(data)
        if rows.rows == 0:
            return rows.schema.names, lambda _columns: ()
        # In memory already: counted whole, by all cores.
        return rows.schema.names, lambda columns: (pa.concat_tables(rows.tables(columns)),)

    def read(columns: Sequence[str]) -> Iterable[pa.Table]:
        return (whole.select(list(columns)),) if whole.num_rows else ()

    return whole.column_names, read


def _in_spark(frame: Any, counting: Counting) -> pa.Table:
    from seatrial.prepare.counting import Key, count_rows, sum_errors, whole_numbers

    numbers = whole_numbers(frame)
    for part in counting.parts:
        if part.edges and part.column not in numbers:
            raise InputError(
                f'Column "{part.column}" holds no numbers, and bins need them.',
                path="groups",
                hint=f'Write "{part.column}" for a group a value.',
            )
    keys = [
        Key(part.column, part.edges, tuple(bins_of(part, whole=numbers[part.column])) if part.edges else ())
        for part in counting.parts
    ]
    if counting.regression:
        counted = sum_errors(frame, label=counting.label, answer=counting.answer, keys=keys, clip=counting.clip)
    else:
        counted = count_rows(frame, label=counting.label, answer=counting.answer, keys=keys, weight=counting.weight)
    if counted.num_rows == 0:
        raise InputError("the table must have at least one row, got 0.", path="data", hint="Give a table with rows.")
    return check_cells(counted, counting)
