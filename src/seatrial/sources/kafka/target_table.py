"""An Iceberg table that one run appends to: each batch and its mark in one commit, and none once it was overtaken.

A batch is written to a branch of the run, out of sight. Publishing moves the table to the branch and sets the mark, in
one transaction, which fails where the table is no longer where the branch began. A run begins with an empty snapshot,
its claim: whatever an earlier run still has in hand cannot be published from then on, because the snapshot that it
wrote has to be the child of one that the run looked at. The branch alone does not say so: whoever appends to a branch
that is gone makes it anew, on top of whatever the table then has.
https://iceberg.apache.org/docs/latest/branching/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seatrial.errors import StepFailed
from seatrial.prepare.table_parts import iceberg_catalog, quoted_name, table_exists
from seatrial.prepare.tables import TABLE_PROPERTIES, is_conflict
from seatrial.sources.kafka.mark import CLAIM, MARK, Mark, read_mark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

ATTEMPTS = 10  # to publish beside others who write to the table
PAUSE_S = 0.1  # doubles
LONGEST_PAUSE_S = 10.0
_BRANCH_MS = 24 * 3600 * 1000  # of a run that was killed: then whoever expires snapshots may drop its branch
_MAIN = "main"
_ADDED = "added-records"
_NOT_AHEAD = "not an ancestor"  # Iceberg's words where the table went on without the branch


class TableMoved(Exception):
    """Somebody else committed to the table; the batch is to be written again."""


def pause_s(attempt: int) -> float:
    """How long to leave the table to others after so many attempts before this one.

    >>> pause_s(0), pause_s(3), pause_s(9)
    (0.1, 0.8, 10.0)
    """
    return min(PAUSE_S * 2.0**attempt, LONGEST_PAUSE_S)


class IngestTable:
    """A table and the branch of one run on it."""

    def __init__(self, spark: SparkSession, identifier: str, topic: str, run: str) -> None:
        self._spark = spark
        self._java: Any = spark._jvm.org.apache.iceberg
        self.identifier = identifier
        self._topic = topic
        self.run = run
        self._branch = f"ingest-{run}"
        self._quoted = quoted_name(spark, identifier)
        self._base: int | None = None  # the newest snapshot of the table that this run made or began at
        self._mark: Mark | None = None  # that the table had there

    @property
    def exists(self) -> bool:
        """Whether the catalog has the table."""
        return table_exists(self._spark, self.identifier)

    @property
    def schema(self) -> StructType:
        """Its columns."""
        return self._spark.table(self._quoted).schema

    @property
    def iceberg_types(self) -> dict[str, list[str]]:
        """Of each column Iceberg's own names of the types in it."""
        return {str(each.name()): _primitives(each.type()) for each in self._load().schema().columns()}

    @property
    def has_rows(self) -> bool:
        """Whether its newest snapshot has any."""
        return not self._spark.table(self._quoted).isEmpty()

    def create(self, schema: StructType) -> None:
        """Makes the table, and its namespace if there is none."""
        catalog = iceberg_catalog(self._spark)
        name = self._java.catalog.TableIdentifier.parse(self.identifier)
        if not catalog.namespaceExists(name.namespace()):
            catalog.createNamespace(name.namespace())
        columns = self._columns(schema)
        catalog.createTable(name, columns, self._java.PartitionSpec.unpartitioned(), dict(TABLE_PROPERTIES))

    def add_columns(self, schema: StructType, names: list[str]) -> None:
        """Adds these columns of the schema, which the rows that are there do not have."""
        update = self._load().updateSchema()
        for column in self._columns(schema).columns():
            if column.name() in names:
                update.addColumn(None, column.name(), column.type())
        update.commit()

    def mark(self) -> Mark | None:
        """Up to where the topic is in the table; None where it was never ingested into it."""
        return self._mark_in(self._load())

    def claim(self) -> None:
        """Takes the table over from any earlier run of the topic; to be called once, before the first batch."""
        claim = self._load().newAppend()
        claim.set(CLAIM, self._claim_text).set("seatrial.ingest-topic", self._topic)
        claim.commit()
        table = self._load()
        self._base, self._mark = self._own_claim(table), self._mark_in(table)
        if self._mark is not None and self._mark.run != self.run:  # only now: before the claim that run may go on
            self._remove_branch(f"ingest-{self._mark.run}")

    def has_rows_behind(self, mark: Mark) -> bool:
        """Whether a table of dead letters has any of the topic at or behind the mark."""
        where, values = self._behind(mark)
        return not self._spark.sql(f"SELECT 1 FROM {self._quoted} WHERE {where}", values).isEmpty()  # noqa: S608 numbers, and a name that is quoted

    def delete_behind(self, mark: Mark) -> None:
        """Removes these rows: of batches that were never published."""
        if not self.has_rows_behind(mark):
            return
        where, values = self._behind(mark)

        def delete() -> int:
            with self._on_branch() as branch:
                self._spark.sql(f"DELETE FROM {branch} WHERE {where}", values)  # noqa: S608 as above
            return 0

        self._retry(delete, replace(mark, run=self.run))

    def _behind(self, mark: Mark) -> tuple[str, dict[str, str]]:
        before = [f"(`partition` = {partition} AND `offset` < {offset})" for partition, offset in mark.to.items()]
        return f"topic = :topic AND NOT ({' OR '.join(before)})", {"topic": self._topic}

    def write(self, frame: DataFrame, mark: Mark) -> int:
        """Writes a batch to the branch, out of sight; the number of its rows."""
        with self._on_branch() as branch:
            frame.writeTo(branch).option(f"snapshot-property.{MARK}", mark.to_json()).append()
        return int(self._written(self._load()).summary().get(_ADDED) or 0)

    def publish(self, mark: Mark) -> int:
        """Shows what is on the branch, with the mark; the snapshot's id.

        Raises `TableMoved` where somebody else wrote meanwhile, `StepFailed` where that was a later run of the topic.
        """
        table = self._load()
        snapshot = int(self._written(table).snapshotId())
        try:
            transaction = table.newTransaction()
            transaction.updateProperties().set(mark.key, mark.to_json()).commit()
            transaction.manageSnapshots().fastForwardBranch(_MAIN, self._branch).commit()
            transaction.commitTransaction()
        except Exception as error:
            # The catalog may have taken the commit and failed to say so.
            if self.mark() != mark:
                self.refuse_overtaken()
                if _NOT_AHEAD in str(error) or is_conflict(error):
                    raise TableMoved from None
                raise
        self._base, self._mark = snapshot, mark
        return snapshot

    def append(self, frame: DataFrame, mark: Mark, *, check: Callable[[], None]) -> int:
        """Writes and publishes a batch, again where others write too; the number of its rows.

        `check` is called between the two, and raises where what was written must not be seen.
        """

        def write() -> int:
            rows = self.write(frame, mark)
            check()
            return rows

        return self._retry(write, mark)

    def _retry(self, write: Callable[[], int], mark: Mark) -> int:
        for attempt in range(ATTEMPTS):
            try:
                written = write()
                self.publish(mark)
            except TableMoved:
                time.sleep(pause_s(attempt))
            else:
                return written
        raise self.crowded()

    def crowded(self) -> StepFailed:
        """The error where others never leave the table alone."""
        return StepFailed(
            f"other writers kept the batch from being committed, {ATTEMPTS} times.",
            path=self.identifier,
            hint="Run again with a smaller --batch-records: a batch that is written sooner is committed sooner.",
        )

    def overtaken(self) -> StepFailed:
        """The error where a later run ingests the topic."""
        return StepFailed(
            f'another run began to ingest "{self._topic}" into the table; this one ends, and loses nothing.',
            path=self.identifier,
            hint="One run at a time: end the other one, or leave it to that.",
        )

    def end(self) -> None:
        """Removes the run's branch."""
        if self._base is not None:
            self._remove_branch(self._branch)

    @property
    def _claim_text(self) -> str:
        return f"{self.run} {self._topic}"

    def _mark_in(self, table: Any) -> Mark | None:
        text = table.properties().get(f"{MARK}.{self._topic}")
        return None if text is None else read_mark(text, where=f"{self.identifier}: {MARK}.{self._topic}")

    def _remove_branch(self, branch: str) -> None:
        with suppress(Exception):  # one that stays costs nothing, and a commit that stands is not to fail for it
            table = self._load()
            if table.refs().get(branch) is not None:
                table.manageSnapshots().removeBranch(branch).commit()

    @contextmanager
    def _on_branch(self) -> Iterator[str]:
        """For one commit of Spark's: the branch as it is named in SQL, at the table's newest snapshot."""
        self._begin_branch()
        try:
            yield f"{self._quoted}.`branch_{self._branch}`"
        except Exception as error:
            self.refuse_overtaken()  # a later run removes the branch
            if is_conflict(error):
                raise TableMoved from None
            raise

    def _begin_branch(self) -> None:
        """Puts the branch where the table is now; refuses where a later run has claimed the table."""
        for attempt in range(ATTEMPTS):
            table = self._load()
            self.refuse_overtaken(table)
            head = int(table.currentSnapshot().snapshotId())
            try:
                self._put_branch(table, head)
            except Exception as error:
                if not is_conflict(error):
                    raise
                time.sleep(pause_s(attempt))
            else:
                self._base = head
                return
        raise self.crowded()

    def _put_branch(self, table: Any, head: int) -> None:
        manage = table.manageSnapshots()
        if (branch := table.refs().get(self._branch)) is None:
            manage.createBranch(self._branch, head).setMaxRefAgeMs(self._branch, _BRANCH_MS).commit()
        elif int(branch.snapshotId()) != head:
            manage.replaceBranch(self._branch, head).commit()

    def _written(self, table: Any) -> Any:
        """The branch's snapshot, if it is the child of the one at which this run put the branch."""
        if (branch := table.refs().get(self._branch)) is not None:
            snapshot = table.snapshot(branch.snapshotId())
            if snapshot.parentId() is not None and int(snapshot.parentId()) == self._base:
                return snapshot
        self.refuse_overtaken(table)
        raise TableMoved

    def refuse_overtaken(self, table: Any | None = None) -> None:
        """Raises `StepFailed` where a later run claimed the topic, or committed, since this run's newest snapshot."""
        table = self._load() if table is None else table
        # Claims are lost with the snapshots that somebody expires; the mark stays.
        if self._is_claimed_by_another(table) or self._mark_in(table) != self._mark:
            self.end()
            raise self.overtaken()

    def _is_claimed_by_another(self, table: Any) -> bool:
        snapshot = table.currentSnapshot()
        while snapshot is not None and int(snapshot.snapshotId()) != self._base:
            claim = snapshot.summary().get(CLAIM)
            if claim is not None and claim != self._claim_text and claim.endswith(f" {self._topic}"):
                return True
            snapshot = None if snapshot.parentId() is None else table.snapshot(snapshot.parentId())
        return False

    def _own_claim(self, table: Any) -> int:
        for snapshot in table.snapshots():
            if snapshot.summary().get(CLAIM) == self._claim_text:
                return int(snapshot.snapshotId())
        raise StepFailed("the table lost the commit just made.", path=self.identifier, hint="Run again.")

    def _columns(self, schema: StructType) -> Any:
        java = self._spark._jvm.org.apache.spark.sql.types.DataType.fromJson(schema.json())
        return self._java.spark.SparkSchemaUtil.convert(java)

    def _load(self) -> Any:
        return self._java.spark.Spark3Util.loadIcebergTable(self._spark._jsparkSession, self._quoted)


def _primitives(kind: Any) -> list[str]:
    if kind.isPrimitiveType():
        return [str(kind.toString())]
    return [name for field in kind.asNestedType().fields() for name in _primitives(field.type())]
