"""Batches: every row once, in an order that can be repeated, as arrays that belong to whoever asked."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.parquet_table import parquet_table
from seatrial.batches.table import Table
from seatrial.errors import Corrupt, InputError
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings, StoreSettings

WIDTH = 3
FEATURES = np.arange(10 * WIDTH, dtype="<f4").reshape(10, WIDTH)
PACKED = json.dumps({"dtype": "float32", "width": WIDTH, "codec": "abc"})
ROWS = pa.table(
    {
        "id": pa.array(range(10), pa.int64()),
        "size": pa.array([0.5, None, *range(8)], pa.float32()),
        "word": ["a", "é", "", *("a long word, not kept inline " * 2 for _ in range(7))],
        "flag": [True, False] * 5,
        "day": pa.array([date(2026, 11, 24)] * 10, pa.date32()),
        "features": pa.array([row.tobytes() for row in FEATURES], pa.binary()),
        "holes": pa.array([1, None, *range(8)], pa.int64()),
        "gaps": pa.array(["a", None, *"abcdefgh"]),
    }
)


def written(folder: Path, rows: pa.Table = ROWS, *, packed: str = PACKED, file_rows: int = 4) -> Table:
    catalog = CatalogSettings(
        f"sqlite:///{folder / 'catalog.db'}", f"{folder.as_uri()}/warehouse", StoreSettings(folder.as_uri())
    )
    with open_catalog(catalog, namespace="n") as opened:
        table = opened.create_table("n.t", schema=rows.schema)
        for start in range(0, max(rows.num_rows, 1), file_rows):
            table.append(rows.slice(start, file_rows), snapshot_properties={"seatrial.packed.features": packed})
        return Table("n.t", table.current_snapshot().snapshot_id, "digest", catalog)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return written(tmp_path_factory.mktemp("lake"))


@pytest.mark.simulation
def test_a_table_resumes_from_its_cursor_on_another_world_size(table: Table) -> None:
    first = table.batches(columns=["id"], batch_rows=3)
    seen = [*next(first)["id"], *next(first)["id"]]
    rest = [table.batches(columns=["id"], batch_rows=2, rank=rank, world=2, cursor=first.cursor()) for rank in (0, 1)]
    seen += [value for rank in rest for batch in rank for value in batch["id"]]
    assert sorted(seen) == list(range(10))


@pytest.mark.parametrize("ahead", [0, 1, 3, 9])
def test_a_cursor_ahead_is_the_cursor_after_so_many_batches_more(table: Table, ahead: int) -> None:
    with table.batches(columns=["id"], batch_rows=3) as batches:
        next(batches)
        told = batches.cursor(ahead=ahead)
        for _ in zip(range(ahead), batches, strict=False):
            pass
        assert batches.cursor() == told


def test_the_same_epoch_has_the_same_order_and_another_has_another(table: Table) -> None:
    def ids(epoch: int) -> list[int]:
        return [value for batch in table.batches(columns=["id"], epoch=epoch) for value in batch["id"]]

    assert ids(0) == ids(0)
    assert ids(0) != ids(1)


def test_types_are_kept_and_rows_stay_together(table: Table) -> None:
    (batch,) = table.batches(columns=["features", "id", "word", "flag", "day", "size"])
    ids = batch["id"]
    assert list(batch) == ["features", "id", "word", "flag", "day", "size"]
    assert [str(batch[name].dtype) for name in ("features", "id", "flag")] == ["float32", "int64", "bool"]
    assert np.array_equal(batch["features"], FEATURES[ids])
    assert batch["word"].tolist() == [ROWS["word"][int(row)].as_py() for row in ids]
    assert batch["flag"].tolist() == [row % 2 == 0 for row in ids]
    assert (batch["day"] == np.datetime64("2026-11-24")).all()
    assert batch["size"].dtype == np.float32


def test_a_null_in_a_float_column_is_nan(table: Table) -> None:
    (batch,) = table.batches(columns=["id", "size"])
    assert np.isnan(batch["size"][batch["id"] == 1]).all()
    assert np.isnan(batch["size"]).sum() == 1


def test_no_array_holds_python_objects(table: Table) -> None:
    (batch,) = table.batches(columns=["id", "word", "features"])
    assert all(array.dtype.kind != "O" for array in batch.values())


def test_arrays_are_writable_and_nobody_elses(table: Table) -> None:
    batches = table.batches(columns=["id", "features", "word"], batch_rows=5)
    first = next(batches)
    for array in first.values():
        assert array.flags.writeable
        assert array.base is None or array.base.flags.owndata
    first["id"][:] = -1
    assert (next(batches)["id"] >= 0).all()


@pytest.mark.parametrize("column", ["holes", "gaps"])
def test_nulls_that_an_array_cannot_hold_are_told_by_column(table: Table, column: str) -> None:
    with pytest.raises(InputError, match=rf'n.t: column "{column}" .* holds 1 nulls.* Fill them'):
        list(table.batches(columns=[column]))


def test_too_little_memory_is_told_with_what_it_takes(tmp_path: Path) -> None:
    large = written(tmp_path, pa.table({"x": pa.array(np.random.default_rng(7).random(500_000))}), file_rows=500_000)
    with pytest.raises(InputError, match=r"one shuffle window .* take (\d+) MiB, and memory_mib is 5") as caught:
        large.batches(memory_mib=5)
    needed = int(str(caught.value).rpartition("memory_mib=")[2].partition(",")[0])
    with large.batches(memory_mib=needed) as enough:
        assert sum(len(batch["x"]) for batch in enough) == 500_000


def test_where_a_smaller_window_would_do_too_little_memory_tells_which(tmp_path: Path) -> None:
    numbers: Any = {"x": np.random.default_rng(7).random(2_000_000)}
    plain: Any = {"compression": "none", "use_dictionary": False}
    pq.write_table(pa.table(numbers), tmp_path / "a.parquet", row_group_size=100_000, **plain)
    table = parquet_table(tmp_path)
    with pytest.raises(InputError, match=r"or for window_mib=(\d+), which mixes fewer rows") as caught:
        table.batches(columns=["x"], memory_mib=24, window_mib=16)
    window = int(str(caught.value).partition("window_mib=")[2].partition(",")[0])
    with table.batches(columns=["x"], memory_mib=24, window_mib=window) as enough:
        assert sum(len(batch["x"]) for batch in enough) == 2_000_000
    with pytest.raises(InputError, match="memory_mib="):
        table.batches(columns=["x"], memory_mib=24, window_mib=2 * window)
    with pytest.raises(InputError, match="memory_mib=") as caught:
        table.batches(columns=["x"], memory_mib=2, window_mib=16)
    assert "window_mib" not in str(caught.value)  # the smallest would not do either


def test_an_empty_table_has_no_batches(tmp_path: Path) -> None:
    assert list(written(tmp_path, ROWS.slice(0, 0)).batches()) == []


@pytest.mark.parametrize(
    ("packed", "kind", "told"),
    [
        ('{"dtype": "float32", "width": 4}', Corrupt, "rows that are not 4 numbers of float32"),
        ('{"dtype": "object", "width": 3}', Corrupt, "does not say what the column holds"),
        ('{"dtype": "float32"}', Corrupt, "does not say what the column holds"),
        ("[]", Corrupt, "does not say what the column holds"),
        ("no json", Corrupt, "does not say what the column holds"),
    ],
)
def test_a_packed_column_that_is_not_what_its_property_says_is_told(
    tmp_path: Path, packed: str, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        list(written(tmp_path, packed=packed).batches(columns=["features"]))


def test_bytes_without_a_property_are_no_array(tmp_path: Path) -> None:
    rows = ROWS.rename_columns({"features": "other"})
    with pytest.raises(InputError, match='column "other" of type binary cannot become an array'):
        written(tmp_path, rows).batches(columns=["other"])


@pytest.mark.parametrize("ask", [{"seed": 8}, {"epoch": 1}])
def test_a_cursor_of_another_order_is_refused(table: Table, ask: dict[str, int]) -> None:
    cursor = table.batches(columns=["id"]).cursor()
    with pytest.raises(InputError, match=f"the cursor was created with {next(iter(ask))}="):
        table.batches(columns=["id"], cursor=cursor, **ask)  # type: ignore[arg-type]  # one dict, several keywords


@pytest.mark.parametrize("cursor", ["", "{}", "[]", '{"delivered": "x"}'])
def test_what_is_no_cursor_is_refused(table: Table, cursor: str) -> None:
    with pytest.raises(Corrupt, match="cursor"):
        table.batches(columns=["id"], cursor=cursor)


@pytest.mark.parametrize("ask", [{"batch_rows": 0}, {"rank": 1}, {"world": 0}, {"rank": -1}, {"memory_mib": 0}])
def test_numbers_that_make_no_sense_are_refused(table: Table, ask: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(ask))):
        table.batches(columns=["id"], **ask)  # type: ignore[arg-type]  # one dict, several keywords
