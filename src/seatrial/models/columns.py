"""Raw columns of any Arrow type, brought to the kinds that a model takes."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.signature import Column

LARGEST = 2**53  # beyond it float64, by which every number enters, has gaps between the whole numbers


def number_column(table: pa.Table, name: str) -> NDArray[np.float64]:
    """The column as float64[n], NaN for null: of integers, floats, decimals or booleans (true is 1).

    Integers that float64 does not hold are rounded. A missing column, or one of another type, is an `InputError`.
    """
    values = _column(table, name)
    if not holds_numbers(values.type):
        raise _wrong_type(name, values.type, "a number (integer, float, decimal or boolean)", "float64")
    numbers = values.cast(pa.float64(), safe=False)
    exact: NDArray[np.float64] = (numbers.fill_null(pa.scalar(math.nan)) if numbers.null_count else numbers).to_numpy()
    return exact


def check_whole(
    values: NDArray[np.float64], name: str, *, first_row: int = 0, least: int = -LARGEST, most: int = LARGEST
) -> NDArray[np.float64]:
    """The values, float64[n], all whole numbers from `least` to `most`; else an `InputError` that names a row."""
    wrong = ~((values >= least) & (values <= most) & (np.floor(values) == values))
    if wrong.any():
        row = int(wrong.argmax())
        value = values[row]
        if math.isnan(value):
            problem = "there is no value"
        elif np.isfinite(value) and value == math.floor(value):
            problem = f"{value:.0f} is out of range"
        else:
            problem = f"{value:g} is not a whole number"
        raise InputError(
            f"{problem} in row {first_row + row} (the first is 0); the model takes "
            f"{'true or false' if (least, most) == (0, 1) else f'a whole number from {least} to {most}'} here.",
            path=name,
            hint="Fill the gaps as they were filled when the model was trained, or leave the row out."
            if math.isnan(value)
            else "Correct the value, or leave the row out.",
        )
    return values


def text_column(table: pa.Table, name: str) -> pa.ChunkedArray[Any]:
    """The column as strings, "" for null. A missing column, or one of another type, is an `InputError`."""
    values = _column(table, name)
    if not holds_texts(values.type):
        raise _wrong_type(name, values.type, "a text (string)", "string")
    return values.cast(pa.string()).fill_null(pa.scalar(""))


def kind_column(
    table: pa.Table, column: Column, *, first_row: int = 0, bounds: tuple[int, int] | None = None
) -> NDArray[Any]:
    """The column as its kind says: float64[n] of a number, a whole number, or 0 and 1; object[n] of texts.

    `bounds` are those of a whole number, where they are narrower than what float64 holds.
    """
    if column.kind == "number":
        return number_column(table, column.name)
    if column.kind != "text":
        return kind_array(number_column(table, column.name), column, first_row=first_row, bounds=bounds)
    # onnxruntime takes Python objects only: each different text of the batch becomes one, and not each row's.
    encoded = text_column(table, column.name).combine_chunks().dictionary_encode()
    texts: NDArray[np.object_] = np.array(encoded.dictionary.to_pylist(), object)
    values: NDArray[np.object_] = texts[encoded.indices.to_numpy()]
    return values


def kind_array(
    values: NDArray[Any], column: Column, *, first_row: int = 0, bounds: tuple[int, int] | None = None
) -> NDArray[Any]:
    """The values, float64[n] or object[n], if they are of the column's kind; see `kind_column`."""
    if column.kind == "integer":
        least, most = bounds or (-LARGEST, LARGEST)
        return check_whole(
            values, column.name, first_row=first_row, least=max(least, -LARGEST), most=min(most, LARGEST)
        )
    if column.kind == "boolean":
        return check_whole(values, column.name, first_row=first_row, least=0, most=1)
    return values


def holds_numbers(kind: pa.DataType) -> bool:
    """Whether a column of this type can be a model's number."""
    return _holds(kind, _is_number)


def holds_texts(kind: pa.DataType) -> bool:
    """Whether a column of this type can be a model's text."""
    return _holds(kind, _is_text)


def number_ranges(tables: Iterable[pa.Table]) -> dict[str, tuple[float, float]]:
    """The least and the greatest value of each column of numbers over all tables, by name.

    Missing and infinite values are left out; so is a column without any other, and one that does not hold numbers.

    >>> number_ranges([pa.table({"age": [17, None]}), pa.table({"age": [90.0], "sex": ["f"]})])
    {'age': (17.0, 90.0)}
    """
    ranges: dict[str, tuple[float, float]] = {}
    for table in tables:
        for field in table.schema:
            if not holds_numbers(field.type) or pa.types.is_boolean(field.type):
                continue
            values = number_column(table, field.name)
            values = values[np.isfinite(values)]
            if len(values):
                least, most = ranges.get(field.name, (math.inf, -math.inf))
                # + 0.0: which of 0.0 and -0.0 comes first depends on the order of the rows.
                ranges[field.name] = min(least, float(values.min())) + 0.0, max(most, float(values.max())) + 0.0
    return ranges


def inputs_without_value(rows: pa.Table, inputs: Sequence[Column], row: int) -> tuple[str, ...]:
    """The names of the inputs that are null or NaN in this row."""
    record = rows.slice(row, 1)
    return tuple(
        column.name
        for column in inputs
        if column.name in record.column_names and pc.is_null(record.column(column.name), nan_is_null=True)[0].as_py()
    )


class TextsExpected(InputError):
    """The model takes texts in `columns`, and the table holds something else: a file without types can be read anew."""

    columns: tuple[str, ...] = ()


def texts_expected(columns: Sequence[str], schema: pa.Schema, *, path: str) -> TextsExpected:
    """The error of columns of a table that must hold texts."""
    name = columns[0]
    error = TextsExpected(
        f'the model takes texts for "{name}", the table holds {schema.field(name).type}.',
        path=path,
        hint="Cast the column to string (in JSON: write its values in quotes).",
    )
    error.columns = tuple(columns)
    return error


def _column(table: pa.Table, name: str) -> pa.ChunkedArray[Any]:
    indices = table.schema.get_all_field_indices(name)
    if not indices:
        raise _absent(table, name)
    if len(indices) > 1:
        raise InputError("the rows have several columns of this name.", path=name, hint="Keep one of them.")
    return table.column(indices[0])


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
        "the rows do not have this column.",
        path=name,
        hint=f'Rename the column "{close[0]}" to "{name}", if it is the one that is meant.'
        if close
        else f"Add it; the rows have: {', '.join(table.column_names) or 'no columns'}.",
    )


def _wrong_type(name: str, kind: pa.DataType, expected: str, arrow_type: str) -> InputError:
    return InputError(
        f"the model takes {expected} here, the rows hold {kind}.", path=name, hint=f"Cast the column to {arrow_type}."
    )
