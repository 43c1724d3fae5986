from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.errors import InputError
from seatrial.rows import open_rows
from tests.unit.rows.conftest import content, whole

TABLE = pa.table({"capital.gain": pa.array([1, 2, 3]), "sex": pa.array(["F", "M", None])})


def write(path: Path, table: pa.Table = TABLE, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, path, **options)
    return path


def test_a_file_is_read_with_its_types(tmp_path: Path) -> None:
    table = TABLE.append_column("code", pa.array(["x", "y", "x"]).dictionary_encode())
    rows = open_rows(write(tmp_path / "r.parquet", table))
    assert rows.rows == 3
    assert rows.schema == table.schema
    assert content(rows) == table.to_pydict()
    assert whole(rows, ["sex", "capital.gain"]).column_names == ["sex", "capital.gain"]


def test_one_huge_row_group_comes_in_bounded_tables(tmp_path: Path) -> None:
    table = pa.table({"a": np.arange(200_000)})  # type: ignore[dict-item]  # the stubs know no NumPy here
    path = write(tmp_path / "r.parquet", table, row_group_size=200_000)
    sizes = [found.num_rows for found in open_rows(path).tables()]
    assert max(sizes) <= 65_536
    assert sum(sizes) == 200_000


def test_a_folder_is_one_table_with_the_keys_in_its_folders_names(tmp_path: Path) -> None:
    write(tmp_path / "t/year=2025/country=a%20b/1.parquet")
    write(tmp_path / "t/year=2026/country=__HIVE_DEFAULT_PARTITION__/2.parquet")
    (tmp_path / "t/_SUCCESS").touch()
    (tmp_path / "t/_temporary").mkdir()
    write(tmp_path / "t/_temporary/3.parquet")
    (tmp_path / "t/README.txt").write_text("about")
    rows = open_rows(tmp_path / "t")
    assert rows.rows == 6
    assert content(rows)["year"] == [2025] * 3 + [2026] * 3
    assert content(rows)["country"] == ["a b"] * 3 + [None] * 3
    assert whole(rows, ["year"]).to_pydict() == {"year": [2025] * 3 + [2026] * 3}


def test_a_pattern_picks_files_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "a-1.parquet")
    write(tmp_path / "a-2.parquet")
    write(tmp_path / "b.parquet")
    assert open_rows(f"{tmp_path}/a-*.parquet").rows == 6
    with pytest.raises(InputError, match="the pattern does not match any file"):
        open_rows(f"{tmp_path}/c-*.parquet")


def test_a_pattern_that_no_file_has_picks_folders(tmp_path: Path) -> None:
    for day in ("10-31", "11-01", "11-02"):
        write(tmp_path / f"2026-{day}/a.parquet")
        write(tmp_path / f"2026-{day}/_unfinished.parquet")
    assert open_rows(f"{tmp_path}/2026-11-*").rows == 6
    (tmp_path / "2026-11-03").symlink_to(tmp_path / "2026-10-31")
    with pytest.raises(InputError, match="the folder is a link"):
        open_rows(f"{tmp_path}/2026-11-*")


def test_files_may_order_and_narrow_their_columns_differently(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", pa.table({"a": pa.array([1], pa.int32()), "b": pa.array(["x"]).dictionary_encode()}))
    write(tmp_path / "2.parquet", pa.table({"b": pa.array(["y"]), "a": pa.array([2.5])}))
    rows = open_rows(tmp_path)
    assert [field.type for field in rows.schema] == [pa.float64(), pa.string()]
    assert content(rows) == {"a": [1.0, 2.5], "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            TABLE.rename_columns(["capital.gain", "gender"]),
            r"2\.parquet: the file lacks the column 'sex', which .*1\.parquet",
        ),
        (
            TABLE.append_column("more", pa.array([1, 2, 3])),
            r"1\.parquet: the file lacks the column 'more', which .*2\.parquet",
        ),
        (
            TABLE.set_column(1, "sex", pa.array([1, 2, 3])),
            r"2\.parquet: column 'sex' is int64 here, and string in .*1\.p",
        ),
    ],
)
def test_files_that_drifted_apart_are_both_named(tmp_path: Path, other: pa.Table, message: str) -> None:
    write(tmp_path / "1.parquet")
    write(tmp_path / "2.parquet", other)
    with pytest.raises(InputError, match=message):
        open_rows(tmp_path)


def test_folders_of_two_tables_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "year=2025/1.parquet")
    write(tmp_path / "month=1/1.parquet")
    with pytest.raises(InputError, match=r"folders name the keys \['year'\], those of .* name \['month'\]"):
        open_rows(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "magic", "inside"])
def test_a_damaged_file_is_named_and_nothing_else_is_shown(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path / "r.parquet")
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[:-20]
    elif damage == "magic":
        data[-4:] = b"NOPE"
    else:
        data[4:60] = b"\xff" * 56
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"r\.parquet: the file cannot be read as Parquet") as raised:
        whole(open_rows(path))
    assert "\n" not in str(raised.value)


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "r.parquet", pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(InputError, match="two columns are named 'a'"):
        open_rows(path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "the folder does not hold any files"),
        ({"r.txt": b"x"}, "unknown file extension"),
        ({"r.txt": b"x", "s.xlsx": b"x"}, r"none of the 2 files has a known extension, .*Known: \.csv"),
        ({"r.csv": b"a\n1\n", "s.jsonl": b"{}\n"}, r"files of several formats: 1 csv \(r\.csv\), 1 jsonl \(s\.jsonl\)"),
        ({"r.parquet": b""}, r"r\.parquet: the file is empty"),
    ],
)
def test_a_folder_that_is_no_table_says_why(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        open_rows(folder)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("none.parquet", "the file or folder does not exist"),
        ("hdfs://namenode/rows.parquet", "rows are not read over hdfs://"),
        ("https://user:hush@host/rows.parquet", r"https://host/rows\.parquet: rows are not read over https://"),
        ("s3://user:hush@bucket/key", "the address is not that of an object"),
    ],
)
def test_an_address_of_nothing_is_said(address: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        open_rows(address)
    assert "hush" not in str(raised.value)


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    assert open_rows(write(tmp_path / "a b.parquet").as_uri()).rows == 3


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("metadata/v1.metadata.json", "Iceberg"),
        ("_delta_log/00000000000000000000.json", "Delta"),
        (".hoodie/hoodie.properties", "Hudi"),
    ],
)
def test_the_folder_of_a_table_with_a_history_is_not_read_as_its_files(tmp_path: Path, mark: str, message: str) -> None:
    write(tmp_path / "data/1.parquet")
    (tmp_path / mark).parent.mkdir()
    (tmp_path / mark).touch()
    with pytest.raises(
        InputError, match=f"the folder is that of an? {message} table: its files hold rows too that are no lo"
    ):
        open_rows(tmp_path)


def test_a_linked_folder_is_not_left_out_in_silence(tmp_path: Path) -> None:
    write(tmp_path / "there/1.parquet")
    write(tmp_path / "here/1.parquet")
    (tmp_path / "here/more").symlink_to(tmp_path / "there")
    with pytest.raises(InputError, match=r"here/more: the folder is a link"):
        open_rows(tmp_path / "here")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_text_files_have_the_keys_of_their_folders_too(tmp_path: Path, suffix: str) -> None:
    for year in (2025, 2026):
        (tmp_path / f"year={year}").mkdir()
        (tmp_path / f"year={year}/r.{suffix}").write_text("a,b\n1,x\n" if suffix == "csv" else '{"a":1,"b":"x"}\n')
    assert content(open_rows(tmp_path)) == {"a": [1, 1], "b": ["x", "x"], "year": [2025, 2026]}
    assert whole(open_rows(tmp_path), ["year"]).to_pydict() == {"year": [2025, 2026]}
