"""Columns as arrays: every type, stacked columns, nulls by a stated rule, deleted rows, columns that changed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.batches.table import Table
from seatrial.errors import Corrupt, InputError
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings, StoreSettings

ROWS = 50


def lake(folder: Path, columns: dict[str, Any], **options: Any) -> ParquetTable:
    pq.write_table(
        pa.table({"id": pa.array(range(ROWS)), **columns}), folder / "a.parquet", row_group_size=7, **options
    )
    return parquet_table(folder)


def read(table: ParquetTable | Table, **asked: Any) -> dict[str, Any]:
    """All rows in one batch, in the order of `id`."""
    (batch,) = table.batches(**asked)
    order = np.argsort(batch["id"])
    return {name: array[order] for name, array in batch.items()}


IDS = np.arange(ROWS)
TYPES: dict[str, tuple[pa.Array[Any], Any]] = {
    "bool": (pa.array(IDS % 2 == 0), IDS % 2 == 0),
    "uint8": (pa.array(IDS, pa.uint8()), IDS.astype(np.uint8)),
    "int32": (pa.array(IDS, pa.int32()), IDS.astype(np.int32)),
    "double": (pa.array(IDS / 4), IDS / 4),
    "half": (pa.array(IDS.astype(np.float16)), IDS.astype(np.float16)),
    "date": (pa.array([date(2026, 11, 24)] * ROWS), np.full(ROWS, np.datetime64("2026-11-24"))),
    "zoned": (
        pa.array([datetime(2026, 11, 24, 12, tzinfo=UTC)] * ROWS, pa.timestamp("us", "Europe/Berlin")),
        np.full(ROWS, np.datetime64("2026-11-24T12:00:00.000000")),
    ),
    "list": (pa.array([[one, one + 1.5] for one in IDS], pa.list_(pa.float32())), np.stack([IDS, IDS + 1.5], 1)),
    "fixed": (pa.array([[one] * 3 for one in IDS], pa.list_(pa.int16(), 3)), np.stack([IDS] * 3, 1)),
    "coded": (pa.array([f"v{one % 3}" for one in IDS]).dictionary_encode(), np.array([f"v{one % 3}" for one in IDS])),
    "large": (pa.array([f"{one}" for one in IDS], pa.large_string()), np.array([f"{one}" for one in IDS])),
    "tensor": (
        pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(ROWS * 6, dtype=np.float32).reshape(ROWS, 2, 3)),
        np.arange(ROWS * 6, dtype=np.float32).reshape(ROWS, 2, 3),
    ),
}


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("name", list(TYPES))
def test_every_type_comes_as_the_array_it_is(tmp_path: Path, name: str, compression: str) -> None:
    column, expected = TYPES[name]
    found = read(lake(tmp_path, {"x": column}, compression=compression))["x"]
    assert found.shape == expected.shape
    assert (found == expected).all()
    assert found.flags.writeable
    assert found.flags.c_contiguous


def test_named_columns_are_stacked_in_the_order_given_in_the_smallest_type_that_holds_them(tmp_path: Path) -> None:
    columns = {"a": pa.array(IDS, pa.int16()), "b": pa.array(IDS * 2.0, pa.float32()), "c": pa.array(IDS % 2 == 0)}
    found = read(lake(tmp_path, columns), columns={"x": ["b", "a", "c"], "y": ["a", "c"], "id": "id"})
    assert (found["x"] == np.stack([IDS * 2.0, IDS, IDS % 2 == 0], 1)).all()
    assert (found["x"].dtype, found["y"].dtype) == (np.float32, np.int16)
    assert found["x"].flags.c_contiguous


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"x": ["id", "word"]}, 'column "word" of type string cannot be stacked'),
        ({"x": []}, '"x" stacks no columns'),
        ({"x": ["id", "id"]}, 'column "id" is named twice'),
        ({"x": "wrod"}, 'not have a column "wrod".*Did you mean "word"'),
    ],
)
def test_what_cannot_be_stacked_is_told_by_column(tmp_path: Path, columns: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        lake(tmp_path, {"word": ["a"] * ROWS}).batches(columns=columns)


def test_nulls_are_nan_in_floats_and_an_error_elsewhere(tmp_path: Path) -> None:
    holes = [None if one % 10 == 3 else float(one) for one in range(ROWS)]
    table = lake(tmp_path, {"x": pa.array(holes, pa.float32()), "n": pa.array(holes, pa.int32())})
    found = read(table, columns={"x": "x", "s": ["x", "id"], "id": "id"})
    assert np.isnan(found["x"]).nonzero()[0].tolist() == [3, 13, 23, 33, 43]
    assert np.isnan(found["s"][:, 0]).sum() == 5
    for columns in (["n"], {"s": ["id", "n"]}):
        with pytest.raises(InputError, match=r'column "n" \(int32\) holds 5 nulls'):
            table.batches(columns=columns)  # the footer knows: before anything is read


def test_nulls_that_the_footer_does_not_tell_are_told_when_they_are_met(tmp_path: Path) -> None:
    table = lake(tmp_path, {"n": pa.array([None, *range(ROWS - 1)])}, write_statistics=False)
    with pytest.raises(InputError, match=r'column "n" \(int64\) holds 1 nulls'):
        list(table.batches(columns=["n"]))


@pytest.mark.parametrize(
    ("lists", "told"),
    [
        ([[1.0], *[[1.0, 2.0]] * (ROWS - 1)], "lists of different lengths"),
        ([None, *[[1.0, 2.0]] * (ROWS - 1)], "holds 1 nulls"),
    ],
)
def test_lists_that_are_no_matrix_are_told(tmp_path: Path, lists: list[Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        list(lake(tmp_path, {"x": pa.array(lists)}).batches(columns=["x"]))


def images(folder: Path) -> ParquetTable:
    data = [np.full((4, 4, 3), one, np.uint8).tobytes() for one in range(ROWS)]
    return lake(folder, {"image": pa.array(data, pa.binary())})


def pixels(data: memoryview) -> np.ndarray[Any, Any]:
    return np.frombuffer(data, np.uint8).reshape(4, 4, 3)


def test_binary_images_are_decoded_by_the_function_that_is_given(tmp_path: Path) -> None:
    found = read(images(tmp_path), decode={"image": pixels})
    assert found["image"].shape == (ROWS, 4, 4, 3)
    assert (found["image"] == IDS[:, None, None, None]).all()


def test_a_rank_without_a_row_of_the_batch_has_an_empty_array_of_the_images_shape(tmp_path: Path) -> None:
    table = images(tmp_path)
    (batch,) = table.batches(decode={"image": pixels}, batch_rows=ROWS, rank=0, world=ROWS + 1)
    assert batch["image"].shape == (0, 4, 4, 3)
    assert batch["image"].dtype == np.uint8


def test_decoding_what_is_not_binary_or_not_asked_for_is_refused(tmp_path: Path) -> None:
    table = images(tmp_path)
    with pytest.raises(InputError, match='column "id" of type int64 is not binary'):
        table.batches(columns=["id"], decode={"id": pixels})
    with pytest.raises(InputError, match='decode names "image", which is not among the columns'):
        table.batches(columns=["id"], decode={"image": pixels})
    with pytest.raises(InputError, match=r'column "image" of type binary cannot become an array.*decode='):
        table.batches()


def test_images_of_different_shapes_are_told(tmp_path: Path) -> None:
    def uneven(data: memoryview) -> np.ndarray[Any, Any]:
        return np.zeros((data[0] % 2 + 1, 2))

    with pytest.raises(InputError, match='column "image" decodes to'):
        list(images(tmp_path).batches(decode={"image": uneven}))


def test_the_function_is_given_bytes_as_numbers_from_0_to_255(tmp_path: Path) -> None:
    formats: set[str] = set()

    def noted(data: memoryview) -> np.ndarray[Any, Any]:
        formats.add(data.format)
        return np.array([data[0], len(data)])

    high = pa.array([bytes([255 - one]) for one in range(ROWS)], pa.binary())
    found = read(lake(tmp_path, {"image": high}), decode={"image": noted})
    assert found["image"][:, 0].tolist() == [255 - one for one in range(ROWS)]
    assert formats == {"B"}


def test_an_exception_of_the_function_comes_to_the_caller_once(tmp_path: Path) -> None:
    def broken(data: memoryview) -> np.ndarray[Any, Any]:
        raise ZeroDivisionError(len(data))

    with pytest.raises(ZeroDivisionError, match="48"):
        list(images(tmp_path).batches(decode={"image": broken}))


def test_a_function_that_raises_stop_iteration_does_not_end_the_rows_in_silence(tmp_path: Path) -> None:
    def stopping(data: memoryview) -> np.ndarray[Any, Any]:
        return next(iter(()))

    with pytest.raises(InputError, match="a function of `decode` raised StopIteration"):
        list(images(tmp_path).batches(decode={"image": stopping}))


PACKED: Any = {"seatrial.packed.f": '{"dtype": "float32", "width": 2}'}


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(8)])
@pytest.mark.parametrize(
    "options",
    [
        {"compression": "none", "use_dictionary": False},
        {"compression": "none", "use_dictionary": False, "data_page_version": "2.0"},
        {"compression": "none", "use_dictionary": False, "data_page_size": 64, "write_batch_size": 3},
        {"compression": "snappy", "use_dictionary": False},
        {"compression": "zstd", "data_page_version": "2.0"},
        {"compression": "none", "use_dictionary": True},
    ],
)
def test_packed_columns_are_the_same_however_they_were_written(
    tmp_path: Path, kind: pa.DataType, options: dict[str, Any]
) -> None:
    numbers = np.stack([IDS, -IDS], 1).astype("<f4")
    for nullable in (True, False):
        schema = pa.schema([pa.field("id", pa.int64()), pa.field("f", kind, nullable=nullable)], metadata=PACKED)
        packed: Any = pa.array([row.tobytes() for row in numbers], kind)
        folder = tmp_path / str(nullable)
        folder.mkdir()
        rows = pa.table([pa.array(IDS), packed], schema=schema)
        pq.write_table(rows, folder / "a.parquet", row_group_size=17, **options)
        assert (read(parquet_table(folder))["f"] == numbers).all()


def test_a_packed_column_may_be_asked_for_under_two_names(tmp_path: Path) -> None:
    numbers = np.stack([IDS, -IDS], 1).astype("<f4")
    packed = pa.array([row.tobytes() for row in numbers], pa.binary())
    held: Any = {"id": IDS, "f": packed}
    rows = pa.table(held).replace_schema_metadata(PACKED)
    pq.write_table(rows, tmp_path / "a.parquet", compression="none", use_dictionary=False, row_group_size=17)
    found = read(parquet_table(tmp_path), columns={"x": "f", "id": "id", "y": "f"})
    assert (found["x"] == numbers).all()
    assert (found["y"] == numbers).all()


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ([b"12345678", None], InputError, "holds 1 nulls"),
        ([b"12345678", b"1234"], Corrupt, "rows that are not 2 numbers of float32"),
        ([b"123456789012", b"1234"], Corrupt, "rows that are not 2 numbers of float32"),
    ],
)
def test_packed_rows_that_are_not_whole_are_told_and_never_read_askew(
    tmp_path: Path, values: list[Any], kind: type[Exception], told: str
) -> None:
    rows = pa.table({"f": pa.array(values, pa.binary())}).replace_schema_metadata(PACKED)
    options: Any = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    pq.write_table(rows, tmp_path / "a.parquet", **options)
    with pytest.raises(kind, match=told):
        list(parquet_table(tmp_path).batches())


def catalog_in(folder: Path) -> CatalogSettings:
    return CatalogSettings(
        f"sqlite:///{folder / 'catalog.db'}", f"{folder.as_uri()}/warehouse", StoreSettings(folder.as_uri())
    )


FIRST: Any = {"id": pa.int32(), "old": pa.float32()}


@pytest.mark.simulation
def test_columns_that_were_renamed_widened_or_added_since_are_read_by_their_ids(tmp_path: Path) -> None:
    catalog = catalog_in(tmp_path)
    with open_catalog(catalog, namespace="n") as opened:
        table = opened.create_table("n.t", schema=pa.schema(FIRST))
        table.append(pa.table({"id": pa.array([0, 1], pa.int32()), "old": pa.array([0.5, 1.5], pa.float32())}))
        with table.update_schema() as change:
            from pyiceberg.types import DoubleType, LongType

            change.rename_column("old", "new")
            change.update_column("id", LongType())
            change.add_column("later", DoubleType())
        table.append(pa.table({"id": [2], "new": pa.array([2.5], pa.float32()), "later": [9.0]}))
        found = read(Table("n.t", table.current_snapshot().snapshot_id, "digest", catalog))
    assert found["id"].dtype == np.int64
    assert found["new"].tolist() == [0.5, 1.5, 2.5]
    assert np.isnan(found["later"][:2]).all()
    assert found["later"][2] == 9.0


@pytest.mark.simulation
def test_files_are_ordered_by_what_they_hold_and_not_by_random_names(tmp_path: Path) -> None:
    orders = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        catalog = catalog_in(tmp_path / name)
        with open_catalog(catalog, namespace="n") as opened:
            table = opened.create_table("n.t", schema=pa.schema([pa.field("id", pa.int64())]))
            for first in range(0, 60, 10):
                table.append(pa.table({"id": range(first, first + 10)}))
            made = Table("n.t", table.current_snapshot().snapshot_id, "digest", catalog)
        orders.append([made.to_arrow()["id"].to_pylist(), next(made.batches())["id"].tolist()])
    assert orders[0] == orders[1]
