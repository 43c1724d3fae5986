"""What Spark writes and then deletes from, read by its metadata file alone."""

from __future__ import annotations

import os

import pytest

from seatrial.prepare.tables import write_table
from seatrial.rows import open_rows
from seatrial.stores.catalog import open_catalog

from .lake import PYSPARK_LEAKS, Lake

pytestmark = [pytest.mark.filterwarnings(PYSPARK_LEAKS), pytest.mark.timeout(1200)]


def test_rows_that_spark_deleted_by_position_are_left_out(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    assert lake.store.credentials is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(lake.store.endpoint))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", lake.store.credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", lake.store.credentials.secret_key)
    write_table(lake.spark, lake.spark.range(1000, numPartitions=2), "shared.deleted", tag="a")
    lake.spark.sql(
        "ALTER TABLE seatrial.shared.deleted SET TBLPROPERTIES "
        "('write.delete.mode'='merge-on-read', 'format-version'='2')"
    )
    lake.spark.sql("DELETE FROM seatrial.shared.deleted WHERE id % 10 = 3")
    with open_catalog(lake.catalog) as catalog:
        table = catalog.load_table("shared.deleted")
    assert any(task.delete_files for task in table.scan().plan_files())
    rows = open_rows(table.metadata_location)
    assert rows.rows is None  # only reading them tells
    found = [int(value) for part in rows.tables(["id"]) for value in part["id"].to_numpy()]
    assert sorted(found) == [value for value in range(1000) if value % 10 != 3]
