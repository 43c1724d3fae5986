"""Rows that an Iceberg snapshot deleted by value: refused with what to do, wherever the table is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from seatrial.batches.table import Table
from seatrial.errors import InputError
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings, StoreSettings
from tests.unit.batches.deletes_by_value import delete_by_value

ROWS = pa.table({"id": range(100), "y": [0, 1] * 50})


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, Table]:
    """The table before ten rows were deleted by value, and after."""
    folder = tmp_path_factory.mktemp("lake")
    catalog = CatalogSettings(
        f"sqlite:///{folder / 'catalog.db'}", f"{folder.as_uri()}/warehouse", StoreSettings(folder.as_uri())
    )
    with open_catalog(catalog, namespace="n") as opened:
        table = opened.create_table("n.t", schema=ROWS.schema)
        table.append(ROWS)
        before = table.current_snapshot().snapshot_id
        after = delete_by_value(table, "id", pa.array(range(10), pa.int64()))
        assert table.refresh().current_snapshot().snapshot_id == after
    return Table("n.t", before, "digest", catalog), Table("n.t", after, "digest", catalog)


ASKED: dict[str, Callable[[Table], Any]] = {
    "batches": lambda table: table.batches(),
    "rows": lambda table: table.rows,
    "schema": lambda table: table.schema,
    "to_arrow": lambda table: table.to_arrow(),
    "to_pandas": lambda table: table.to_pandas(),
}


@pytest.mark.parametrize("asked", list(ASKED))
def test_rows_deleted_by_value_are_refused_whatever_is_asked(snapshots: tuple[Table, Table], asked: str) -> None:
    with pytest.raises(InputError, match=r"n\.t: the snapshot has equality deletes.*rewrite_data_files"):
        ASKED[asked](snapshots[1])


def test_the_snapshot_before_them_is_read(snapshots: tuple[Table, Table], tmp_path: Path) -> None:
    assert sum(len(batch["id"]) for batch in snapshots[0].batches()) == ROWS.num_rows
