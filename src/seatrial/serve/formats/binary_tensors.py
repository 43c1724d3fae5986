"""Tensors as raw bytes: the binary tensor data extension of the Open Inference Protocol.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
Little-endian and row-major; an element of BYTES is its length in four bytes, and then the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError

BF16 = "BF16"
DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "FP16": np.dtype("<f2"),
    BF16: np.dtype("<u2"),  # the upper half of a float32
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_LENGTH = struct.Struct("<I")


def numbers_of(data: bytes | memoryview, datatype: str, rows: int, *, path: str) -> NDArray[np.float64]:
    """The numbers in `data` as float64[rows]: integers beyond 2**53 are rounded, as everywhere."""
    dtype = DTYPES[datatype]
    if len(data) != rows * dtype.itemsize:
        raise InputError(
            f"expected {rows * dtype.itemsize} bytes for {rows} values of {datatype}, got {len(data)}.",
            path=path,
            hint="Correct the shape, or the size.",
        )
    values = np.frombuffer(data, dtype)
    if datatype == BF16:
        values = (values.astype(np.uint32) << 16).view(np.float32)
    if datatype == "BOOL":
        values = np.frombuffer(data, np.uint8) != 0  # any other byte than 0 and 1 is no boolean of NumPy
    return values.astype(np.float64)


def texts_of(data: bytes | memoryview, rows: int, *, path: str) -> NDArray[np.object_]:
    """The texts in `data` as object[rows]."""
    texts: list[str] = []
    place, end = 0, len(data)
    while place < end and len(texts) <= rows:
        start = place + _LENGTH.size
        if start > end or start + (length := _LENGTH.unpack_from(data, place)[0]) > end:
            raise InputError("the element ends beyond the tensor.", path=f"{path}[{len(texts)}]")
        place = start + length
        texts.append(text_of(data[start:place], path=f"{path}[{len(texts)}]"))
    if len(texts) != rows:
        count = "more" if len(texts) > rows else str(len(texts))
        raise InputError(f"expected {rows} values of BYTES, got {count}.", path=path, hint="Correct the shape.")
    return np.array(texts, object)


def text_of(data: bytes | memoryview, *, path: str) -> str:
    """One element as text."""
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        raise InputError("expected text in UTF-8, got other bytes.", path=path) from None


def numbers_bytes(values: NDArray[Any]) -> bytes:
    """FP64 as raw bytes."""
    return np.ascontiguousarray(values, DTYPES["FP64"]).tobytes()


def texts_bytes(values: Sequence[object]) -> bytes:
    """BYTES as raw bytes."""
    parts: list[bytes] = []
    for value in values:
        text = str(value).encode()
        parts += (_LENGTH.pack(len(text)), text)
    return b"".join(parts)
