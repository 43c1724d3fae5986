"""What a table's metadata says of one snapshot, read without pyiceberg.

Importing pyiceberg's catalog and files takes a second of CPU, which a run with nothing to do would spend on this alone.
What is read here: the Iceberg specification's "Table Metadata", and `iceberg_tables` of Iceberg's JDBC catalog.
Where anything is not as expected there is no answer: the caller then asks pyiceberg, which says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote

from seatrial.errors import ObjectMissing
from seatrial.stores.catalog import BUSY_TIMEOUT_S, CONNECT_TIMEOUT_S
from seatrial.stores.objects import Objects
from seatrial.stores.settings import CatalogSettings

SNAPSHOT_PREFIX = "seatrial."  # of the properties that are written with a snapshot, into its summary
SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgresql+psycopg2://")
SUFFIX = ".metadata.json"
COMPRESSED = ".gz.metadata.json"
# All columns, as a catalog of the schema's version 0 has no `iceberg_type`.
FIND_TABLE = "SELECT * FROM iceberg_tables WHERE catalog_name = {0} AND table_namespace = {0} AND table_name = {0}"
TABLE_TYPES = ("TABLE", None)  # views stand in the same table


def read_properties(
    catalog: CatalogSettings, objects: Objects, identifier: str, snapshot_id: int
) -> Mapping[str, str] | None:
    """The table's properties, and over them those that were written with the snapshot; None where they are not certain.

    `objects` are those of the catalog's store. The snapshot's manifest list has to be there; manifests and data files
    are looked at when rows are read.
    """
    location = _metadata_location(catalog, identifier)
    if location is None or not location.endswith(SUFFIX) or location.endswith(COMPRESSED):
        return None
    root = f"{catalog.store.url.rstrip('/')}/"
    try:
        metadata = json.loads(objects.get(_key(location, root)).data)
        snapshot = next(each for each in metadata["snapshots"] if each["snapshot-id"] == snapshot_id)
        objects.get(_key(snapshot["manifest-list"], root))
        written = {key: value for key, value in snapshot["summary"].items() if key.startswith(SNAPSHOT_PREFIX)}
        properties = {**metadata["properties"], **written}
    except (ObjectMissing, AttributeError, LookupError, StopIteration, TypeError, ValueError):
        return None
    return properties if all(isinstance(value, str) for value in properties.values()) else None


def _key(location: str, root: str) -> str:
    """The object's key within the store; a `ValueError` for an object of another store."""
    if not location.startswith(root):
        raise ValueError(location)
    return location.removeprefix(root)


def _metadata_location(catalog: CatalogSettings, identifier: str) -> str | None:
    namespace, _, name = identifier.rpartition(".")
    parameters = (catalog.name, namespace, name)
    rows: list[dict[str, Any]] = []
    if catalog.uri.startswith(SQLITE):
        rows = _rows_in_sqlite(catalog.uri.removeprefix(SQLITE).partition("?")[0], parameters)
    elif catalog.uri.startswith(POSTGRESQL):
        rows = _rows_in_postgresql(f"postgresql://{catalog.uri.partition('://')[2]}", parameters)
    locations = [row["metadata_location"] for row in rows if row.get("iceberg_type") in TABLE_TYPES]
    return locations[0] if len(locations) == 1 else None


def _rows_in_sqlite(path: str, parameters: tuple[str, ...]) -> list[dict[str, Any]]:
    import sqlite3

    # `rw` makes no file where there is none, and can still roll back what a killed writer left.
    address = f"file:{quote(path)}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
            return _selected(connection, FIND_TABLE.format("?"), parameters)
    except sqlite3.Error:
        return []


def _rows_in_postgresql(address: str, parameters: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        import psycopg2
    except ImportError:
        return []
    options = {} if "connect_timeout=" in address else {"connect_timeout": CONNECT_TIMEOUT_S}
    try:
        with closing(psycopg2.connect(address, **options)) as connection:
            return _selected(connection, FIND_TABLE.format("%s"), parameters)
    except psycopg2.Error:
        return []


def _selected(connection: Any, statement: str, parameters: tuple[str, ...]) -> list[dict[str, Any]]:
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement, parameters)
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
