from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.errors import InputError
from seatrial.rows import TABLE_ROWS, Rows, delimited, json_lines, open_rows, rows_of
from tests.unit.rows.conftest import content, whole

FRAME: dict[str, Any] = {"a": [1, 2, 3], "b": ["x", None, "z"]}


def counted(tables: Sequence[pa.Table], made: list[int]) -> Rows:
    """Rows that note which table was read when."""

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        for position, table in enumerate(tables):
            made.append(position)
            yield table.select(list(columns))

    return Rows("here", tables[0].schema, None, read)


def test_tables_are_bounded_and_hold_every_row_in_its_order_each_time() -> None:
    rows = rows_of(pa.table({"a": pa.array(range(150_000))}))
    for _ in range(2):
        sizes = [table.num_rows for table in rows.tables()]
        assert sizes == [TABLE_ROWS, TABLE_ROWS, 150_000 - 2 * TABLE_ROWS]
        assert whole(rows)["a"].to_pylist() == list(range(150_000))


def test_one_table_is_read_ahead_and_no_more() -> None:
    made: list[int] = []
    tables = counted([pa.table({"a": [position]}) for position in range(9)], made).tables()
    next(tables)
    until = time.monotonic() + 5
    while made != [0, 1] and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.05)
    assert made == [0, 1]
    assert len(list(tables)) == 8


def test_the_thread_ends_with_the_reading_whoever_ends_it() -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("seatrial-rows")]

    rows = rows_of(pa.table({"a": pa.array(range(200_000))}))
    whole(rows)
    assert threads() == []
    tables = rows.tables()
    next(tables)
    assert len(threads()) == 1
    del tables
    assert threads() == []


def test_a_mistake_while_reading_reaches_whoever_reads() -> None:
    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        yield pa.table({"a": [1]})
        raise InputError("broken.", path="there")

    tables = Rows("there", pa.schema([("a", pa.int64())]), None, read).tables()
    assert next(tables).num_rows == 1
    with pytest.raises(InputError, match="there: broken"):
        next(tables)


@pytest.mark.parametrize(
    ("columns", "message"),
    [(["aa"], "not have a column 'aa'. Did you mean 'a'"), (["zzz"], "It has: a, b"), (["a", "a"], "asked for twice")],
)
def test_columns_that_cannot_be_are_an_error_before_anything_is_read(columns: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows_of(pa.table(FRAME)).tables(columns)


@pytest.mark.parametrize(
    "frame",
    [
        pa.table(FRAME),
        pa.RecordBatch.from_pydict(FRAME),
        pl.DataFrame(FRAME),
        pl.DataFrame(FRAME).lazy(),
        pd.DataFrame(FRAME),
        pd.DataFrame(FRAME, index=[7, 8, 9]),
        pd.DataFrame(FRAME).astype({"b": "category"}),
    ],
    ids=["arrow", "batch", "polars", "lazy polars", "pandas", "indexed pandas", "pandas category"],
)
def test_every_frame_is_the_same_rows(frame: object) -> None:
    rows = rows_of(frame)
    assert (rows.rows, rows.schema.names) == (3, ["a", "b"])
    assert content(rows) == FRAME
    assert whole(rows_of(frame, ["b"])).column_names == ["b"]


def test_arrow_and_polars_are_not_copied() -> None:
    def address(table: pa.Table) -> int:
        column: Any = table["a"]
        return int(column.chunk(0).buffers()[1].address)

    table = pa.table({"a": pa.array(range(1000))})
    frame = pl.DataFrame({"a": range(1000)})
    assert address(whole(rows_of(table))) == address(table)
    assert address(whole(rows_of(frame))) == address(frame.to_arrow())


def test_views_become_what_can_be_computed_with(tmp_path: Path) -> None:
    viewed = pa.table({"a": pa.array(["x", None]).cast(pa.string_view())})
    pyarrow.parquet.write_table(viewed, tmp_path / "r.parquet")
    for rows in (rows_of(viewed), open_rows(tmp_path / "r.parquet")):
        assert rows.schema.field("a").type == pa.large_string()
        assert content(rows) == {"a": ["x", None]}


def test_a_matrix_has_the_names_it_is_given() -> None:
    rows = rows_of(np.array([[1.0, 2.0], [3.0, np.nan]]), ["u", "v"])
    assert whole(rows)["u"].to_pylist() == [1.0, 3.0]
    assert rows.schema == pa.schema([("u", pa.float64()), ("v", pa.float64())])


@pytest.mark.parametrize(
    ("frame", "columns", "message"),
    [
        (3, None, r"builtins\.int is not a table or a frame"),
        ([[1, 2]], None, r"builtins\.list is not a table or a frame"),
        (np.zeros(3), ["a"], r"shape \(3,\)"),
        (np.zeros((3, 2)), None, "2 columns needs as many different names"),
        (np.zeros((3, 2)), ["a", "a"], "2 columns needs as many different names"),
        (np.array([[object()]]), ["a"], "cannot become an Arrow table"),
        (pd.DataFrame({"a": [1, "x", object()]}), None, "cannot become an Arrow table"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), None, "have one name"),
        (pa.table(FRAME), ["c"], "not have a column 'c'"),
    ],
)
def test_what_is_no_frame_is_said(frame: object, columns: list[str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        rows_of(frame, columns)
    assert raised.value.path == "the frame"


def held_while_reading(path: Path, times: int) -> int:
    """The most bytes that Arrow held at any table of a file of 20,000 · `times` rows."""
    random = np.random.default_rng(7).random(20_000)
    if path.suffix == ".parquet":
        many = pa.table({"a": pa.array(np.tile(random, times) + np.arange(20_000 * times))})
        pyarrow.parquet.write_table(many, path, row_group_size=many.num_rows)
        del many
    else:
        lines = [f"{value},x" if path.suffix == ".csv" else f'{{"a": {value}, "b": "x"}}' for value in random]
        path.write_text(("a,b\n" if path.suffix == ".csv" else "") + ("\n".join(lines) + "\n") * times)
    before = pa.total_allocated_bytes()
    most = rows = 0
    for table in open_rows(path).tables():
        rows += table.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 20_000 * times
    return most


@pytest.mark.simulation
@pytest.mark.parametrize(("suffix", "times"), [("csv", (10, 40)), ("jsonl", (10, 40)), ("parquet", (40, 160))])
def test_what_is_held_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, times: tuple[int, int]
) -> None:
    for module in (delimited, json_lines):  # smaller blocks, so that smaller files have many
        monkeypatch.setattr(module, "BLOCK_BYTES", 2**16)
    few, many = (held_while_reading(tmp_path / f"{size}.{suffix}", size) for size in times)
    assert many < 1.5 * few
