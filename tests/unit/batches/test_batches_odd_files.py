"""Parquet as other writers leave it: names with dots, old timestamps, encryption, footers that say what is not so."""

from __future__ import annotations

import base64
import datetime
import struct
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from seatrial import parquet_table
from seatrial.batches.files.footer import ColumnIds, top_level
from seatrial.errors import Corrupt, InputError
from seatrial.rows import open_rows


def written(folder: Path, table: pa.Table, name: str = "x.parquet", **options: Any) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / name, **options)
    return folder


def values(folder: Path, column: str, **options: Any) -> list[Any]:
    with parquet_table(folder).batches(**options) as batches:
        return sorted(value for batch in batches for value in batch[column].tolist())


@pytest.mark.parametrize("name", ["a.b", ".a", "a.", "a.b.c", "list.element"])
def test_a_dot_in_a_name_changes_nothing(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, pa.table({"a": [{"b": 7}, {"b": 8}], name: ["x", "y"], "c": [[1.0], [2.0]]}))
    assert values(folder, name, columns=[name]) == ["x", "y"]
    assert parquet_table(folder).to_arrow([name, "a"]).to_pydict() == {name: ["x", "y"], "a": [{"b": 7}, {"b": 8}]}
    (table,) = open_rows(tmp_path / "x.parquet").tables([name])
    assert table.to_pydict() == {name: ["x", "y"]}


def test_a_file_without_field_ids_is_read_by_the_name_mapping_alone(tmp_path: Path) -> None:
    metadata = pq.read_metadata(written(tmp_path, pa.table({"old": [1], "other": [2]})) / "x.parquet")
    mapped = top_level(metadata, ColumnIds({1: "new"}, {"old": 1}), "x.parquet")
    assert {name: held.name for name, held in mapped.items()} == {"new": "old"}
    with pytest.raises(InputError, match=r"x\.parquet: columns are found by .* the file lacks ids"):
        top_level(metadata, ColumnIds({1: "old"}), "x.parquet")


@pytest.mark.parametrize(
    ("url", "files", "problem"),
    [("", None, "^url must be"), ("https://host", "a.parquet", '^files must .*"a.parquet"')],
)
def test_a_table_without_an_address_or_a_list_of_files_is_refused(url: str, files: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parquet_table(url, files=files)


@pytest.mark.parametrize("order", [("0", "1"), ("1", "0")])
def test_a_column_that_only_some_files_have_is_refused(tmp_path: Path, order: tuple[str, str]) -> None:
    written(tmp_path, pa.table({"a": [1]}), f"{order[0]}.parquet")
    written(tmp_path, pa.table({"a": [1], "b": [2.0]}), f"{order[1]}.parquet")
    with pytest.raises(InputError, match='lacks the column "b"'):
        parquet_table(tmp_path)


def test_keys_in_the_names_of_folders_are_columns(tmp_path: Path) -> None:
    written(tmp_path, pa.table({"a": [1.0, 2.0]}), "day=x%20y/hour=1/0.parquet")
    written(tmp_path, pa.table({"a": [3.0]}), "day=z/hour=2/0.parquet")
    table = parquet_table(tmp_path)
    assert table.schema.names == ["a", "day", "hour"]
    assert table.to_arrow().to_pydict() == {"a": [1.0, 2.0, 3.0], "day": ["x y", "x y", "z"], "hour": [1, 1, 2]}
    rows = {
        row
        for batch in table.batches(columns=["hour", "a", "day"])
        for row in zip(batch["a"].tolist(), batch["day"].tolist(), batch["hour"].tolist(), strict=True)
    }
    assert rows == {(1.0, "x y", 1), (2.0, "x y", 1), (3.0, "z", 2)}
    (matrix,) = table.batches(columns={"m": ["hour", "a"]})
    assert sorted(matrix["m"].tolist()) == [[1.0, 1.0], [1.0, 2.0], [2.0, 3.0]]


def test_moments_of_int96_keep_their_century(tmp_path: Path) -> None:
    moments = [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)]
    table = pa.table({"t": pa.array(moments, pa.timestamp("us"))})
    folder = written(tmp_path, table, use_deprecated_int96_timestamps=True)
    assert values(folder, "t") == moments
    assert parquet_table(folder).to_arrow()["t"].to_pylist() == moments


def test_missing_moments_are_nat(tmp_path: Path) -> None:
    day = datetime.date(2020, 2, 29)
    table = pa.table({"d": pa.array([day, None]), "t": pa.array([None, 5], pa.timestamp("us", "UTC"))})
    with parquet_table(written(tmp_path, table)).batches() as batches:
        (batch,) = batches
    assert np.isnat(batch["d"]).sum() == np.isnat(batch["t"]).sum() == 1
    assert batch["d"].dtype == "datetime64[D]"


def test_a_uuid_can_be_decoded_and_is_refused_with_that_hint(tmp_path: Path) -> None:
    ids = [uuid.UUID(int=1), uuid.UUID(int=2)]
    folder = written(tmp_path, pa.table({"u": pa.array([one.bytes for one in ids], pa.uuid())}))
    with pytest.raises(InputError, match=r'cannot become an array.*decode=\{"u": '):
        parquet_table(folder).batches()
    decode = {"u": lambda held: np.frombuffer(held, np.uint8)[-1:]}
    assert values(folder, "u", decode=decode) == [[1], [2]]


def test_a_missing_list_is_told_as_that(tmp_path: Path) -> None:
    table = pa.table({"v": pa.array([[1.0, 2.0], None], pa.list_(pa.float64(), 2))})
    with pytest.raises(InputError, match="misses a list in some row"):
        values(written(tmp_path, table), "v")


class NoKeys(pe.KmsClient):
    """A key service that wraps keys with nothing."""

    def wrap_key(self, key_bytes: bytes, _master_key_identifier: str) -> bytes:  # type: ignore[override]  # the stubs swap them
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, _master_key_identifier: str) -> bytes:  # type: ignore[override]
        return base64.b64decode(wrapped_key)


@pytest.mark.parametrize("plaintext_footer", [True, False])
def test_encrypted_columns_are_refused_as_such(tmp_path: Path, plaintext_footer: bool) -> None:
    keys: Any = {"footer_key": "f", "column_keys": {"c": ["a"]}, "double_wrapping": False}
    configuration = pe.EncryptionConfiguration(plaintext_footer=plaintext_footer, **keys)
    factory = pe.CryptoFactory(lambda _connection: NoKeys())
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), configuration)
    folder = written(tmp_path, pa.table({"a": [1], "b": ["x"]}), encryption_properties=properties)
    for read in (lambda: values(folder, "a"), lambda: list(open_rows(folder / "x.parquet").tables())):
        with pytest.raises(InputError, match="the file's columns are encrypted"):
            read()


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_text_written_as_differences_is_read(tmp_path: Path, encoding: str) -> None:
    table = pa.table({"s": ["a", "ab", "a"], "t": ["x", "y", "x"]})
    folder = written(tmp_path, table, use_dictionary=["t"], column_encoding={"s": encoding})
    assert values(folder, "s") == ["a", "a", "ab"]


def test_columns_of_one_name_are_refused_where_they_are_asked_for(tmp_path: Path) -> None:
    folder = written(tmp_path, pa.table([pa.array([1]), pa.array([2]), pa.array([3.0])], names=["a", "a", "z"]))
    assert values(folder, "z", columns=["z"]) == [3.0]
    for ask in (lambda: parquet_table(folder).batches(), lambda: parquet_table(folder).to_arrow(["a"])):
        with pytest.raises(InputError, match='2 columns are named "a"'):
            ask()


def test_files_left_out_for_their_names_are_told(tmp_path: Path) -> None:
    table = pa.table({"a": [1]})
    for name in ("a.parquet", "b.PQ", "c.parq", "part-0", "d.parquet.snappy", "_note", ".e.parquet.crc"):
        written(tmp_path, table, name)
    with pytest.warns(UserWarning, match=r"left out, because of the file extension: d\.parquet\.snappy, part-0\."):
        assert parquet_table(tmp_path).rows == 3


def test_what_is_not_null_in_the_file_is_read_whole(tmp_path: Path) -> None:
    fields: list[Any] = [pa.field("id", pa.int64(), nullable=False), pa.field("x", pa.float64())]
    schema = pa.schema(fields)
    folder = written(tmp_path, pa.table({"id": [1], "x": [2.0]}, schema=schema))
    assert parquet_table(folder).to_arrow().schema == schema


def edited(path: Path, old: bytes, new: bytes) -> None:
    """Puts other bytes into the footer, as many as there were."""
    content = path.read_bytes()
    footer = len(content) - 8 - struct.unpack("<I", content[-8:-4])[0]
    assert len(old) == len(new)
    path.write_bytes(content[:footer] + content[footer:].replace(old, new, 1))


def varint(number: int) -> bytes:
    """An integer of Thrift's compact protocol, as zigzag of two bytes."""
    return bytes([2 * number & 127 | 128, 2 * number >> 7])


def test_a_dictionary_header_that_old_writers_left_out_of_the_size_is_read(tmp_path: Path) -> None:
    table = pa.table({"v": [f"text number {i % 3}" for i in range(50)], "w": [i % 7 for i in range(50)]})
    folder = written(tmp_path, table, compression="none", write_statistics=False, store_schema=False)
    path = folder / "x.parquet"
    metadata = pq.read_metadata(path)
    size = metadata.row_group(0).column(0).total_compressed_size
    content = path.read_bytes()
    at = content.rindex(varint(size))  # the second of the two sizes
    path.write_bytes(content[:at] + varint(size - 14) + content[at + 2 :])
    writer = metadata.created_by.encode()
    edited(path, writer, b"parquet-mr version 1.2.8 (x)".ljust(len(writer), b")"))
    assert pq.read_metadata(path).row_group(0).column(0).total_compressed_size == size - 14
    assert parquet_table(folder).to_arrow() == table.cast(parquet_table(folder).schema)
    assert values(folder, "w") == sorted(i % 7 for i in range(50))


def test_a_chunk_that_ends_beyond_the_file_is_told_as_damage(tmp_path: Path) -> None:
    table = pa.table({"v": range(50)})
    folder = written(tmp_path, table, compression="none", use_dictionary=False, write_statistics=False)
    path = folder / "x.parquet"
    size = pq.read_metadata(path).row_group(0).column(0).total_compressed_size
    content = path.read_bytes()
    footer = len(content) - 8 - struct.unpack("<I", content[-8:-4])[0]
    at = content.index(
        varint(size), content.index(varint(size), footer) + 1
    )  # the first is the size before compression
    path.write_bytes(content[:at] + b"\xfe\x7f" + content[at + 2 :])
    with pytest.raises(Corrupt, match="the footer has a column chunk from byte"):
        values(folder, "v")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"batch_rows": 2.5}, "batch_rows"),
        ({"batch_rows": True}, "batch_rows"),
        ({"seed": "7"}, "seed"),
        ({"epoch": None}, "epoch"),
        ({"memory_mib": "1"}, "memory_mib"),
        ({"cursor": {"a": 1}}, "cursor"),
        ({"cursor": b"x"}, "cursor"),
        ({"columns": "a"}, "columns"),
        ({"columns": 3}, "columns"),
        ({"columns": [1]}, "columns"),
        ({"decode": {"a": 3}}, "decode"),
        ({"decode": ["a"]}, "decode"),
    ],
)
def test_a_wrong_argument_is_told_by_its_name(tmp_path: Path, arguments: dict[str, Any], name: str) -> None:
    table = parquet_table(written(tmp_path, pa.table({"a": [1.0]})))
    with pytest.raises(InputError, match=f"^(.*: )?{name} must"):
        table.batches(**arguments)


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    table = parquet_table(written(tmp_path, pa.table({"a": [1.0, 2.0]})))
    with table.batches(batch_rows=np.int64(1), seed=np.uint8(3)) as batches:  # type: ignore[arg-type]
        next(batches)
        assert table.batches(batch_rows=1, seed=3, cursor=batches.cursor()) is not None
