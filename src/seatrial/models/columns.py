"""Raw columns of any Arrow type, brought to the two kinds that a model takes."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError


def number_column(table: pa.Table, name: str) -> NDArray[np.float64]:
    """The column as float64[n], NaN for null: of integers, floats, decimals or booleans (true is 1).

    Integers that float64 does not hold are rounded. A missing column, or one of another type, is an `InputError`.
    """
    values = _column(table, name)
    if not _holds(values.type, _is_number):
        raise _wrong_type(name, values.type, "a number (integer, float, decimal or boolean)", "float64")
    exact: NDArray[np.float64] = values.cast(pa.float64(), safe=False).fill_null(pa.scalar(math.nan)).to_numpy()
    return exact


def text_column(table: pa.Table, name: str) -> pa.ChunkedArray[Any]:
    """The column as strings, "" for null. A missing column, or one of another type, is an `InputError`."""
    values = _column(table, name)
    if not _holds(values.type, _is_text):
        raise _wrong_type(name, values.type, "a text (string)", "string")
    return values.cast(pa.string()).fill_null(pa.scalar(""))


def _column(table: pa.Table, name: str) -> pa.ChunkedArray[Any]:
    found = table.schema.get_all_field_indices(name)
    if not found:
        raise _absent(table, name)
    if len(found) > 1:
        raise InputError("the rows have several columns of this name.", path=name, mend="Keep one of them.")
    return table.column(found[0])


def _holds(kind: pa.DataType, test: Callable[[pa.DataType], bool]) -> bool:
    inner = kind.value_type if isinstance(kind, pa.DictionaryType) else kind
    return pa.types.is_null(inner) or test(inner)


def _is_number(kind: pa.DataType) -> bool:
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _absent(table: pa.Table, name: str) -> InputError:
    close = difflib.get_close_matches(name, table.column_names, n=1)
    return InputError(
        "the rows have no such column.",
        path=name,
        mend=f'Rename the column "{close[0]}" to "{name}", if it is the one that is meant.'
        if close
        else f"Add it; the rows have: {', '.join(table.column_names) or 'no columns'}.",
    )


def _wrong_type(name: str, kind: pa.DataType, expected: str, arrow_type: str) -> InputError:
    return InputError(
        f"the model takes {expected} here, the rows hold {kind}.", path=name, mend=f"Cast the column to {arrow_type}."
    )
