"""Frames that are in memory already: pandas, Polars, Arrow, and what else Narwhals knows; NumPy with names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.errors import InputError
from seatrial.rows.plain_types import plain_schema
from seatrial.rows.stream import TABLE_ROWS, Rows

_HERE = "the frame"


def rows_of(frame: object, columns: Sequence[str] | None = None) -> Rows:
    """The rows of a frame. `columns` names those of a NumPy matrix, and picks those of anything else.

    Arrow and Polars are not copied; a lazy frame is collected. What is not a table or a frame is an `InputError`.
    """
    if isinstance(frame, np.ndarray):
        return rows_of_table(_matrix(frame, columns), _HERE)
    table = _arrow(frame)
    if len(set(table.column_names)) != len(table.column_names):
        twice = next(name for name in table.column_names if table.column_names.count(name) > 1)
        raise InputError(f"column {twice!r} is there twice.", path=_HERE, hint="Rename one of them.")
    rows = rows_of_table(table, _HERE)
    return rows if columns is None else rows_of_table(table.select(rows.check_columns(columns)), _HERE)


def rows_of_table(table: pa.Table, origin: str) -> Rows:
    """The rows of a table in memory; nothing is copied, but for views."""
    schema = plain_schema(table.schema)

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        selection = pa.schema([schema.field(name) for name in columns])
        for start in range(0, table.num_rows, TABLE_ROWS):
            yield table.select(list(columns)).slice(start, TABLE_ROWS).cast(selection)

    return Rows(origin, schema, table.num_rows, read)


def _arrow(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    import narwhals as nw

    try:
        wrapped = nw.from_native(frame)
        if isinstance(wrapped, nw.LazyFrame):
            collected: pa.Table = wrapped.collect("pyarrow").to_native()
            return collected
        table: pa.Table = wrapped.to_arrow()
        return table.select(wrapped.columns)  # without the index of pandas
    except TypeError:
        raise InputError(
            f"{type(frame).__module__}.{type(frame).__qualname__} is not a table or a frame.",
            path=_HERE,
            hint="Give a pandas, Polars or Arrow table, or a NumPy matrix with columns=[…].",
        ) from None
    except nw.exceptions.DuplicateError:
        raise InputError("several columns have one name.", path=_HERE, hint="Rename them.") from None
    except (pa.ArrowException, ValueError) as error:
        raise InputError(
            f"the frame cannot become an Arrow table: {str(error).splitlines()[0]}.",
            path=_HERE,
            hint="Give each column values of one type.",
        ) from None


def _matrix(matrix: np.ndarray[Any, Any], columns: Sequence[str] | None) -> pa.Table:
    if matrix.ndim != 2:
        raise InputError(f"the array has the shape {matrix.shape}.", path=_HERE, hint="Give a matrix, one row a row.")
    if columns is None or len(columns) != matrix.shape[1] or len(set(columns)) != len(columns):
        raise InputError(
            f"a matrix of {matrix.shape[1]} columns needs as many different names.",
            path=_HERE,
            hint="Give columns=[…], or a frame with named columns.",
        )
    try:
        return pa.table({name: pa.array(matrix[:, position]) for position, name in enumerate(columns)})
    except pa.ArrowException as error:
        raise InputError(
            f"the array of {matrix.dtype} cannot become an Arrow table: {str(error).splitlines()[0]}.",
            path=_HERE,
            hint="Give numbers, or a frame whose columns have types of their own.",
        ) from None
