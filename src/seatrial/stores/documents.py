"""Dataclasses as JSON files: one canonical form to write (so that digests mean something), one strict way to read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TypeVar

from seatrial.errors import Corrupt

T = TypeVar("T")


def to_json(value: object) -> bytes:
    """Canonical JSON of dataclasses, mappings, sequences, scalars: sorted keys, UTF-8, no NaN, a final newline."""
    text = json.dumps(
        _plain(value), sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1, separators=(",", ": ")
    )
    return (text + "\n").encode()


def from_json(kind: type[T], data: bytes, *, path: str) -> T:
    """The value of type `kind` that `data` states; an unknown, missing or ill-typed field raises `Corrupt`."""
    import pydantic  # heavy, and not needed by commands that only write

    try:
        return pydantic.TypeAdapter(kind).validate_json(data, strict=True, extra="forbid")
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Corrupt(
            f"not what this file should hold: {place or 'the document'}: {first['msg']}.", path=path
        ) from None


def sha256(data: bytes) -> str:
    """The hex digest that names content everywhere in Seatrial."""
    return hashlib.sha256(data).hexdigest()


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
