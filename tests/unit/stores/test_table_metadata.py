"""The metadata of a table says the same as pyiceberg does, or nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from seatrial.batches.table import Table
from seatrial.stores.catalog import open_catalog
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import CatalogSettings, StoreSettings
from seatrial.stores.table_metadata import read_properties

NAME = "census.people"
ROWS = pa.table({"id": [1, 2, 3]})


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogSettings:
    url = (tmp_path / "store").as_uri()
    return CatalogSettings(f"sqlite:///{tmp_path / 'a b' / 'catalog 1.db'}", f"{url}/warehouse", StoreSettings(url))


@pytest.fixture
def table(catalog: CatalogSettings) -> Table:
    return appended(catalog, {"seatrial.digest": "d"})


def appended(catalog: CatalogSettings, properties: dict[str, str]) -> Table:
    with open_catalog(catalog, namespace="census") as opened:
        table = opened.create_table_if_not_exists(NAME, schema=ROWS.schema, properties={"of": "the table"})
        table.append(ROWS, snapshot_properties=properties)
        snapshot = table.current_snapshot()
        assert snapshot is not None
        return Table(NAME, snapshot.snapshot_id, "digest", catalog)


def read(table: Table, *, uri: str | None = None) -> object:
    catalog = table.catalog if uri is None else replace(table.catalog, uri=uri)
    return read_properties(catalog, open_objects(catalog.store), table.identifier, table.snapshot_id)


def execute(catalog: CatalogSettings, statement: str) -> None:
    with closing(sqlite3.connect(catalog.uri.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute(statement)


def metadata_file(catalog: CatalogSettings) -> Path:
    with open_catalog(catalog) as opened:
        return Path(opened.load_table(NAME).metadata_location.removeprefix("file://"))


def test_a_snapshot_has_the_properties_that_pyiceberg_gives_it(table: Table) -> None:
    assert read(table) == dict(table.properties) == {"of": "the table", "seatrial.digest": "d"}


def test_each_snapshot_keeps_its_own_under_those_of_the_table_today(table: Table) -> None:
    later = appended(table.catalog, {"seatrial.digest": "e"})
    with open_catalog(table.catalog) as opened, opened.load_table(NAME).transaction() as change:
        change.set_properties({"seatrial.digest": "the table's", "else": "1"})
    assert read(table) == dict(table.properties) == {"of": "the table", "else": "1", "seatrial.digest": "d"}
    assert read(later) == dict(later.properties) == {"of": "the table", "else": "1", "seatrial.digest": "e"}


def test_a_catalog_without_a_column_for_the_type_has_tables_alone(table: Table) -> None:
    execute(table.catalog, "ALTER TABLE iceberg_tables DROP COLUMN iceberg_type")
    assert read(table) == dict(table.properties)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM iceberg_tables",
        "DROP TABLE iceberg_tables",
        "UPDATE iceberg_tables SET iceberg_type = 'VIEW'",
        "UPDATE iceberg_tables SET metadata_location = NULL",
        "UPDATE iceberg_tables SET metadata_location = 's3://another/store/v1.metadata.json'",
        "UPDATE iceberg_tables SET metadata_location = metadata_location || '.gz.metadata.json'",
        "UPDATE iceberg_tables SET catalog_name = 'another'",
        "UPDATE iceberg_tables SET table_namespace = 'another'",
    ],
)
def test_a_table_that_the_catalog_does_not_have_there_has_no_answer(table: Table, statement: str) -> None:
    execute(table.catalog, statement)
    assert read(table) is None


def lose(path: Path) -> None:
    path.unlink()


def damage(path: Path) -> None:
    path.write_text("{")


def expire(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"snapshots": []}))


def lose_manifests(path: Path) -> None:
    for file in path.parent.glob("snap-*.avro"):
        file.unlink()


def write_a_number(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"properties": {"of": 1}}))


@pytest.mark.parametrize("change", [lose, damage, expire, lose_manifests, write_a_number])
def test_metadata_that_is_not_as_expected_has_no_answer(table: Table, change: Callable[[Path], None]) -> None:
    change(metadata_file(table.catalog))
    assert read(table) is None


def test_an_address_that_is_not_a_database_has_no_answer_and_makes_no_file(table: Table, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database")
    assert read(table, uri=f"sqlite:///{tmp_path / 'text.db'}") is None
    assert read(table, uri=f"sqlite:///{tmp_path / 'none.db'}") is None
    assert read(table, uri="https://catalog.test/iceberg") is None
    assert not (tmp_path / "none.db").exists()
