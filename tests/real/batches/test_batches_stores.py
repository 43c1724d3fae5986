"""Batches from real object stores: listed, pinned, refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.errors import InputError, ObjectChanged, ObjectMissing, StoreError
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import Credentials, StoreSettings
from tests.real.batches.packed_files import COLUMNS, ids_of, write_packed

ROWS = 4 * 2 * 500


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    write_packed(tmp_path / "files", files=4, groups=2, group_rows=500)
    return sorted((tmp_path / "files").iterdir())


def stored(store: StoreSettings, files: list[Path]) -> ParquetTable:
    objects = open_objects(store)
    for path in files:
        objects.put(f"lake/part é/{path.name}", path)
    objects.put("lake/_SUCCESS", b"")
    return parquet_table(f"{store.url}/lake", store=store)


def test_a_prefix_is_read_and_comes_as_the_local_copy_does(store: StoreSettings, files: list[Path]) -> None:
    table, local = stored(store, files), parquet_table(files[0].parent)
    assert table.rows == ROWS
    orders = [[one for batch in of.batches(columns=COLUMNS) for one in ids_of(batch)] for of in (table, local)]
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == list(range(ROWS))
    assert table.to_arrow(["id"]).equals(local.to_arrow(["id"]))


def test_an_object_replaced_or_deleted_since_is_an_error(store: StoreSettings, files: list[Path]) -> None:
    table = stored(store, files)
    objects = open_objects(store)
    objects.put(f"lake/part é/{files[1].name}", files[0])
    with pytest.raises(ObjectChanged, match=r"lake/part é/1.parquet: the file is not the one"):
        list(table.batches(columns=COLUMNS))
    objects.delete(f"lake/part é/{files[1].name}")
    with pytest.raises(ObjectMissing, match=r"lake/part é/1.parquet: the data file is not there"):
        list(table.batches(columns=COLUMNS))


def test_refused_credentials_are_told_without_them(seaweed_store: StoreSettings, files: list[Path]) -> None:
    table = stored(seaweed_store, files)
    assert seaweed_store.credentials is not None
    wrong = replace(seaweed_store, credentials=Credentials(seaweed_store.credentials.access_key, "hidden-word"))
    refused = replace(table, _source=replace(table._source, store=wrong))
    with pytest.raises(StoreError, match="refused the credentials") as caught:
        list(refused.batches(columns=COLUMNS))
    told = f"{caught.value} {refused!r}"
    assert "hidden-word" not in told
    assert "Signature=" not in told  # the name of the error is told, what was signed is not
    assert seaweed_store.credentials.access_key not in told


def test_a_prefix_without_files_is_named(seaweed_store: StoreSettings) -> None:
    with pytest.raises(InputError, match="the folder does not hold any Parquet files"):
        parquet_table(f"{seaweed_store.url}/nothing", store=seaweed_store)
