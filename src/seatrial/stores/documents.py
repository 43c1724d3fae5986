"""Dataclasses as JSON files: one canonical form to write (so that digests mean something), one strict way to read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from seatrial.errors import Corrupt

if TYPE_CHECKING:
    import pydantic

T = TypeVar("T")
# For a field that a type got later on: without a value it is not written, so that digests of what lacks it stay, and
# an older Seatrial reads it.
LEFT_OUT_IF_NONE = MappingProxyType({"left_out_if_none": True})
_SHOWN = 20  # characters of a number that is refused


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
        value: T = _adapter(cast("Any", kind)).validate_json(data, strict=True, extra="forbid")
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Corrupt(
            f"the file does not hold what it should: {place or 'the document'}: {first['msg']}.", path=path
        ) from None
    _only_json(data, path)
    return value


@cache
def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    """What checks documents of a type: ten milliseconds to make, and a ledger has a thousand documents."""
    import pydantic  # heavy

    return pydantic.TypeAdapter(kind)


def _only_json(data: bytes, path: str) -> None:
    """`Corrupt` for what pydantic lets pass: NaN and infinities (RFC 8259, section 6), and a name given twice."""

    def refuse(problem: str) -> NoReturn:
        raise Corrupt(f"the file is not JSON: {problem}.", path=path)

    def number(text: str) -> float:
        value = float(text)
        return value if math.isfinite(value) else refuse(f"the number {text[:_SHOWN]} is too large")

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        document = dict(pairs)
        return document if len(document) == len(pairs) else refuse("a name stands twice in one object")

    json.loads(
        data,
        parse_constant=lambda text: refuse(f"{text} is not a number"),
        parse_float=number,
        object_pairs_hook=members,
    )


def sha256(data: bytes) -> str:
    """The hex digest that names content everywhere in Seatrial."""
    return hashlib.sha256(data).hexdigest()


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = ((item, getattr(value, item.name)) for item in dataclasses.fields(value))
        return {
            item.name: _plain(part) for item, part in named if part is not None or item.metadata != LEFT_OUT_IF_NONE
        }
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
