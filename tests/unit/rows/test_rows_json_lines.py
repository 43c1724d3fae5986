from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from seatrial.errors import InputError
from seatrial.rows import json_lines, open_rows
from tests.unit.rows.conftest import content, whole

Written = Callable[[str, bytes], Path]


def test_types_hold_for_every_line_and_dates_are_texts(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 50)
    path = written(
        "r.jsonl",
        b'{"a": 1, "b": "2026-01-01", "c": null}\n' * 20 + b'\n{"a": 2.5, "d": {"t": "2026-01-01"}, "b": "x"}',
    )
    rows = open_rows(path)
    assert rows.schema.field("a").type == pa.float64()
    found = content(rows)
    assert found["a"] == [1.0] * 20 + [2.5]
    assert found["b"] == ["2026-01-01"] * 20 + ["x"]
    assert found["c"] == [None] * 21
    assert found["d"] == [None] * 20 + [{"t": "2026-01-01"}]


def test_whole_numbers_of_many_digits_keep_them_all(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 50)
    numbers = [12345678901234567890, 12345678901234567891, -7, None]
    lines = [f'{{"id": {"null" if number is None else number}, "x": 1e30}}' for number in numbers]
    found = content(open_rows(written("r.jsonl", "\n".join(lines).encode())))
    assert found["id"] == numbers
    lines.append('{"id": 0.5, "x": 0.5}')
    rows = open_rows(written("r.jsonl", "\n".join(lines).encode()))
    assert [field.type for field in rows.schema] == [pa.float64()] * 2


@pytest.mark.parametrize("name", ["r.jsonl.gz", "r.ndjson", "r.json"])
def test_the_suffixes_of_json_lines(written: Written, name: str) -> None:
    data = b'{"a": 1}\n{"a": 2}\n'
    assert content(open_rows(written(name, gzip.compress(data) if name.endswith("gz") else data))) == {"a": [1, 2]}


def test_whole_numbers_may_be_asked_for_as_numbers_and_texts_may_not(written: Written) -> None:
    path = written("r.jsonl", b'{"a": 1, "b": "x", "c": null}\n')
    rows = open_rows(path, types={"a": pa.float64(), "b": pa.float64(), "c": pa.string(), "absent": pa.string()})
    assert [field.type for field in rows.schema] == [pa.float64(), pa.string(), pa.string()]


@pytest.mark.parametrize("block_bytes", [8, 2**20])
@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b'{"a": 1}\n{"a": 2}\n\n{"a": "x"}\n', 4, r"column 'a' is"),
        (b'{"a": 1}\n{"a": \n', 2, "not JSON lines"),
        (b'{"a": 1}\n[1]\n', 2, "this is|not JSON lines|one JSON list"),
        (b'{"a": 1}\n{"a": "\xff"}\n', 2, "not UTF-8"),
        (b'{"a": 1, "a": 2}\n', 1, "specified twice"),
        (b"3\n", 1, "this is a number"),
    ],
)
def test_a_line_that_is_no_row_is_named(
    written: Written, monkeypatch: pytest.MonkeyPatch, block_bytes: int, data: bytes, line: int, message: str
) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", block_bytes)
    with pytest.raises(InputError, match=message) as raised:
        open_rows(written("r.jsonl", data))
    assert raised.value.line in (line, None if b"[" in data else line)
    assert raised.value.hint


_ENDLESS = 100_000  # values in one another: Arrow's reader ends the process


@pytest.mark.parametrize("before", ["", '{"a": [1], "b": "]]}}"}\n' * 100])
@pytest.mark.parametrize(
    ("opens", "closes"), [("[", "]"), ('{"a":', "}"), ('{"a":\n', "}"), ('[{"a":"]}",\n"b":', "}]")]
)
def test_values_without_end_in_one_another_are_refused(written: Written, before: str, opens: str, closes: str) -> None:
    deep = f'{before}{{"a": {opens * _ENDLESS}1{closes * _ENDLESS}}}\n'
    with pytest.raises(InputError, match="nested more than 64 deep") as raised:
        open_rows(written("r.jsonl", deep.encode()))
    assert raised.value.line is not None
    assert raised.value.line > before.count("\n")


def test_many_lists_beside_one_another_are_not_deep(written: Written) -> None:
    line = b'{"a": [1, 2], "b": [{"c": "[[[[{{{{"}]}\r\n'
    assert whole(open_rows(written("r.jsonl", line * 1000))).num_rows == 1000


def test_a_list_is_told_from_lines_with_the_way_out(written: Written) -> None:
    with pytest.raises(InputError, match=r"one JSON list, not JSON lines\. .* jq -c '\.\[\]' r\.json"):
        open_rows(written("r.json", b'[{"a": 1},\n{"a": 2}]\n'))


def test_lines_without_columns_are_no_table(written: Written) -> None:
    with pytest.raises(InputError, match="the lines do not hold any column"):
        open_rows(written("r.jsonl", b"\n{}\n"))


def test_a_line_without_an_end_is_given_up(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 2**10)
    monkeypatch.setattr(json_lines, "LINE_BYTES", 2**12)
    with pytest.raises(InputError, match="longer than"):
        open_rows(written("r.jsonl", b'{"a": "' + b"x" * 2**14))


def test_columns_come_in_the_order_asked_for(written: Written) -> None:
    rows = open_rows(written("r.jsonl", b'{"a": 1, "b": 2}\n{"b": 4, "a": 3}\n'))
    assert whole(rows, ["b", "a"]).to_pydict() == {"b": [2, 4], "a": [1, 3]}
