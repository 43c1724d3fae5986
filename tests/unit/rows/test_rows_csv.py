from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.errors import InputError
from seatrial.rows import delimited, open_rows
from tests.unit.rows.conftest import content, whole

Written = Callable[[str, bytes], Path]


def test_a_column_is_what_all_its_values_are(written: Written) -> None:
    path = written("r.csv", b"a,b,c,d,e\n1,x,1.5,true,\n2,NA,,false,NA\n007, y ,3,,\n")
    rows = open_rows(path)
    assert [field.type for field in rows.schema] == [pa.int64(), pa.string(), pa.float64(), pa.bool_(), pa.null()]
    assert content(rows) == {
        "a": [1, 2, 7],
        "b": ["x", "NA", " y "],
        "c": [1.5, None, 3.0],
        "d": [True, False, None],
        "e": [None] * 3,
    }


@pytest.mark.parametrize(
    ("last", "expected"),
    [("2.5", pa.float64()), ("many", pa.string()), ("", pa.int64()), ("0x1F", pa.string()), ("true", pa.string())],
)
def test_a_value_in_the_last_block_decides_with_the_others(
    written: Written, monkeypatch: pytest.MonkeyPatch, last: str, expected: pa.DataType
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1000)
    path = written("r.csv", b"a,b\n" + b"1,x\n" * 5000 + f"{last},x\n".encode())
    rows = open_rows(path)
    assert rows.schema.field("a").type == expected
    assert whole(rows).num_rows == rows.rows == 5001


@pytest.mark.parametrize("first", ["12345678901234567890", "7", "-7", "", "007"])
def test_whole_numbers_of_many_digits_keep_them_all(
    written: Written, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 100)
    lines = [first] * 50 + ["12345678901234567891", "12345678901234567892"]
    path = written("r.csv", "\n".join(["id,x", *(f"{line},x" for line in lines), ""]).encode())
    expected = [int(line) if line else None for line in lines]
    assert content(open_rows(path))["id"] == expected


def test_numbers_beside_whole_ones_of_many_digits_are_numbers(written: Written) -> None:
    rows = open_rows(written("r.csv", b"a,b\n12345678901234567890,1e20\n1.5,2\n"))
    assert [field.type for field in rows.schema] == [pa.float64()] * 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_the_lines_agree_on(written: Written, delimiter: str) -> None:
    text = f'age{delimiter}"a, b; c|d\te"\n1{delimiter}"x, y; z|w\t"\n2{delimiter}3\n'
    assert content(open_rows(written("r.csv", text.encode()))) == {"age": [1, 2], "a, b; c|d\te": ["x, y; z|w\t", "3"]}


@pytest.mark.parametrize("values", [["1,5", "2,5"], ["1", "-2,25"], ["", "1,5e3"]])
def test_a_column_of_decimal_commas_is_refused_with_its_name(written: Written, values: list[str]) -> None:
    path = written("r.csv", "\n".join(["name;price", *(f"x;{value}" for value in values), ""]).encode())
    with pytest.raises(InputError, match=r"'price' holds numbers with decimal commas, such as '.*,.*'") as caught:
        open_rows(path)
    namespace = {"pandas": pytest.importorskip("pandas"), "path": path}
    assert caught.value.hint is not None
    exec(caught.value.hint.partition("in Python: ")[2].removesuffix("."), namespace)  # the hint works
    assert whole(open_rows(path))["price"].type == pa.float64()


@pytest.mark.parametrize("values", [["1,5", "2,5,7"], ["1,5", "x"], ["1.5", "1.5,2"]])
def test_text_with_commas_that_is_no_number_stays_text(written: Written, values: list[str]) -> None:
    path = written("r.csv", "\n".join(["name;list", *(f"x;{value}" for value in values), ""]).encode())
    assert content(open_rows(path))["list"] == values


def test_a_number_that_was_asked_for_names_its_decimal_comma(written: Written) -> None:
    path = written("r.csv", b"a;b\n1,5;x\n")
    rows = open_rows(path, types={"a": pa.float64()}, others="text")
    with pytest.raises(InputError, match="decimal commas"):
        whole(rows)


def test_dates_stay_the_text_they_are(written: Written) -> None:
    assert content(open_rows(written("r.csv", b"a,b\n2026-01-02,1\n"))) == {"a": ["2026-01-02"], "b": [1]}


def test_a_mark_at_the_beginning_belongs_to_no_name(written: Written) -> None:
    assert content(open_rows(written("r.csv", b"\xef\xbb\xbfa,b\n1,2\n"))) == {"a": [1], "b": [2]}


def test_a_value_may_hold_line_ends_wherever_a_block_ends(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 64)
    path = written("r.csv", b"a,b\n" + b'1,"x\ny\n\nz"\n' * 50)
    assert content(open_rows(path)) == {"a": [1] * 50, "b": ["x\ny\n\nz"] * 50}


@pytest.mark.parametrize("suffix", [".csv.gz", ".tsv.gz", ".csv.zst"])
def test_files_may_be_compressed(written: Written, suffix: str) -> None:
    plain = b"a\tb\n1\tx\n"
    data = gzip.compress(plain) if suffix.endswith("gz") else pa.compress(plain, "zstd", asbytes=True)
    assert content(open_rows(written(f"r{suffix}", data))) == {"a": [1], "b": ["x"]}


def test_a_folder_is_one_table_whose_types_hold_for_every_file(written: Written) -> None:
    written("d/part-0.csv", b"a,b\n1,x\n")
    folder = written("d/part-1.csv", b"a,b\n2.5,y\n").parent
    written("d/_SUCCESS", b"")
    written("d/.part-0.csv.crc", b"..")
    assert content(open_rows(folder)) == {"a": [1.0, 2.5], "b": ["x", "y"]}


def test_columns_of_given_types_are_not_guessed_and_others_may_stay_text(written: Written) -> None:
    path = written("r.csv", b"a,zip,b\n1,00501,NA\n,1e3,x\n")
    given_types: dict[str, pa.DataType] = {"a": pa.float64(), "b": pa.string(), "absent": pa.int64()}
    rows = open_rows(path, types=given_types, others="text")
    assert rows.rows is None
    assert content(rows) == {"a": [1.0, None], "zip": ["00501", "1e3"], "b": ["NA", "x"]}
    assert content(open_rows(path, types=given_types))["zip"] == [501.0, 1000.0]


def test_a_header_without_rows_is_a_table_without_rows(written: Written) -> None:
    rows = open_rows(written("r.csv", b"a,b\n"))
    assert (rows.rows, rows.schema.names, list(rows.tables())) == (0, ["a", "b"], [])


cells = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8) | st.sampled_from(
    ["", "NA", "1", "2.5", "true"]
)


@pytest.mark.simulation
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    table=st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=20)
    )
)
def test_text_comes_back_as_it_was_written(tmp_path: Path, table: list[list[str]]) -> None:
    names = [f"column {position}" for position in range(len(table[0]))]
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([names, *table])
    path = tmp_path / "r.csv"
    path.write_bytes(out.getvalue().encode())
    rows = open_rows(path, others="text")
    assert content(rows) == {name: [row[place] for row in table] for place, name in enumerate(names)}
    guessed = open_rows(path)
    for name, values in content(guessed).items():
        if guessed.schema.field(name).type == pa.string():
            assert values == content(rows)[name]
        else:
            missing = [value is None for value in values]
            assert missing == [text in delimited.MISSING for text in content(rows)[name]]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("r.csv", b"", r"r\.csv: the file is empty"),
        ("r.csv", b"\n\n", r"the file is empty\. Write a line of names"),
        ("r.csv", b"a,b\n1,2\n3\n", r"r\.csv:3: the row has 1 value, and there are 2 columns \(split at commas\)"),
        ("r.csv", b'a,b\n"x\ny",2\n\n1,2,3\n', r"r\.csv:5: the row has 3 values, and there are 2 columns"),
        ("r.csv", b"a,b,a\n1,2,3\n", r"r\.csv:1: two columns are named 'a'"),
        ("r.csv", b"a,,\n1,2,3\n", r"r\.csv:1: several columns have no name"),
        ("r.csv", b"1,2.5\n3,4\n", r"r\.csv:1: the first line holds numbers, not names: 1, 2\.5"),
        ("r.csv", b"a,b\n1,\xfc\n", r"r\.csv:2: the file is not UTF-8\. .* iconv"),
        ("r.csv", "a,b\n1,2\n".encode("utf-16"), r"the file is UTF-16, not UTF-8"),
        ("r.csv.gz", b"a,b\n1,2\n", r"cannot be read as CSV: zlib"),
        ("r.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 9, mtime=0)[:-9], r"cannot be read as CSV: Truncated"),
    ],
)
def test_a_file_that_is_no_table_says_where(written: Written, name: str, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        open_rows(written(name, data))
    assert raised.value.hint
    assert str(raised.value).count("\n") == 0


@pytest.mark.parametrize(("last", "line"), [(b"1,2,3\n", 400_002), (b"1,\xff\n", None)])
def test_a_mistake_far_down_is_found_before_anything_is_made_of_the_rows(
    written: Written, last: bytes, line: int | None
) -> None:
    path = written("r.csv", b"a,b\n" + b"1,2\n" * 400_000 + last)
    with pytest.raises(InputError) as raised:
        open_rows(path)
    assert raised.value.line == line


def test_a_value_that_is_not_of_the_given_type_is_named(written: Written) -> None:
    rows = open_rows(written("r.csv", b"age,b\n1,2\nold,3\n"), types={"age": pa.float64()}, others="text")
    with pytest.raises(InputError, match=r"r\.csv: column 'age' must hold a number in every row, got 'old'"):
        whole(rows)


def test_files_with_other_columns_are_named(written: Written) -> None:
    folder = written("d/a.csv", b"a,b\n1,2\n").parent
    written("d/b.csv", b"a,c\n1,2\n")
    with pytest.raises(InputError, match=r"b\.csv: the file's first line is not that of .*a\.csv: a, c"):
        open_rows(folder)


@pytest.mark.parametrize("change", [b"a,b\n1,2\n3,4\n", None])
def test_a_file_that_changes_meanwhile_is_an_error(written: Written, change: bytes | None) -> None:
    path = written("r.csv", b"a,b\n1,2\n")
    rows: Any = open_rows(path)
    path.unlink()
    if change is not None:
        path.write_bytes(change)
    with pytest.raises(InputError, match="changed while it was read"):
        whole(rows)


def test_names_that_are_longer_than_what_is_read_of_them_are_not_cut(written: Written) -> None:
    names = ",".join(f"c{number}" for number in range(200_000))
    with pytest.raises(InputError, match="the first line is longer than 1 MiB"):
        open_rows(written("r.csv", f"{names}\n{names}\n".encode()))


def test_columns_can_be_read_anew_as_the_texts_they_are(written: Written) -> None:
    rows = open_rows(written("r.csv", b"zip,n\n01,1\n10,2\n"))
    assert content(rows)["zip"] == [1, 10]
    texts = rows.with_texts(["zip"])
    assert texts is not None
    assert content(texts) == {"zip": ["01", "10"], "n": [1, 2]}
