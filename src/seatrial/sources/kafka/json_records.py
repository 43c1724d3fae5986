"""One JSON record read under a schema: its values, or why it cannot be a row. No value is bent into another type."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any, NoReturn

import pyarrow as pa

from seatrial.sources.kafka.columns import type_name

Convert = Callable[[Any, str], Any]  # a value of JSON and its path in the record → the column's value
_EXACT = Context(prec=80)  # twice the digits of the longest decimal: rounding then shows as a difference
LONGEST_VALUE = 60  # of a value in a reason; the dead letter has all of it
DAY = re.compile(r"\d{4}-\d\d-\d\d")
FINEST = re.compile(r"\.\d{7}")  # more than microseconds


class BadRecord(Exception):
    """Why a record cannot be a row."""


class JsonReader:
    """Reads records of one schema."""

    def __init__(self, schema: pa.Schema) -> None:
        self._fields = [(field.name, _converter(field.type), field.nullable) for field in schema]
        # Of 0.1 a float has not the digits that a decimal is to have.
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_exact_number if any(_has_decimals(field.type) for field in schema) else None,
        )

    def read(self, value: bytes | None) -> dict[str, Any]:
        """The record's values by column; raises `BadRecord`."""
        try:
            return self._read(value)
        except (BadRecord, MemoryError):
            raise
        except Exception as error:  # of one record, at which every run would end
            raise BadRecord(f"the record cannot be read ({type(error).__name__})") from error

    def _read(self, value: bytes | None) -> dict[str, Any]:
        if value is None:
            raise BadRecord("the record has no value (a tombstone)")
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadRecord(f"not UTF-8: byte {error.start}") from None
        try:
            document = self._decoder.decode(text)
        except json.JSONDecodeError as error:
            raise BadRecord(f"malformed JSON: {error.msg} at character {error.pos}") from None
        except ValueError:  # a number of more digits than Python converts
            raise BadRecord("malformed JSON: a number has too many digits") from None
        except RecursionError:
            raise BadRecord("malformed JSON: nested too deeply") from None
        if not isinstance(document, dict):
            raise BadRecord(f"expected an object, got {_shown(document)}")
        return {
            name: _field(document, name, convert, nullable=nullable, path=name)
            for name, convert, nullable in self._fields
        }


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                raise BadRecord(f"the key {_shown(name)} stands twice in one object")
            names.add(name)
    return fields


def _exact_number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of more than 18 digits
        raise BadRecord(f"malformed JSON: the number {_shortened(text)} is out of range") from None


def _no_constant(text: str) -> NoReturn:
    raise BadRecord(f"malformed JSON: {text} is not a JSON number")


def _field(document: dict[str, Any], name: str, convert: Convert, *, nullable: bool, path: str) -> Any:
    value = document.get(name)
    if value is not None:
        return convert(value, path)
    if nullable:
        return None
    raise BadRecord(f"{path}: the required field is {'null' if name in document else 'missing'}")


def _converter(kind: pa.DataType) -> Convert:
    if pa.types.is_list(kind):
        return _array(kind)
    if pa.types.is_struct(kind):
        return _struct(kind)
    if pa.types.is_map(kind):
        return _map(kind)
    if pa.types.is_integer(kind):
        return _integer(kind)
    if pa.types.is_decimal(kind):
        return _decimal(kind)
    if pa.types.is_timestamp(kind):
        return _timestamp(kind)
    if pa.types.is_float32(kind):
        return _float
    for holds, convert in (
        (pa.types.is_boolean, _boolean),
        (pa.types.is_float64, _double),
        (pa.types.is_string, _string),
        (pa.types.is_binary, _binary),
        (pa.types.is_date32, _date),
    ):
        if holds(kind):
            return convert
    raise TypeError(f"JSON records do not fill {kind}")


def can_be_filled(kind: pa.DataType) -> bool:
    """Whether records can hold values of this type."""
    try:
        _converter(kind)
    except TypeError:
        return False
    return True


def _has_decimals(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return _has_decimals(kind.value_type)
    if pa.types.is_map(kind):
        return _has_decimals(kind.item_type)
    if pa.types.is_struct(kind):
        return any(_has_decimals(kind.field(place).type) for place in range(kind.num_fields))
    return pa.types.is_decimal(kind)


def _wrong(path: str, expected: str, value: Any) -> BadRecord:
    return BadRecord(f"{path}: expected {expected}, got {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        text = str(value)
    elif isinstance(value, dict):
        text = "an object"
    elif isinstance(value, list):
        text = "an array"
    else:
        text = json.dumps(value)
    return _shortened(text)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(path, "boolean", value)
    return value


def _integer(kind: pa.DataType) -> Convert:
    name, bound = type_name(kind), 2 ** (kind.bit_width - 1)

    def convert(value: Any, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not -bound <= value < bound:
            raise _wrong(path, name, value)
        return value

    return convert


def _double(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise _wrong(path, "double", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise _wrong(path, "double", value)
    return number


def _float(value: Any, path: str) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", _double(value, path)))[0])
    except OverflowError:
        raise _wrong(path, "float", value) from None


def _decimal(kind: Any) -> Convert:
    name, whole_digits, step = type_name(kind), kind.precision - kind.scale, Decimal(1).scaleb(-kind.scale)

    def convert(value: Any, path: str) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            raise _wrong(path, name, value)
        number = Decimal(value)
        if number != 0 and number.adjusted() >= max(whole_digits, 1):
            raise _wrong(path, name, value)
        try:
            exact = number.quantize(step, context=_EXACT)
        except InvalidOperation:
            raise _wrong(path, name, value) from None
        if exact != number or exact.copy_abs() >= Decimal(1).scaleb(whole_digits):
            raise _wrong(path, name, value)
        return exact

    return convert


def _string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "string", value)
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:  # half of a surrogate pair, written as an escape
            raise _wrong(path, "text", value) from None
    return value


def _binary(value: Any, path: str) -> bytes:
    try:
        return base64.b64decode(_string(value, path), validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(path, "binary as base64", value) from None


def _date(value: Any, path: str) -> date:
    if _is_day(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise _wrong(path, "date (2026-01-31)", value)


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and DAY.fullmatch(value) is not None


def _timestamp(kind: Any) -> Convert:
    zoned = kind.tz is not None
    expected = "timestamp (2026-01-31T12:00:00Z)" if zoned else "timestamp_ntz (2026-01-31T12:00:00)"

    def convert(value: Any, path: str) -> datetime:
        if not isinstance(value, str) or not _is_day(value[:10]) or len(value) == len("2026-01-31"):
            raise _wrong(path, expected, value)
        try:
            moment = datetime.fromisoformat(value)
            if (moment.tzinfo is not None) == zoned and FINEST.search(value) is None:
                return moment.astimezone(UTC) if zoned else moment
        except (ValueError, OverflowError):
            pass
        raise _wrong(path, expected, value)

    return convert


def _array(kind: Any) -> Convert:
    convert_each, nullable = _converter(kind.value_type), kind.value_field.nullable

    def convert(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(path, "array", value)
        return [_element(each, convert_each, nullable, f"{path}[{place}]") for place, each in enumerate(value)]

    return convert


def _map(kind: Any) -> Convert:
    convert_each, nullable = _converter(kind.item_type), kind.item_field.nullable

    def convert(value: Any, path: str) -> list[tuple[str, Any]]:
        if not isinstance(value, dict):
            raise _wrong(path, "object", value)
        return [
            (_string(key, path), _element(each, convert_each, nullable, f"{path}.{key}")) for key, each in value.items()
        ]

    return convert


def _struct(kind: pa.DataType) -> Convert:
    fields = [
        (field.name, _converter(field.type), field.nullable)
        for field in (kind.field(place) for place in range(kind.num_fields))
    ]

    def convert(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(path, "object", value)
        return {
            name: _field(value, name, convert_field, nullable=nullable, path=f"{path}.{name}")
            for name, convert_field, nullable in fields
        }

    return convert


def _element(value: Any, convert: Convert, nullable: bool, path: str) -> Any:  # noqa: FBT001 one call a value
    if value is not None:
        return convert(value, path)
    if nullable:
        return None
    raise BadRecord(f"{path}: the required value is null")
