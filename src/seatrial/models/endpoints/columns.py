"""Which columns a service is sent, and their values as JSON has them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.errors import InputError, field
from seatrial.models.columns import holds_numbers, holds_texts, kind_column
from seatrial.models.signature import Column


def sent_columns(
    schema: pa.Schema, *, label: str | None, inputs: Sequence[str] | None, address: str
) -> tuple[Column, ...]:
    """The columns that are sent to a service that names none: those that are inputs, else all but the label."""
    names = list(inputs) if inputs is not None else [name for name in schema.names if name != label]
    return tuple(column_of(schema, name, address=address) for name in names)


def column_of(schema: pa.Schema, name: str, *, address: str) -> Column:
    """The table's column of that name as its type is; `InputError` where there is none, or no service takes it."""
    if name not in schema.names:
        close = difflib.get_close_matches(name, schema.names, n=1)
        raise InputError(
            f"the model takes {name!r}, and the rows do not have such a column.",
            path=address,
            hint=f"Rename the column {close[0]!r}, if it is meant." if close else f"They have: {_some(schema.names)}.",
        )
    kind = schema.field(name).type
    if pa.types.is_boolean(kind):
        return Column(name, "boolean")
    if pa.types.is_integer(kind):
        return Column(name, "integer")
    if holds_numbers(kind):
        return Column(name, "number")
    if holds_texts(kind):
        return Column(name, "text")
    raise InputError(
        f"column {name!r} holds {kind}, which JSON cannot express.",
        path=address,
        hint=f"Cast it to text or a number, or leave it out with {field('inputs')}.",
    )


def values(rows: pa.Table, column: Column, dtype: str | None = None) -> list[Any]:
    """The column's values as JSON has them, null where one is missing; numbers through `dtype` first."""
    if column.kind == "text":
        json_values: list[Any] = kind_column(rows, column).tolist()
        return json_values
    numbers = kind_column(rows, Column(column.name, "number"))
    if column.kind in ("integer", "boolean") and not np.isnan(numbers).any():
        whole = kind_column(rows, column)
        return list((whole != 0).tolist() if column.kind == "boolean" else whole.astype(np.int64).tolist())
    with np.errstate(over="ignore"):
        exact = numbers if dtype is None else numbers.astype(dtype)
    json_values = list(exact.tolist())
    for place in np.flatnonzero(~np.isfinite(exact)).tolist():
        json_values[place] = None
    return json_values


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


_SHOWN = 10
