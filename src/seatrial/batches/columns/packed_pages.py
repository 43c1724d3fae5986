"""A packed column within what came over the wire: its pages become a matrix where they are.

A column of constant-length binary values, plain and uncompressed, is a matrix already, but for the page headers and a
four-byte length before each value. Page headers are Thrift
structs in the compact protocol (Apache Parquet format, parquet.thrift; Apache Thrift, thrift-compact-protocol.md).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH_BYTES = 4  # before each value of a BYTE_ARRAY, and before the levels of a version 1 page
_DATA_PAGE, _DATA_PAGE_V2 = 0, 3
_PLAIN = 0
# Fields of the structs, by their numbers in parquet.thrift.
_TYPE, _COMPRESSED_SIZE, _V1, _V2 = 1, 3, 5, 8
_VALUES, _V1_ENCODING = 1, 2
_V2_NULLS, _V2_ENCODING, _V2_DEFINITION_BYTES, _V2_REPETITION_BYTES = 2, 4, 5, 6
# Types of the compact protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_DOUBLE_BYTES = 8
_SHORT_FIELD_BITS, _LONG_LIST = 4, 15
_VARINT_BITS, _VARINT_MASK, _MORE = 7, 0x7F, 0x80
_LONGEST_VARINT_BITS = 64

Struct = dict[int, Any]


def row_runs(
    chunk: NDArray[np.uint8], rows: int, *, row_bytes: int, prefixed: bool, optional: bool
) -> list[tuple[int, int]] | None:
    """Where rows lie one after the other in the column chunk: the first one's bytes, and how many.

    None when it does not hold just so many such rows. `prefixed` for BYTE_ARRAY, `optional` when the column may hold
    nulls (a chunk with nulls has too few bytes).
    """
    stride = row_bytes + (LENGTH_BYTES if prefixed else 0)
    data = chunk.data
    at = done = 0
    runs = []
    try:
        while done < rows:
            header, start = _read_struct(data, at)
            at = start + header[_COMPRESSED_SIZE]
            count, first = _values(header, data, start, optional=optional)
            if not 0 <= count <= rows - done or not start <= first <= at <= len(data) or at - first != count * stride:
                return None
            if prefixed and count:
                if not (np.ndarray(count, "<u4", chunk, first, (stride,)) == row_bytes).all():
                    return None
                first += LENGTH_BYTES
            runs.append((first, count))
            done += count
    except (KeyError, IndexError, TypeError, ValueError, RecursionError, struct.error):  # no page header looks like it
        return None
    return runs


def close_up(chunk: NDArray[np.uint8], runs: Sequence[tuple[int, int]], *, row_bytes: int, prefixed: bool) -> None:
    """Moves the rows to the beginning of the chunk, without what stands between them.

    Where they lie they are no array, and gathering them costs half as much again as gathering rows of one.
    """
    item = f"V{row_bytes}"
    stride = row_bytes + (LENGTH_BYTES if prefixed else 0)
    to = 0
    for first, count in runs:
        rows = np.ndarray(count, item, chunk, first, (stride,))
        np.ndarray(count, item, chunk, to)[:] = rows  # towards the beginning, and one-dimensional: NumPy needs no copy
        to += count * row_bytes


def _values(header: Struct, data: memoryview, start: int, *, optional: bool) -> tuple[int, int]:
    """How many values a data page has, and where they begin; `ValueError` for another page."""
    if header[_TYPE] == _DATA_PAGE and header[_V1][_V1_ENCODING] == _PLAIN:
        levels = LENGTH_BYTES + struct.unpack_from("<I", data, start)[0] if optional else 0
        return header[_V1][_VALUES], start + levels
    if header[_TYPE] == _DATA_PAGE_V2 and header[_V2][_V2_ENCODING] == _PLAIN and not header[_V2][_V2_NULLS]:
        page = header[_V2]
        return page[_VALUES], start + page[_V2_DEFINITION_BYTES] + page[_V2_REPETITION_BYTES]
    raise ValueError(header[_TYPE])


def _read_struct(data: memoryview, at: int) -> tuple[Struct, int]:
    fields: Struct = {}
    number = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return fields, at
        kind = head & 0x0F
        step = head >> _SHORT_FIELD_BITS
        if step:
            number += step
        else:
            number, at = _zigzag(data, at)
        fields[number], at = _read_value(data, at, kind)


def _read_value(data: memoryview, at: int, kind: int) -> tuple[Any, int]:
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if kind in _INTEGERS:
        return _zigzag(data, at)
    if kind == _STRUCT:
        return _read_struct(data, at)
    if kind == _BINARY:
        length, at = _varint(data, at)
        return bytes(data[at : at + length]), at + length
    if kind == _BYTE:
        return data[at], at + 1
    if kind == _DOUBLE:
        return bytes(data[at : at + _DOUBLE_BYTES]), at + _DOUBLE_BYTES
    if kind in (_LIST, _SET):
        size, item = data[at] >> _SHORT_FIELD_BITS, data[at] & 0x0F
        at += 1
        if size == _LONG_LIST:
            size, at = _varint(data, at)
        if size > len(data):
            raise ValueError(size)
        values = []
        for _ in range(size):
            value, at = _read_value(data, at, item)
            values.append(value)
        return values, at
    raise ValueError(kind)


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & _VARINT_MASK) << shift
        if byte < _MORE:
            return value, at
        shift += _VARINT_BITS
        if shift > _LONGEST_VARINT_BITS:
            raise ValueError(shift)


def _zigzag(data: memoryview, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at
