"""Tables that Spark wrote, read as batches: packed features, deleted rows, the same order wherever they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seatrial.batches.table import Table
from seatrial.models.codec import Codec
from seatrial.prepare.codec import with_features
from seatrial.prepare.tables import write_table
from seatrial.stores.catalog import open_catalog

from .lake import PYSPARK_LEAKS, Lake

pytestmark = [pytest.mark.filterwarnings(PYSPARK_LEAKS), pytest.mark.timeout(1200)]

ROWS = 30_000
CODEC = Codec.from_statistics(numbers={"x": (0.0, 1.0), "y": (0.0, 1.0)}, vocabularies={})


def frame(lake: Lake) -> Any:
    rows = lake.spark.range(ROWS, numPartitions=3)
    return with_features(rows.selectExpr("id", "id / 1024D as x", "-id / 1024D as y"), CODEC)


def written(lake: Lake, name: str) -> Table:
    return Table(name, write_table(lake.spark, frame(lake), name, tag="t"), "digest", lake.catalog)


def test_packed_features_come_with_their_rows_each_row_once(lake: Lake) -> None:
    seen = []
    with written(lake, "batches.packed").batches(columns=["id", "features", "x"], batch_rows=5000) as batches:
        for batch in batches:
            assert batch["features"].dtype == np.float32
            assert (batch["features"] == np.stack([batch["x"], -batch["x"]], 1).astype(np.float32)).all()
            assert (batch["x"] == batch["id"] / 1024).all()
            seen.append(batch["id"])
    assert np.array_equal(np.sort(np.concatenate(seen)), np.arange(ROWS))
    assert batches.stats().rows == ROWS


def test_the_same_step_in_another_table_comes_in_the_same_order(lake: Lake) -> None:
    orders = [
        np.concatenate([batch["id"] for batch in written(lake, f"batches.{name}").batches(columns=["id"])])
        for name in ("one", "two")
    ]
    assert np.array_equal(orders[0], orders[1])


@pytest.mark.parametrize(("version", "kept_in"), [(2, "PARQUET"), (3, "PUFFIN")], ids=["positions", "vectors"])
def test_rows_that_were_deleted_on_read_are_left_out(lake: Lake, version: int, kept_in: str) -> None:
    table = written(lake, f"batches.deleted{version}")
    merge = f"'write.delete.mode' = 'merge-on-read', 'format-version' = '{version}'"
    lake.spark.sql(f"ALTER TABLE {table.identifier} SET TBLPROPERTIES ({merge})")
    for remainder in (0, 1):  # the second vector takes the place of the first; its file may still be there
        lake.spark.sql(f"DELETE FROM {table.identifier} WHERE id % 5 = {remainder}")
    history = lake.spark.sql(f"SELECT snapshot_id FROM {table.identifier}.snapshots ORDER BY committed_at").collect()
    after = Table(table.identifier, history[-1].snapshot_id, "digest", lake.catalog)
    with open_catalog(lake.catalog) as catalog:
        tasks = list(catalog.load_table(table.identifier).scan().plan_files())
    assert {file.file_format.value for task in tasks for file in task.delete_files} == {kept_in}
    left = [row for row in range(ROWS) if row % 5 > 1]
    for columns in (["id"], ["id", "features"], {"id": "id", "xy": ["x", "y"]}):
        found = np.concatenate([batch["id"] for batch in after.batches(columns=columns)])
        assert sorted(found) == left
    assert after.rows == len(left)
    assert np.array_equal(np.sort(after.to_arrow(["id"])["id"].to_numpy()), left)
    assert len(table.batches(columns=["id"])) == -(-ROWS // 4096)  # the snapshot before has them all
