"""The table catalog, SQLite and PostgreSQL, over both object stores."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa
import pytest

from seatrial.batches.table import Table
from seatrial.errors import InputError, StoreError, TableGone
from seatrial.stores.catalog import open_catalog
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import CatalogSettings, Credentials
from seatrial.stores.table_metadata import read_properties

ROWS = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "word": ["a", None, "é"], "size": [0.5, None, 2.0]})
PACKED = '{"codec": "abc", "dtype": "float32", "width": 2}'


def written(catalog: CatalogSettings, rows: pa.Table = ROWS, name: str = "census.people") -> Table:
    with open_catalog(catalog, namespace=name.partition(".")[0]) as opened:
        table = opened.create_table_if_not_exists(name, schema=rows.schema)
        table.append(rows, snapshot_properties={"seatrial.packed.f": PACKED})
        return Table(name, table.current_snapshot().snapshot_id, "digest", catalog)


def test_a_table_reads_as_of_its_snapshot_whatever_is_appended_later(catalog: CatalogSettings) -> None:
    first = written(catalog)
    second = written(catalog)
    assert first.to_arrow().equals(ROWS)
    assert (first.rows, second.rows) == (3, 6)
    assert second.to_arrow().num_rows == 6


def test_objects_and_tables_live_under_one_prefix(catalog: CatalogSettings) -> None:
    written(catalog)
    assert any(info.key.startswith("warehouse/") for info in open_objects(catalog.store).list())


def test_columns_come_in_the_order_they_are_asked_for(sqlite_catalog: CatalogSettings) -> None:
    assert written(sqlite_catalog).to_arrow(["size", "id"]).schema.names == ["size", "id"]


def test_the_schema_is_that_of_the_rows_for_an_empty_table_too(sqlite_catalog: CatalogSettings) -> None:
    empty = written(sqlite_catalog, ROWS.slice(0, 0), "census.empty")
    assert empty.schema.equals(ROWS.schema)
    assert empty.to_arrow().schema.equals(ROWS.schema)
    assert empty.rows == 0


def test_properties_of_the_snapshot_outlast_a_later_change_of_the_table(sqlite_catalog: CatalogSettings) -> None:
    table = written(sqlite_catalog)
    with open_catalog(sqlite_catalog) as opened, opened.load_table(table.identifier).transaction() as change:
        change.set_properties({"seatrial.packed.f": "another codec", "else": "1"})
    assert table.properties["seatrial.packed.f"] == PACKED
    assert table.properties["else"] == "1"


def test_properties_read_from_the_metadata_are_those_of_pyiceberg(catalog: CatalogSettings) -> None:
    first, later = written(catalog), written(catalog)
    with open_catalog(catalog) as opened, opened.load_table(first.identifier).transaction() as change:
        change.set_properties({"else": "1"})
    objects = open_objects(catalog.store)
    for table in (first, later):
        assert read_properties(catalog, objects, table.identifier, table.snapshot_id) == dict(table.properties)
    assert read_properties(catalog, objects, first.identifier, 12345) is None
    assert read_properties(catalog, objects, "census.nobody", first.snapshot_id) is None


def test_an_expired_snapshot_says_so_and_how_to_go_on(sqlite_catalog: CatalogSettings) -> None:
    gone = replace(written(sqlite_catalog), snapshot_id=12345)
    with pytest.raises(TableGone, match=r"census.people: snapshot 12345 has expired.*--no-cache"):
        gone.to_arrow()


def test_a_dropped_table_says_so(sqlite_catalog: CatalogSettings) -> None:
    table = written(sqlite_catalog)
    with open_catalog(sqlite_catalog) as opened:
        opened.drop_table(table.identifier)
    with pytest.raises(TableGone, match="the table does not exist"):
        table.to_arrow()


def test_deleted_data_files_are_said_to_be_gone(sqlite_catalog: CatalogSettings) -> None:
    table = written(sqlite_catalog)
    objects = open_objects(sqlite_catalog.store)
    for info in objects.list("warehouse/"):
        if info.key.endswith(".parquet"):
            objects.delete(info.key)
    with pytest.raises(TableGone, match="a data file of this snapshot is not there any more"):
        table.to_arrow()


def test_a_column_that_is_not_there_gets_a_suggestion(sqlite_catalog: CatalogSettings) -> None:
    with pytest.raises(InputError, match=r'not have a column "wrod".*Did you mean "word"'):
        written(sqlite_catalog).to_arrow(["wrod"])


def test_many_first_users_of_a_new_catalog_all_get_it(catalog: CatalogSettings) -> None:
    def open_it(number: int) -> bool:
        with open_catalog(catalog, namespace="census") as opened:
            return bool(opened.namespace_exists("census"))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(open_it, range(8)))


def test_a_wrong_password_is_told_without_any_password(postgres_database: str, sqlite_catalog: CatalogSettings) -> None:
    host = postgres_database.rpartition("@")[2]
    wrong = replace(sqlite_catalog, uri=f"postgresql://seatrial:hidden-word@{host}")
    with pytest.raises(StoreError, match="refused the user or the password") as caught, open_catalog(wrong):
        pass
    assert "hidden-word" not in f"{caught.value} {caught.value!r} {wrong!r}"
    assert host in str(caught.value)


def test_a_database_that_is_not_there_is_named(postgres: str, sqlite_catalog: CatalogSettings) -> None:
    nowhere = replace(sqlite_catalog, uri=f"{postgres}/nowhere")
    with pytest.raises(StoreError, match="/nowhere: the database does not exist"), open_catalog(nowhere):
        pass


def test_a_catalog_that_is_down_is_named(sqlite_catalog: CatalogSettings) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        down = replace(sqlite_catalog, uri=f"postgresql://u:hidden-word@127.0.0.1:{probe.getsockname()[1]}/db")
        with pytest.raises(StoreError, match="the catalog does not answer") as caught, open_catalog(down):
            pass
    assert "hidden-word" not in str(caught.value)


def test_tables_over_a_store_with_wrong_credentials_say_which_store(sqlite_catalog: CatalogSettings) -> None:
    table = written(sqlite_catalog)
    assert sqlite_catalog.store.credentials is not None
    wrong = Credentials(sqlite_catalog.store.credentials.access_key, "hidden-word")
    elsewhere = replace(sqlite_catalog, store=replace(sqlite_catalog.store, credentials=wrong))
    with pytest.raises(StoreError, match=f"{sqlite_catalog.store.endpoint} refused the credentials") as caught:
        replace(table, catalog=elsewhere).to_arrow()
    assert "hidden-word" not in str(caught.value)
