"""A JSON record becomes a row of the declared types, or has a reason; nothing is bent, rounded or guessed."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.sources.kafka.columns import declared_schema
from seatrial.sources.kafka.json_records import BadRecord, JsonReader


def read(kind: str, text: str, *, required: bool = False) -> Any:
    schema = declared_schema({"x": kind}, ["x"] if required else [])
    row = JsonReader(schema).read(f'{{"x": {text}}}'.encode())
    assert pa.RecordBatch.from_pylist([row], schema=schema).num_rows == 1  # Arrow takes what was read
    return row["x"]


def reason(kind: str, text: str, *, required: bool = False) -> str:
    with pytest.raises(BadRecord) as refused:
        read(kind, text, required=required)
    return str(refused.value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("boolean", "true", True),
        ("int", "-2147483648", -(2**31)),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("double", "3", 3.0),
        ("double", "0.1", 0.1),
        ("float", "0.1", 0.10000000149011612),
        ("decimal(10,2)", "0.10", Decimal("0.10")),
        ("decimal(10,2)", "12345678.9", Decimal("12345678.90")),
        ("decimal(38,0)", "9" * 38, Decimal("9" * 38)),
        ("decimal(2,2)", "0.25", Decimal("0.25")),
        ("decimal(4,2)", "1e1", Decimal("10.00")),
        ("string", '"\\u00e9 \\ud83d\\ude00"', "é 😀"),
        ("binary", '"AAH/"', b"\x00\x01\xff"),
        ("date", '"2024-02-29"', date(2024, 2, 29)),
        ("timestamp", '"2026-01-31T12:00:00.5+02:00"', datetime(2026, 1, 31, 10, 0, 0, 500_000, UTC)),
        ("timestamp_ntz", '"2026-01-31T12:00:00"', datetime(2026, 1, 31, 12)),
        ("array<int>", "[1, null]", [1, None]),
        ("map<string,bigint>", '{"a": 1}', [("a", 1)]),
        ("struct<a: int, b: struct<c: string>>", '{"b": {"c": "d"}, "e": 1}', {"a": None, "b": {"c": "d"}}),
        ("int", "null", None),
    ],
)
def test_a_value_of_the_type_is_taken_exactly(kind: str, text: str, value: Any) -> None:
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("boolean", "1", "x: expected boolean, got 1"),
        ("int", "2147483648", "x: expected int, got 2147483648"),
        ("int", "true", "x: expected int, got true"),
        ("bigint", "1.0", "x: expected bigint, got 1.0"),
        ("bigint", '"7"', 'x: expected bigint, got "7"'),
        ("double", "1e999", "x: expected double, got Infinity"),
        ("double", "1" * 400, "x: expected double, got 1111"),
        ("float", "1e39", "x: expected float, got 1e+39"),
        ("double", "NaN", "malformed JSON: NaN is not a JSON number"),
        ("decimal(10,2)", "0.105", "x: expected decimal(10,2), got 0.105"),
        ("decimal(4,2)", "100", "x: expected decimal(4,2), got 100"),
        ("decimal(2,2)", "1", "x: expected decimal(2,2), got 1"),
        ("decimal(38,0)", "1e999999999", "x: expected decimal(38,0), got 1E+999999999"),
        ("string", "5", "x: expected string, got 5"),
        ("string", '"\\ud83d"', "x: expected text, got "),
        ("binary", '"AA"', 'x: expected binary as base64, got "AA"'),
        ("date", '"2023-02-29"', 'x: expected date (2026-01-31), got "2023-02-29"'),
        ("date", '"20230228"', "x: expected date (2026-01-31), got "),
        ("timestamp", '"2026-01-31T12:00:00"', "x: expected timestamp (2026-01-31T12:00:00Z), got "),
        ("timestamp", '"2026-01-31"', "x: expected timestamp"),
        ("timestamp", '"2026-01-31T12:00:00.1234567Z"', "x: expected timestamp"),
        ("timestamp", "1769860800", "x: expected timestamp (2026-01-31T12:00:00Z), got 1769860800"),
        ("timestamp_ntz", '"2026-01-31T12:00:00Z"', "x: expected timestamp_ntz (2026-01-31T12:00:00), got "),
        ("array<int>", '[1, "a"]', 'x[1]: expected int, got "a"'),
        ("map<string,int>", '{"a": "b"}', 'x.a: expected int, got "b"'),
        ("struct<a: array<int>>", '{"a": [[]]}', "x.a[0]: expected int, got an array"),
        ("struct<a: int>", "[]", "x: expected object, got an array"),
    ],
)
def test_another_value_has_a_reason_with_its_place(kind: str, text: str, problem: str) -> None:
    assert reason(kind, text).startswith(problem)


def test_a_required_field_has_to_be_there() -> None:
    assert reason("int", "null", required=True) == "x: the required field is null"
    with pytest.raises(BadRecord, match="x: the required field is missing"):
        JsonReader(declared_schema({"x": "int"}, ["x"])).read(b"{}")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "the record has no value (a tombstone)"),
        (b"", "malformed JSON: Expecting value at character 0"),
        (b'{"x": 1', "malformed JSON: "),
        (b'{"x": 1} {"x": 2}', "malformed JSON: Extra data at character 9"),
        (b"\xff", "not UTF-8: byte 0"),
        (b"[1]", "expected an object, got an array"),
        (b"7", "expected an object, got 7"),
        (b'{"x": 1, "x": 2}', 'the key "x" stands twice in one object'),
        (b'{"a": 1, "x": 1, "x": 2, "a": 2}', 'the key "x" stands twice in one object'),
        (b'{"x": ' + b"1" * 5000 + b"}", "malformed JSON: a number has too many digits"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "malformed JSON: nested too deeply"),
    ],
)
def test_what_is_not_a_record_has_a_reason(value: bytes | None, problem: str) -> None:
    with pytest.raises(BadRecord) as refused:
        JsonReader(declared_schema({"x": "int"}, [])).read(value)
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize("number", ["1e9999999999999999999", "-1.5E-9999999999999999999"])
def test_a_number_beyond_every_decimal_is_a_reason_and_no_crash(number: str) -> None:
    assert reason("decimal(10,2)", number) == f"malformed JSON: the number {number} is out of range"
    assert len(reason("decimal(10,2)", f"0.{'1' * 10_000}e9999999999999999999")) < 120


def test_whatever_else_one_record_raises_is_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise LookupError("a mistake in the reader")

    reader = JsonReader(declared_schema({"x": "int"}, []))
    monkeypatch.setattr(reader, "_decoder", SimpleNamespace(decode=fail))
    with pytest.raises(BadRecord, match=r"the record cannot be read \(LookupError\)"):
        reader.read(b"{}")


def test_an_object_of_many_keys_is_read_in_linear_time() -> None:
    keys = ", ".join(f'"k{number}": 0' for number in range(100_000))  # quadratic: over a minute
    started = time.monotonic()
    with pytest.raises(BadRecord, match='the key "x" stands twice'):
        JsonReader(declared_schema({"x": "int"}, [])).read(f'{{{keys}, "x": 1, "x": 1}}'.encode())
    assert time.monotonic() - started < 10


def test_a_reason_stays_short() -> None:
    assert len(reason("int", json.dumps("a" * 10_000))) < 100


@given(st.binary(max_size=200))
def test_no_bytes_end_the_reader(value: bytes) -> None:
    with suppress(BadRecord):
        JsonReader(declared_schema({"x": "decimal(5,1)", "y": "timestamp"}, ["x"])).read(value)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda x: st.lists(x, max_size=3))
)
def test_whatever_is_read_fits_its_column(value: Any) -> None:
    for kind in ("int", "double", "float", "decimal(20,4)", "string", "array<bigint>", "timestamp", "date", "binary"):
        schema = declared_schema({"x": kind}, [])
        try:
            row = JsonReader(schema).read(json.dumps({"x": value}).encode("utf-8", "surrogatepass"))
        except BadRecord:
            continue
        pa.RecordBatch.from_pylist([row], schema=schema).validate(full=True)
