"""Footers are read once, and a table of a hundred thousand files opens from its kept manifest."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.files.footer import Footer
from seatrial.batches.files.manifest import Manifest, cache_folder, keep, load, make_manifest
from seatrial.batches.files.table_source import TableSource, source_key
from seatrial.batches.parquet_table import parquet_table
from seatrial.batches.plan.epoch_plan import Plan
from seatrial.batches.reading.reader import open_batches
from seatrial.batches.wire.wire import DataFile, FolderWire, ListedFile
from seatrial.errors import Corrupt, InputError
from seatrial.stores.settings import StoreSettings

MANY_FILES = 100_000
ROWS = 50_000  # of each
FAST_S = 4.0  # CPU time of opening such a table from its manifest: 0.4 s; a busy machine takes any wall time


def one_file(folder: Path) -> Footer:
    path = folder / "one.parquet"
    rows: Any = {"id": np.arange(10), "x": np.zeros(10, np.float32)}
    pq.write_table(pa.table(rows), path)
    tail = FolderWire().tail(str(path), None, 2**16)
    length = int.from_bytes(tail.data[-8:-4], "little") + 8
    return Footer(tail.file, tail.data[-length:])


def test_a_kept_manifest_is_the_one_that_was_made(tmp_path: Path) -> None:
    manifest = make_manifest([one_file(tmp_path)], None)
    keep(manifest, "key", tmp_path / "kept")
    again = load("key", tmp_path / "kept")
    assert again is not None
    assert again.files.equals(manifest.files)
    assert again.data_file(0) == manifest.data_file(0)
    assert bytes(again.footer(0)) == bytes(manifest.footer(0))
    assert again.rows.tolist() == [10]
    assert again.column_nulls.keys() == {"id", "x"}
    assert all((again.column_bytes[name] == manifest.column_bytes[name]).all() for name in ("id", "x"))


@pytest.mark.parametrize("damage", [b"", b"not an Arrow file"])
def test_a_manifest_that_was_damaged_is_read_anew(tmp_path: Path, damage: bytes) -> None:
    keep(make_manifest([one_file(tmp_path)], None), "key", tmp_path / "kept")
    (tmp_path / "kept" / "key.groups.arrow").write_bytes(damage)
    assert load("key", tmp_path / "kept") is None


@pytest.mark.simulation
def test_a_hundred_thousand_files_open_fast(tmp_path: Path) -> None:
    footer = one_file(tmp_path)
    paths = [f"{tmp_path}/{number}.parquet" for number in range(MANY_FILES)]
    each = np.ones(MANY_FILES)
    manifest = Manifest(
        files=pa.table(
            {
                "path": pa.array(paths, pa.large_string()),
                "size_bytes": pa.array([footer.file.size_bytes] * MANY_FILES),
                "etag": pa.array([footer.file.etag] * MANY_FILES, pa.large_string()),
                "footer": pa.array([footer.data] * MANY_FILES, pa.large_binary()),
            }
        ),
        file=np.arange(MANY_FILES, dtype=np.int32),
        index=np.zeros(MANY_FILES, np.int32),
        rows=np.full(MANY_FILES, ROWS),
        size_bytes=np.full(MANY_FILES, ROWS * 12),
        column_bytes={"id": each * ROWS * 8, "x": each * ROWS * 4},
        column_nulls={"id": each * 0, "x": each * 0},
    )
    fields: Any = {"id": pa.int64(), "x": pa.float32()}
    schema = pa.schema(fields)
    files = tuple(ListedFile(path, footer.file.size_bytes, footer.file.etag) for path in paths)
    source = TableSource("many", schema, {}, "digest", "digest", files, StoreSettings(tmp_path.as_uri()))
    keep(manifest, source_key(source), cache_folder())
    began = time.process_time()
    batches = open_batches(source, columns=None, plan=Plan(4096, 7, 0, 0, 1, 512), cursor=None)
    assert time.process_time() - began < FAST_S
    assert len(batches) == -(-MANY_FILES * ROWS // 4096)


def test_the_second_opening_reads_no_footer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_file(tmp_path)
    table = parquet_table(tmp_path)
    monkeypatch.setattr(FolderWire, "tail", lambda *arguments: pytest.fail("a footer was read"))
    assert len(list(table.batches())) == 1


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet file at all", b"PAR1" + b"\xff\xff\xff\x7fPAR1"])
def test_what_is_no_parquet_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(Corrupt, match=r"x\.parquet: "):
        parquet_table(tmp_path)


def test_files_of_different_columns_are_refused_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r'b\.parquet: column "x" is int64, and double in .*a\.parquet'):
        parquet_table(tmp_path)


def test_a_folder_without_parquet_files_says_so(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "_temporary").mkdir()
    one_file(tmp_path / "_temporary")
    with pytest.raises(InputError, match="the folder does not hold any Parquet files"):
        parquet_table(tmp_path)


def test_files_are_ordered_by_their_numbers_whatever_uuids_are_in_their_names(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        name = f"part-{number}-{number:08x}-0000-0000-0000-{99 - number:012d}.parquet"
        pq.write_table(pa.table({"x": [number]}), tmp_path / name)
    assert parquet_table(tmp_path).to_arrow()["x"].to_pylist() == [1, 2, 10]


def test_properties_of_packed_columns_come_from_the_files(tmp_path: Path) -> None:
    said: Any = {"seatrial.packed.f": json.dumps({"dtype": "float32", "width": 1})}
    schema = pa.schema([pa.field("f", pa.binary())], metadata=said)
    pq.write_table(pa.table([pa.array([b"\0\0\x80?"])], schema=schema), tmp_path / "a.parquet")
    table = parquet_table(tmp_path)
    assert table.properties == said
    assert next(table.batches())["f"].tolist() == [[1.0]]


def test_pins_differ_where_content_does(tmp_path: Path) -> None:
    assert DataFile("a", 1, "x") != DataFile("a", 1, "y")
    one_file(tmp_path)
    first = parquet_table(tmp_path).digest
    (tmp_path / "one.parquet").touch()
    assert parquet_table(tmp_path).digest != first


def damaged(folder: Path, what: bytes, by: bytes) -> Path:
    """A file whose footer says something else, and is as long as before."""
    path = folder / "x.parquet"
    rows = pa.table({"x": pa.array(range(1000))})
    with pq.ParquetWriter(path, rows.schema, store_schema=False) as writer:
        writer.write_table(rows, row_group_size=400)
        writer.add_key_value_metadata({"seatrial.packed.f": '{"dtype": "float32", "width": 1}'})
    data = path.read_bytes()
    place = data.rindex(what)
    path.write_bytes(data[:place] + by + data[place + len(what) :])
    return folder


def varint(number: int) -> bytes:
    """As Thrift's compact protocol writes 1,000 and the like: zigzag, seven bits a byte."""
    return bytes([(number << 1) & 0x7F | 0x80, number >> 6])


def test_a_footer_whose_row_groups_lack_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match=r"x\.parquet: the row groups in the footer do not have the rows"):
        parquet_table(damaged(tmp_path, varint(400) + b"\x26", varint(399) + b"\x26"))


def test_a_footer_that_says_no_text_of_packed_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match=r"x\.parquet: the footer's property of packed columns is not UTF-8"):
        parquet_table(damaged(tmp_path, b'{"dtype"', b'\xff"dtype"'))
