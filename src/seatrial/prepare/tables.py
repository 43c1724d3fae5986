"""A frame written as the one snapshot of an Iceberg table that this call made, whoever else writes at that time.

Not create-or-replace: Iceberg's replace puts whole table metadata in place, and loses the snapshots that others
committed since it read them. Here the table stays, its rows are overwritten in one commit, and the snapshot is found by
a name of its own. Where the schema differs, all columns are replaced in one commit; a snapshot that came to stand under
another schema than its rows have (another writer changed it in between) is written again.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seatrial.errors import StepFailed
from seatrial.prepare.failure import java_chain

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

WRITE = "seatrial-write"  # key of the snapshot's summary: which call wrote it
PACKED = "seatrial.packed"  # key of a column's metadata, and with ".<column>" of the table's and snapshot's properties
ROW_GROUP_BYTES = 8 * 2**20  # of a packed table: what a reader shuffles by, and fetches in one request
ATTEMPTS = 8
FIRST_PAUSE_S = 0.2  # doubles
# What another writer can cause, in the words of Iceberg, SQLite and PostgreSQL.
CONFLICTS = (
    "CommitFailedException",
    "CommitStateUnknownException",
    "AlreadyExistsException",
    "TableAlreadyExistsException",
    "NamespaceAlreadyExistsException",
    "ValidationException: Cannot commit",
    "UncheckedSQLException",
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "database is locked",
    "already exists",
    "could not serialize access",
    "deadlock detected",
)
TABLE_PROPERTIES = {
    "write.distribution-mode": "none",  # rows stay where and in the order that the step put them
    "commit.retry.num-retries": "20",  # Iceberg's own 4 are too few where ten steps end together
    "commit.retry.min-wait-ms": "50",
    "commit.retry.max-wait-ms": "2000",
}


def write_table(
    spark: SparkSession, frame: DataFrame, identifier: str, *, tag: str, properties: Mapping[str, str] | None = None
) -> int:
    """Overwrites the table ("namespace.table"; made if absent) with `frame`; returns the id of the snapshot it made.

    The snapshot is pinned by the Iceberg tag `seatrial-<tag>`. A packed column (see `with_features`) is stored plain
    and uncompressed. What it holds, and `properties`, stand in the snapshot's summary (to be believed of a pinned
    snapshot) and among the table's properties (of the newest). Raises Spark's exception when the frame fails,
    `StepFailed` when other writers keep it from committing.
    """
    packed = {
        f"{PACKED}.{field.name}": json.dumps(field.metadata[PACKED], sort_keys=True)
        for field in frame.schema.fields
        if PACKED in field.metadata
    }
    own_properties = {**packed, **(properties or {})}
    write = _Write(
        spark, frame, identifier, {**TABLE_PROPERTIES, **_packed_layout(packed), **own_properties}, own_properties
    )
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
        try:
            snapshot = write.attempt()
            if snapshot is not None:
                write.pin(snapshot, f"seatrial-{tag}")
                return snapshot
        except Exception as error:
            if not is_conflict(error):
                raise
    raise StepFailed(
        f"other writers kept the table from being written, {ATTEMPTS} times.", path=identifier, hint="Run again."
    )


def is_conflict(error: BaseException) -> bool:
    """Whether this failure is another writer's doing, so that trying again can help."""
    words = "\n".join([str(error), *java_chain(error)])
    return any(conflict in words for conflict in CONFLICTS)


def _packed_layout(packed: Mapping[str, str]) -> dict[str, str]:
    if not packed:
        return {}
    # Compression is a setting of the whole table; floats hardly shrink, and a reader maps what is plain.
    layout = {
        "write.parquet.compression-codec": "uncompressed",
        "write.parquet.row-group-size-bytes": str(ROW_GROUP_BYTES),
    }
    for key in packed:
        column = key.removeprefix(f"{PACKED}.")
        layout[f"write.parquet.dict-encoding-enabled.column.{column}"] = "false"
        layout[f"write.metadata.metrics.column.{column}"] = "none"  # bounds of packed bytes mean nothing
    return layout


class _Write:
    """One call of `write_table`: what every attempt needs."""

    def __init__(
        self,
        spark: SparkSession,
        frame: DataFrame,
        identifier: str,
        properties: Mapping[str, str],
        stated: Mapping[str, str],
    ) -> None:
        self.frame = frame
        self.identifier = identifier
        self.properties = properties
        self.stated = stated
        self.java: Any = spark._jvm.org.apache.iceberg
        self.session: Any = spark._jsparkSession
        self.catalog = str(spark.conf.get("spark.sql.defaultCatalog"))
        self.quoted = ".".join(f"`{part}`" for part in (self.catalog, *identifier.split(".")))
        # Every column may be null: what a step guarantees today must not refuse its rows tomorrow.
        self.schema = self.java.spark.SparkSchemaUtil.convert(frame._jdf.schema().asNullable())

    def attempt(self) -> int | None:
        """Writes once; None when another writer changed the schema under it."""
        from pyspark.sql.functions import lit

        schema = self._prepare()
        name = str(uuid.uuid4())
        writer = self.frame.writeTo(self.quoted).option(f"snapshot-property.{WRITE}", name)
        for key, value in self.stated.items():
            writer = writer.option(f"snapshot-property.{key}", value)
        try:
            writer.overwrite(lit(True))  # noqa: FBT003 a condition that holds for every row
        except Exception as error:
            if int(self._table().schema().schemaId()) != schema:
                return None  # Spark found other columns than those it was to fill: another writer's
            # The catalog may have taken the commit and failed to say so: then the snapshot is there.
            if not is_conflict(error) or self._snapshot(name) is None:
                raise
        snapshot = self._snapshot(name)
        if snapshot is None:
            raise StepFailed("the snapshot just written is not in the table.", path=self.identifier, hint="Run again.")
        return int(snapshot.snapshotId()) if int(snapshot.schemaId()) == schema else None

    def pin(self, snapshot: int, name: str) -> None:
        """Tags the snapshot; a name that pins another one already gets the snapshot's id behind it."""
        table = self._table()
        taken = table.refs().get(name)
        if taken is not None and int(taken.snapshotId()) == snapshot:
            return
        full = name if taken is None else f"{name}-{snapshot}"
        table.manageSnapshots().createTag(full, snapshot).commit()

    def _prepare(self) -> int:
        """Makes namespace and table, or brings its schema and properties to what is written; the schema's id."""
        catalog = self.java.spark.Spark3Util.loadIcebergCatalog(self.session, self.catalog)
        name = self.java.catalog.TableIdentifier.parse(self.identifier)
        if not catalog.tableExists(name):
            if not catalog.namespaceExists(name.namespace()):
                catalog.createNamespace(name.namespace())
            catalog.createTable(name, self.schema, self.java.PartitionSpec.unpartitioned(), dict(self.properties))
        table = self._table()
        if self._spark_types(table.schema()) != self._spark_types(self.schema):
            self._replace_columns(table)
        there = table.properties()
        missing = {key: value for key, value in self.properties.items() if there.get(key) != value}
        if missing:
            update = table.updateProperties()
            for key, value in missing.items():
                update.set(key, value)
            update.commit()
        return int(table.schema().schemaId())

    def _replace_columns(self, table: Any) -> None:
        """All columns at once, in one commit; snapshots made before keep the schema that they were written under."""
        update = table.updateSchema()
        for column in table.schema().columns():
            update.deleteColumn(column.name())
        for column in self.schema.columns():
            # With the parent, of which there is none, given: Iceberg refuses a dot in a name alone as ambiguous.
            update.addColumn(None, column.name(), column.type())
        update.commit()

    def _spark_types(self, schema: Any) -> str:
        return str(self.java.spark.SparkSchemaUtil.convert(schema).catalogString())

    def _table(self) -> Any:
        return self.java.spark.Spark3Util.loadIcebergTable(self.session, self.quoted)

    def _snapshot(self, name: str) -> Any | None:
        snapshots = [snapshot for snapshot in self._table().snapshots() if snapshot.summary().get(WRITE) == name]
        return snapshots[0] if snapshots else None
