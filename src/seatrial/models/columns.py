"""Raw columns of any Arrow type, brought to the two kinds that a model takes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from seatrial.errors import InputError
from seatrial.models.signature import Column


def raw_columns(table: pa.Table, wanted: Sequence[Column]) -> Mapping[str, pa.Array]:
    """The columns `wanted`, each as one array: float64 for a number, string for a text; nulls stay nulls.

    Numbers are integers, floats, decimals and booleans (true is 1); texts are strings; either may be dictionary
    encoded or entirely null. A missing column, or one of another type, is an `InputError`.
    """
    return {column.name: _raw_column(table, column) for column in wanted}


def _raw_column(table: pa.Table, column: Column) -> pa.Array:
    found = table.schema.get_all_field_indices(column.name)
    if len(found) != 1:
        raise _absent(table, column.name) if not found else _duplicate(column.name)
    values = table.column(found[0])
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not (pa.types.is_null(kind) or (_is_number(kind) if column.kind == "number" else _is_text(kind))):
        raise _wrong_type(column, kind)
    cast = pc.cast(values, pa.float64() if column.kind == "number" else pa.string(), safe=False)
    return cast.combine_chunks() if isinstance(cast, pa.ChunkedArray) else cast


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


def _duplicate(name: str) -> InputError:
    return InputError("the rows have several columns of this name.", path=name, mend="Keep one of them.")


def _wrong_type(column: Column, kind: pa.DataType) -> InputError:
    expected = "a number (integer, float, decimal or boolean)" if column.kind == "number" else "a text (string)"
    return InputError(
        f"the model takes {expected} here, the rows hold {kind}.",
        path=column.name,
        mend=f"Cast the column to {'float64' if column.kind == 'number' else 'string'}.",
    )
