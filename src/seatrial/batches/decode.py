"""Arrow columns as NumPy arrays, without a Python object a row."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.errors import Corrupt, InputError

PACKED_PREFIX = "seatrial.packed."
ORDER_BYTES_PER_ROW = 32  # positions, their hashes, and what sorting them takes
_CODE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Packed:
    """What each row of a binary column holds: `width` numbers of `dtype`, little-endian, written by codec `codec`."""

    dtype: str
    width: int
    codec: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A decoded column: array[rows, …], or for text the distinct values and int32[rows] of positions among them."""

    array: NDArray[Any]
    values: NDArray[Any] | None = None

    def take(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """The rows at these positions, as an array of its own."""
        taken = self.array[positions]
        return taken if self.values is None else self.values[taken]


def packed_columns(schema: pa.Schema, properties: Mapping[str, str], *, path: str) -> dict[str, Packed]:
    """The packed columns that a table's properties name (`seatrial.packed.<column>`, a JSON object)."""
    found: dict[str, Packed] = {}
    for key, text in properties.items():
        name = key.removeprefix(PACKED_PREFIX)
        if not key.startswith(PACKED_PREFIX) or name not in schema.names:
            continue
        try:
            value = json.loads(text)
            packed = Packed(str(value["dtype"]), int(value["width"]), value.get("codec"))
            usable = np.dtype(packed.dtype).kind in "fiub" and packed.width > 0
        except (ValueError, KeyError, TypeError, AttributeError):
            usable = False
        if not usable:
            raise Corrupt(
                f"the property {key} does not say what the column holds: {text}.",
                path=path,
                mend='It looks like {"dtype": "float32", "width": 12, "codec": "…"}.',
            )
        found[name] = packed
    return found


def needed_mib(fields: Sequence[pa.Field[Any]], rows: int, packed: Mapping[str, Packed], *, path: str) -> int:
    """MiB that holding and shuffling these columns takes: each once as it was read and once decoded.

    Text counts with its codes only, since its length is not known before it is read.
    """
    width = ORDER_BYTES_PER_ROW
    for field in fields:
        if field.name in packed:
            held = packed[field.name]
            width += 2 * held.width * np.dtype(held.dtype).itemsize
        elif _is_text(field.type):
            width += 2 * _CODE_BYTES
        else:
            width += 2 * _numpy_dtype(field, path=path).itemsize
    return math.ceil(rows * width / 2**20)


def decode(name: str, column: pa.ChunkedArray[Any], packed: Packed | None, *, path: str) -> Column:
    """The column as an array; `InputError` for nulls where NumPy has none, and for types without a NumPy form."""
    field = pa.field(name, column.type)
    if packed is not None:
        _refuse_nulls(name, column, "Write every row's features.", path=path)
        return Column(_unpacked(name, column, packed, path=path))
    if _is_text(column.type):
        _refuse_nulls(name, column, 'Fill them with "" in the step that writes the table.', path=path)
        return _coded(column)
    dtype = _numpy_dtype(field, path=path)
    if dtype.kind == "f":  # nulls become NaN
        column = pc.fill_null(column, pa.scalar(math.nan, column.type))
    else:
        _refuse_nulls(
            name, column, "Fill them in the step that writes the table, or make the column a double there.", path=path
        )
    return Column(np.ascontiguousarray(column.to_numpy(), dtype=dtype))


def _coded(column: pa.ChunkedArray[Any]) -> Column:
    chunks: list[Any] = [chunk for chunk in column.dictionary_encode().unify_dictionaries().chunks if len(chunk)]
    values = chunks[0].dictionary.to_pylist() if chunks else []  # one object a distinct value, not a row
    codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in chunks]
    array = np.concatenate(codes).astype(np.int32, copy=False) if codes else np.empty(0, np.int32)
    return Column(array, np.array(values, dtype=np.dtypes.StringDType()))


def _unpacked(name: str, column: pa.ChunkedArray[Any], packed: Packed, *, path: str) -> NDArray[Any]:
    dtype = np.dtype(packed.dtype).newbyteorder("<")
    row_bytes = packed.width * dtype.itemsize
    decoded = np.empty((len(column), packed.width), dtype)
    start = 0
    for chunk in column.chunks:
        if len(chunk) == 0:
            continue
        buffers: list[Any] = chunk.buffers()
        if pa.types.is_fixed_size_binary(chunk.type):
            right = chunk.type.byte_width == row_bytes
            first = chunk.offset * row_bytes
        else:
            kind = np.dtype(np.int64 if pa.types.is_large_binary(chunk.type) else np.int32)
            offsets = np.frombuffer(buffers[1], kind)[chunk.offset : chunk.offset + len(chunk) + 1]
            right = bool((np.diff(offsets) == row_bytes).all())
            first = int(offsets[0])
        if not right:
            raise Corrupt(
                f'column "{name}" holds rows that are not {packed.width} numbers of {packed.dtype}.',
                path=path,
                mend="Write the table again with the codec that its properties name.",
            )
        numbers = np.frombuffer(buffers[-1], dtype, count=len(chunk) * packed.width, offset=first)
        decoded[start : start + len(chunk)] = numbers.reshape(len(chunk), packed.width)
        start += len(chunk)
    return decoded


def _numpy_dtype(field: pa.Field[Any], *, path: str) -> np.dtype[Any]:
    kind = field.type
    if pa.types.is_date32(kind):
        return np.dtype("datetime64[D]")
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return np.dtype(kind.to_pandas_dtype())
    if pa.types.is_timestamp(kind):
        return np.dtype(f"datetime64[{kind.unit}]")
    raise InputError(
        f'column "{field.name}" of type {kind} has no array form.',
        path=path,
        mend="Name other columns, or write it as a number, a text or a packed column.",
    )


def _refuse_nulls(name: str, column: pa.ChunkedArray[Any], mend: str, *, path: str) -> None:
    if column.null_count:
        raise InputError(
            f'column "{name}" ({column.type}) holds {column.null_count} nulls, and its array has no room for them.',
            path=path,
            mend=mend,
        )


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
