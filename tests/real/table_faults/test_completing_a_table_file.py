"""A table that a Python step writes while the store fails to complete an upload: whole, and once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from seatrial.errors import StoreError
from seatrial.prepare.arrow_tables import write_arrow_table
from seatrial.stores.catalog import open_catalog
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import CatalogSettings, StoreSettings
from tests.real.table_faults.completing_proxy import FAULTS, completing_proxy

ROWS = 1_500_000  # random: 12 MB, so that it takes more than one part


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return pa.table({"n": pa.array(np.random.default_rng(3).random(ROWS))})


def catalog_at(endpoint: str, store: StoreSettings, folder: Path) -> CatalogSettings:
    through = replace(store, endpoint=endpoint)
    return CatalogSettings(f"sqlite:///{folder}/catalog.db", f"{store.url}/warehouse", through)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_upload_that_fails_once_to_complete_is_whole_and_there_once(
    minio_store: StoreSettings, tmp_path: Path, rows: pa.Table, fault: str
) -> None:
    with completing_proxy(str(minio_store.endpoint), fault) as proxy:
        catalog = catalog_at(proxy.url, minio_store, tmp_path)
        snapshot = write_arrow_table(catalog, rows, "space.numbers", tag="t", properties={})
        with open_catalog(catalog) as opened:
            read = opened.load_table("space.numbers").scan(snapshot_id=snapshot).to_arrow()
        assert read.column("n").combine_chunks().equals(rows.column("n").combine_chunks())
        assert proxy.met, "the data file was sent in parts"
        assert set(proxy.completed.values()) == {1}, "no object was completed twice"
        assert all(times >= 2 for times in proxy.met.values())
    files = [info for info in open_objects(minio_store).list("warehouse/") if "/data/" in info.key]
    assert len(files) == 1


def test_a_store_that_never_completes_is_an_error_and_nothing_is_visible(
    minio_store: StoreSettings, tmp_path: Path, rows: pa.Table
) -> None:
    with completing_proxy(str(minio_store.endpoint), "503") as proxy:
        catalog = catalog_at(proxy.url, minio_store, tmp_path)
        proxy.times = 1000
        with pytest.raises(StoreError):
            write_arrow_table(catalog, rows, "space.numbers", tag="t", properties={})
        assert proxy.completed == Counter()
        assert [info for info in open_objects(minio_store).list("warehouse/") if "/data/" in info.key] == []
        proxy.times = 0  # the store is well again: the next run writes it
        snapshot = write_arrow_table(catalog, rows, "space.numbers", tag="t", properties={})
        with open_catalog(catalog) as opened:
            assert opened.load_table("space.numbers").scan(snapshot_id=snapshot).to_arrow().num_rows == ROWS
