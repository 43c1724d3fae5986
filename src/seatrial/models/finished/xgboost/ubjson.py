"""Universal Binary JSON, strictly: what XGBoost writes as .ubj, read without the library that wrote it."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"] | NDArray[np.generic]

# Marker → the big-endian number behind it. https://ubjson.org/type-reference/value-types/
_NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_INTEGERS = frozenset("iUIlL")
_WORDS: dict[str, bool | None] = {"Z": None, "T": True, "F": False}
_MAX_DEPTH = 64  # XGBoost nests 8 deep; a file made to exhaust the stack nests as deep as it is long


def read_ubjson(data: bytes) -> Value:
    """The one value that `data` holds; a `ValueError` that names the byte where it is no UBJSON."""
    reader = _Reader(data)
    try:
        value = reader.value(reader.marker(), depth=0)
    except (struct.error, IndexError):
        raise ValueError(f"it ends in the middle of a value, at byte {len(data)}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the text before byte {reader.at} is not UTF-8") from None
    if reader.at != len(data):
        raise ValueError(f"there is something behind its end, at byte {reader.at}")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def marker(self) -> str:
        self.at += 1
        return chr(self.data[self.at - 1])

    def value(self, marker: str, *, depth: int) -> Value:
        if depth > _MAX_DEPTH:
            raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")
        if marker in _NUMBERS:
            number: int | float = self.numbers(marker, 1)[0].item()
            return number
        if marker in _WORDS:
            return _WORDS[marker]
        if marker == "S":
            return self.text()
        if marker == "[":
            return self.array(depth)
        if marker == "{":
            return self.object(depth)
        raise ValueError(f"byte {self.at - 1} is {marker!r}, which starts no value")

    def numbers(self, marker: str, count: int) -> NDArray[np.generic]:
        kind = np.dtype(_NUMBERS[marker])
        if count > (len(self.data) - self.at) // kind.itemsize:
            raise IndexError
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += count * kind.itemsize
        return values.astype(kind.newbyteorder("="))

    def count(self) -> int:
        marker = self.marker()
        if marker not in _INTEGERS:
            raise ValueError(f"byte {self.at - 1} is {marker!r}, where a length belongs")
        count = int(self.numbers(marker, 1)[0].item())
        if not 0 <= count <= len(self.data):
            raise ValueError(f"the length {count} before byte {self.at} is longer than the file")
        return count

    def text(self) -> str:
        length = self.count()
        if length > len(self.data) - self.at:
            raise IndexError
        self.at += length
        return self.data[self.at - length : self.at].decode()

    def array(self, depth: int) -> Value:
        kind = None
        if self._next("$"):
            kind = self.marker()
            if kind not in _NUMBERS:
                raise ValueError(f"byte {self.at - 1} is {kind!r}, which is no type of numbers")
        if self._next("#"):
            count = self.count()
            if kind is not None:
                return self.numbers(kind, count)
            return [self.value(self.marker(), depth=depth + 1) for _ in range(count)]
        if kind is not None:
            raise ValueError(f"the array before byte {self.at} has a type and no length")
        values: list[Value] = []
        while not self._next("]"):
            values.append(self.value(self.marker(), depth=depth + 1))
        return values

    def object(self, depth: int) -> dict[str, Value]:
        values: dict[str, Value] = {}
        while not self._next("}"):
            name = self.text()
            values[name] = self.value(self.marker(), depth=depth + 1)
        return values

    def _next(self, marker: str) -> bool:
        matches = self.data[self.at] == ord(marker)
        self.at += matches
        return matches
