"""What a batch holds: arrays by name, each of one column or of several stacked, and what that takes in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.batches.columns.packed_columns import PackedFormat
from seatrial.errors import InputError

CODE_BYTES = 4  # of a text: a position among the distinct values
Columns = Sequence[str] | Mapping[str, str | Sequence[str]] | None
Decode = Callable[[memoryview], NDArray[Any]]


class Form(Enum):
    """How a column becomes an array."""

    NUMBERS = "numbers"
    STACKED = "stacked"
    PACKED = "packed"
    TEXT = "text"
    LISTS = "lists"
    DECODED = "decoded"


@dataclass(frozen=True, slots=True)
class Output:
    """An array of a batch: [rows] of a column of numbers or text, [rows, width] of stacked, packed or list columns."""

    name: str
    fields: tuple[pa.Field[Any], ...]
    form: Form
    dtype: np.dtype[Any] | None = None  # None: not known before the rows are
    packed: PackedFormat | None = None
    decode: Decode | None = None

    @property
    def array_dtype(self) -> np.dtype[Any]:
        """Of an array whose size is known before the rows are."""
        assert self.dtype is not None  # noqa: S101 asked of numbers only
        return self.dtype

    def shape(self, rows: int) -> tuple[int, ...]:
        """Of an array whose size is known before the rows are."""
        if self.form is Form.NUMBERS:
            return (rows,)
        return rows, self.packed.width if self.packed is not None else len(self.fields)

    def held_bytes(self, rows: NDArray[np.float64], encoded_bytes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of row groups with so many rows, once decoded; `encoded_bytes` are those of their columns in the file."""
        if self.packed is not None:
            return rows * self.packed.row_bytes
        if self.form is Form.TEXT:
            return rows * 2 * CODE_BYTES + 2 * encoded_bytes
        if self.dtype is not None:
            return rows * len(self.fields) * self.dtype.itemsize
        return 2 * encoded_bytes


def outputs_of(
    columns: Columns,
    schema: pa.Schema,
    packed: Mapping[str, PackedFormat],
    decode: Mapping[str, Decode],
    *,
    check: Callable[[Sequence[str]], Sequence[str]],
    path: str,
) -> list[Output]:
    """The arrays asked for; `InputError` for a column without an array form.

    `columns` is a list of names, each an array of its own (None: all); or names of arrays, each with a column's name or
    with the list of columns to stack as float or integer matrix, in that order, of the smallest type that holds them.
    """
    if not isinstance(decode, Mapping) or not all(callable(function) for function in decode.values()):
        raise InputError(
            "decode must map columns to functions.", path=path, hint='For example decode={"image": decode_png}.'
        )
    sources: Mapping[str, str | Sequence[str]]
    if isinstance(columns, Mapping):
        sources = columns
    else:
        sources = {name: name for name in check(schema.names if columns is None else columns)}
    outputs = []
    for name, of in sources.items():
        names = check([of] if isinstance(of, str) else of)
        fields = tuple(schema.field(column) for column in names)
        outputs.append(
            _single(name, fields[0], packed, decode, path) if isinstance(of, str) else _stack(name, fields, path)
        )
    for name in decode:
        if not any(output.decode is not None and output.fields[0].name == name for output in outputs):
            raise InputError(f'decode names "{name}", which is not among the columns.', path=path, hint="Ask for both.")
    return outputs


def packed_rows(outputs: Sequence[Output]) -> dict[str, int]:
    """The packed columns among these, and the bytes of a row of each."""
    return {output.fields[0].name: output.packed.row_bytes for output in outputs if output.packed is not None}


def _single(
    name: str, field: pa.Field[Any], packed: Mapping[str, PackedFormat], decode: Mapping[str, Decode], path: str
) -> Output:
    kind: Any = field.type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    kind = kind.storage_type if isinstance(kind, pa.UuidType) else kind
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    if field.name in decode:
        if not binary:
            raise InputError(
                f'column "{field.name}" of type {kind} is not binary.', path=path, hint="Do not decode it."
            )
        return Output(name, (field,), Form.DECODED, decode=decode[field.name])
    if field.name in packed:
        held = packed[field.name]
        return Output(name, (field,), Form.PACKED, held.little, packed=held)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Output(name, (field,), Form.TEXT)
    if _is_list(kind):
        stored: Any = kind.storage_type if isinstance(kind, pa.FixedShapeTensorType) else kind
        value = stored.value_type
        if _number(value) is not None:
            return Output(name, (field,), Form.LISTS)
    dtype = _number(kind) or _moment(kind)
    if dtype is None:
        hint = "Name other columns, or write it as a number, a text or a packed column."
        if binary:
            hint = f'Give a function that makes an array of it: decode={{"{field.name}": …}}. Or name other columns.'
        raise InputError(f'column "{field.name}" of type {kind} cannot become an array.', path=path, hint=hint)
    return Output(name, (field,), Form.NUMBERS, dtype)


def _stack(name: str, fields: tuple[pa.Field[Any], ...], path: str) -> Output:
    if not fields:
        raise InputError(f'"{name}" stacks no columns.', path=path, hint="Name at least one.")
    dtypes = []
    for field in fields:
        dtype = _number(field.type)
        if dtype is None:
            raise InputError(
                f'column "{field.name}" of type {field.type} cannot be stacked with others.',
                path=path,
                hint="Ask for it as an array of its own.",
            )
        dtypes.append(dtype)
    return Output(name, fields, Form.STACKED, np.result_type(*dtypes))


def _is_list(kind: Any) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return lists or isinstance(kind, pa.FixedShapeTensorType)


def _number(kind: Any) -> np.dtype[Any] | None:
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return np.dtype(kind.to_pandas_dtype())
    return None


def _moment(kind: Any) -> np.dtype[Any] | None:
    if pa.types.is_date32(kind):
        return np.dtype("datetime64[D]")
    return np.dtype(f"datetime64[{kind.unit}]") if pa.types.is_timestamp(kind) else None
