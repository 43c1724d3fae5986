"""An Iceberg table filled part by part from another one's snapshot, out of sight until all of it is there.

Each part is a commit of its own to a branch, which names the part: whoever goes on after a job that was killed finds
there what is done. Publishing is one commit to the table: its rows, and properties that say where they are from.
https://iceberg.apache.org/docs/latest/branching/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.errors import InputError, StepFailed
from seatrial.prepare.tables import TABLE_PROPERTIES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

JOB, PART = "seatrial.job", "seatrial.part"  # keys of a snapshot's summary
_BRANCH_MS = 7 * 24 * 3600 * 1000  # then whoever expires the table's snapshots may drop what was never finished
_HOW_TO_NAME = 'Write NAMESPACE.TABLE. What a step calls "features.test" is the table "features_test" of the project.'
_MAIN = "main"
_ADDED = "added-records"


@dataclass(frozen=True, slots=True)
class Part:
    """Files of a snapshot that are read together; `rows` is None where deletes stand beside them."""

    number: int
    tasks: tuple[Any, ...]
    rows: int | None


class SourceTable:
    """The newest snapshot of a table, in parts."""

    def __init__(self, spark: SparkSession, identifier: str) -> None:
        """Raises `InputError` where there is no such table, or no rows in it."""
        self._spark = spark
        self._java: Any = spark._jvm.org.apache.iceberg
        self.identifier = identifier
        self._quoted = quoted_name(spark, identifier)
        if not table_exists(spark, identifier):
            raise InputError("the catalog does not have this table.", path=identifier, hint=_HOW_TO_NAME)
        self._table = self._java.spark.Spark3Util.loadIcebergTable(spark._jsparkSession, self._quoted)
        snapshot = self._table.currentSnapshot()
        if snapshot is None:
            raise _empty(identifier)
        self.snapshot = int(snapshot.snapshotId())
        self.schema: StructType = spark.table(self._quoted).schema

    def parts(self, rows: int) -> list[Part]:
        """Its files by their paths, about so many rows a part: the same parts each time for one snapshot."""
        files = self._table.newScan().useSnapshot(self.snapshot).planFiles()
        try:
            tasks = sorted(_each(files), key=lambda task: str(task.file().location()))
        finally:
            files.close()
        if not tasks:
            raise _empty(self.identifier)
        groups: list[list[Any]] = []
        held = rows
        for task in tasks:
            if held >= rows:
                groups.append([])
                held = 0
            groups[-1].append(task)
            held += int(task.file().recordCount())
        return [Part(number, tuple(group), _rows(group)) for number, group in enumerate(groups)]

    @contextmanager
    def read(self, part: Part) -> Iterator[DataFrame]:
        """The rows of one part."""
        # As Iceberg's own rewriting of data files reads: a filter on file names would open every file for every part.
        cached, staged = self._java.spark.SparkTableCache.get(), self._java.spark.ScanTaskSetManager.get()
        name = f"seatrial-{self.snapshot}-{part.number}"
        cached.add(name, self._table)
        staged.stageTasks(self._table, name, list(part.tasks))
        try:
            frame = self._spark.read.format("iceberg").load(name)
            yield frame.select(*(f"`{field.replace('`', '``')}`" for field in self.schema.names))
        finally:
            staged.removeTasks(self._table, name)
            cached.remove(name)


class TargetTable:
    """The table to be filled, and the branch on which one job fills it."""

    def __init__(self, spark: SparkSession, identifier: str, schema: StructType, *, job: str) -> None:
        """Makes the table if there is none; `InputError` where it is there with other columns."""
        self._spark = spark
        self._java: Any = spark._jvm.org.apache.iceberg
        self.identifier = identifier
        self._job = job
        self._branch = f"scoring-{job}"
        self._quoted = quoted_name(spark, identifier)
        columns = self._java.spark.SparkSchemaUtil.convert(spark.createDataFrame([], schema)._jdf.schema().asNullable())
        if not table_exists(spark, identifier):
            catalog = iceberg_catalog(spark)
            name = self._java.catalog.TableIdentifier.parse(identifier)
            if not catalog.namespaceExists(name.namespace()):
                catalog.createNamespace(name.namespace())
            catalog.createTable(name, columns, self._java.PartitionSpec.unpartitioned(), dict(TABLE_PROPERTIES))
        convert = self._java.spark.SparkSchemaUtil.convert
        there, wanted = (convert(found).catalogString() for found in (self._load().schema(), columns))
        if there != wanted:
            raise InputError(
                f"the table has the columns {there}, and the answers {wanted}.",
                path=identifier,
                hint="Name a new table: readers of this one would meet other columns before the rows are there.",
            )

    @property
    def published(self) -> int | None:
        """The snapshot that this job published already, where the table still has it as its newest."""
        snapshot = self._load().currentSnapshot()
        mine = snapshot is not None and snapshot.summary().get(JOB) == self._job
        return int(snapshot.snapshotId()) if mine else None

    def done(self) -> dict[int, int]:
        """The parts that are on the branch, and their rows. Made now if there is no branch."""
        table = self._load()
        if table.refs().get(self._branch) is None:
            manage = table.manageSnapshots().createBranch(self._branch)
            manage.setMaxRefAgeMs(self._branch, _BRANCH_MS).commit()
            return {}
        parts = self._on_branch(table)
        twice = [number for number, count in Counter(number for number, _ in parts).items() if count > 1]
        if twice:
            self.drop()
            raise StepFailed(
                f"part {twice[0]} was written twice, by two jobs at once; what they wrote is dropped.",
                path=self.identifier,
                hint="Run again, once at a time.",
            )
        return dict(parts)

    def write(self, frame: DataFrame, part: Part, *, first: bool) -> None:
        """Commits one part to the branch; the first one takes the place of the rows that the table had."""
        from pyspark.sql.functions import lit

        writer = (
            frame.writeTo(f"{self._quoted}.`branch_{self._branch}`")
            .option(f"snapshot-property.{JOB}", self._job)
            .option(f"snapshot-property.{PART}", str(part.number))
        )
        if first:
            writer.overwrite(lit(True))  # noqa: FBT003 a condition that holds for every row
        else:
            writer.append()

    def publish(self, properties: Mapping[str, str]) -> int:
        """Shows the branch's rows as the table's, in one commit with the properties; the snapshot's id."""
        table = self._load()
        snapshot = int(table.refs().get(self._branch).snapshotId())
        transaction = table.newTransaction()
        update = transaction.updateProperties()
        for key, value in properties.items():
            update.set(key, value)
        update.commit()
        try:
            manage = transaction.manageSnapshots()
            manage.fastForwardBranch(_MAIN, self._branch).removeBranch(self._branch).commit()
        except Exception as error:
            if "not an ancestor" not in str(error):
                raise
            self.drop()
            raise StepFailed(
                "somebody else wrote to the table while it was filled; it is left as they wrote it.",
                path=self.identifier,
                hint="Run again, or name a table that nobody else writes to.",
            ) from None
        transaction.commitTransaction()
        return snapshot

    def drop(self) -> None:
        """Forgets what is on the branch."""
        self._load().manageSnapshots().removeBranch(self._branch).commit()

    def _on_branch(self, table: Any) -> list[tuple[int, int]]:
        parts = []
        snapshot = table.snapshot(table.refs().get(self._branch).snapshotId())
        while snapshot is not None and snapshot.summary().get(JOB) == self._job:
            summary = snapshot.summary()
            parts.append((int(summary.get(PART)), int(summary.get(_ADDED) or 0)))
            parent = snapshot.parentId()
            snapshot = None if parent is None else table.snapshot(parent)
        return parts

    def _load(self) -> Any:
        return self._java.spark.Spark3Util.loadIcebergTable(self._spark._jsparkSession, self._quoted)


def quoted_name(spark: SparkSession, identifier: str) -> str:
    """The table's name for Spark's SQL, whatever characters it has."""
    catalog = str(spark.conf.get("spark.sql.defaultCatalog"))
    return ".".join(f"`{part}`" for part in (catalog, *identifier.split(".")))


def _empty(identifier: str) -> InputError:
    return InputError("the table has no rows.", path=identifier, hint="Fill it first.")


def iceberg_catalog(spark: SparkSession) -> Any:
    """The session's catalog, as Iceberg's own object in the JVM."""
    java: Any = spark._jvm.org.apache.iceberg
    return java.spark.Spark3Util.loadIcebergCatalog(
        spark._jsparkSession, str(spark.conf.get("spark.sql.defaultCatalog"))
    )


def table_exists(spark: SparkSession, identifier: str) -> bool:
    """Whether the catalog has the table."""
    java: Any = spark._jvm.org.apache.iceberg
    return bool(iceberg_catalog(spark).tableExists(java.catalog.TableIdentifier.parse(identifier)))


def _each(iterable: Any) -> Iterator[Any]:
    iterator = iterable.iterator()
    while iterator.hasNext():
        yield iterator.next()


def _rows(tasks: Sequence[Any]) -> int | None:
    if any(not task.deletes().isEmpty() for task in tasks):
        return None
    return sum(int(task.file().recordCount()) for task in tasks)
