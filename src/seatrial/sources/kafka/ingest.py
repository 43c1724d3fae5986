"""A topic into a table by Spark Structured Streaming, exactly once: the table itself says up to where it has the topic.

Each batch is one commit, of its rows and the offsets behind them. A run begins at the offsets that the table names, so
it does not matter at which moment the one before was killed, and no checkpoint can be lost or disagree with the table.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seatrial.errors import InputError, SeatrialError, SourceError
from seatrial.prepare.failure import java_chain, spark_cause
from seatrial.sources.kafka.columns import missing_columns, refuse_dropped, refuse_formatted
from seatrial.sources.kafka.dead_letters import DEAD_LETTER, RECORD_COLUMNS, DeadLetters, dead_letters_of
from seatrial.sources.kafka.mark import Mark, logged_offsets, start_problem
from seatrial.sources.kafka.settings import KafkaConnection
from seatrial.sources.kafka.spark_columns import arrow_schema, rows_of, spark_schema
from seatrial.sources.kafka.target_table import ATTEMPTS, IngestTable, TableMoved, pause_s
from seatrial.sources.kafka.topic import TopicClient, TopicOffsets, kafka_failure

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

LOOK_S = 0.5  # how often the main thread looks whether it is to end
BATCH_BYTES = 64 * 2**20  # that Arrow holds at once in a worker
_KAFKA_ERRORS = ("KafkaException", "TimeoutException", "SaslAuthenticationException", "AuthorizationException")


@dataclass(frozen=True, slots=True)
class IngestJob:
    """What is to be done: `table` is "namespace.table", `columns` the declared ones (None: those of the table)."""

    topic: str
    table: str
    columns: pa.Schema | None = None
    until_caught_up: bool = False
    every_s: float = 10.0  # between commits
    batch_records: int = 1_000_000  # in one commit, at most
    accept_loss: bool = False  # go on behind records that the topic lost


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """After a commit: what this run has committed; `lag` is in offsets, None where the brokers did not say."""

    rows: int
    dead_letters: int
    rows_per_s: float
    lag: int | None
    snapshot: int
    committed: datetime


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a run did. Without a commit `snapshot` is None; `mark` is where the table stands."""

    job: IngestJob
    dead_letter_table: str
    rows: int
    dead_letters: int
    commits: int
    snapshot: int | None
    mark: Mark
    lag: int | None


def ingest(
    spark: SparkSession,
    connection: KafkaConnection,
    job: IngestJob,
    *,
    stop: threading.Event,
    on_progress: Callable[[IngestProgress], None],
    log: Path | None = None,
) -> Ingested:
    """Commits the topic's records to the table until it has caught up, or until `stop` is set.

    Raises `InputError` about topic, table and columns, `SourceError` where Kafka is down or refuses, `StepFailed` where
    another run of the topic takes the table over.
    """
    run = uuid.uuid4().hex[:12]
    with closing(TopicClient(spark, connection)) as client:
        offsets = client.offsets(job.topic)
        table = IngestTable(spark, job.table, job.topic, run)
        # All mistakes first: what is wrong with the topic must not leave a table behind.
        schema, change_table = _columns(table, job)
        known = table.mark() if table.exists else None
        mark = start_mark(known, offsets, job, run)
        change_table()

        def explain(error: BaseException) -> SeatrialError:
            if any(name.startswith(_KAFKA_ERRORS) for name in java_chain(error)):
                return kafka_failure(error, connection)
            return spark_cause(error, log=log)

        batches = _Batches(spark, job, client, table, schema, mark, known, on_progress, explain)
        if not (job.until_caught_up and mark.to == offsets.latest):
            _stream(spark, source_options(connection, job, mark), batches, stop)
            batches.end()
        return batches.result(client)


def _columns(table: IngestTable, job: IngestJob) -> tuple[pa.Schema, Callable[[], None]]:
    """The columns that records are read into, and what makes the table ready for them."""
    declared = job.columns
    if not table.exists:
        if declared is None:
            raise InputError(
                "the table does not exist, and no columns are declared for the topic.",
                path=job.table,
                hint=f'Add [ingest."{job.topic}"] with columns = {{ id = "bigint", … }} to seatrial.toml.',
            )
        columns = declared
        return columns, lambda: table.create(spark_schema(columns))
    there = arrow_schema(table.schema, job.table)
    refuse_formatted(table.iceberg_types, there.names if declared is None else declared.names, job.table)
    if declared is None:
        return there, lambda: None
    columns = declared
    missing = missing_columns(columns, there, job.table, has_rows=table.has_rows)
    return columns, lambda: table.add_columns(spark_schema(columns), missing) if missing else None


def start_mark(mark: Mark | None, offsets: TopicOffsets, job: IngestJob, run: str) -> Mark:
    """Where the run begins: at the table's mark, or at the beginning of the topic."""
    if mark is None:
        begin = dict(offsets.earliest)
        return Mark(job.topic, offsets.topic_id, run, begin, begin, begin)
    if job.accept_loss:
        behind = {each: max(offset, offsets.earliest.get(each, offset)) for each, offset in mark.to.items()}
        mark = replace(mark, to=behind)
    if (
        problem := start_problem(mark, topic_id=offsets.topic_id, earliest=offsets.earliest, latest=offsets.latest)
    ) is not None:
        raise problem
    return mark.with_partitions(offsets.earliest)


def _stream(spark: SparkSession, options: Mapping[str, str], batches: _Batches, stop: threading.Event) -> None:
    spark.conf.set("spark.sql.redaction.options.regex", "(?i)url|jaas|truststore|password")
    spark.conf.set("spark.sql.execution.arrow.maxBytesPerBatch", str(BATCH_BYTES))
    with tempfile.TemporaryDirectory(prefix="seatrial-ingest-") as checkpoint:
        batches.checkpoint = Path(checkpoint)
        frame = spark.readStream.format("kafka").options(**options).load()
        writer = frame.writeStream.foreachBatch(batches.commit).option("checkpointLocation", f"file://{checkpoint}")
        query = writer.trigger(**batches.trigger).start()
        try:
            while not stop.is_set() and not query.awaitTermination(LOOK_S):
                pass
            batches.stop_after_commit()
        except Exception as error:  # noqa: BLE001 py4j's and pyspark's exceptions have no common class
            raise batches.failure or batches.explain(error) from None
        finally:
            with suppress(Exception):  # a JVM that died has nothing to stop, and must not hide what was raised
                query.stop()
    if batches.failure is not None:
        raise batches.failure


def source_options(connection: KafkaConnection, job: IngestJob, mark: Mark) -> Mapping[str, str]:
    """What Spark's Kafka source is told."""
    start = {str(partition): offset for partition, offset in mark.to.items()}
    return {
        **{f"kafka.{key}": value for key, value in connection.properties.items()},
        "kafka.isolation.level": "read_committed",  # no record of a transaction that was aborted, or may yet be
        "subscribe": job.topic,
        "startingOffsets": json.dumps({job.topic: start}),
        "maxOffsetsPerTrigger": str(job.batch_records),
        "failOnDataLoss": "true",
    }


class _Batches:
    """Commits one batch after the other; owns the mark. Spark calls `commit` in a thread of its own."""

    def __init__(
        self,
        spark: SparkSession,
        job: IngestJob,
        client: TopicClient,
        table: IngestTable,
        schema: pa.Schema,
        mark: Mark,
        known: Mark | None,
        on_progress: Callable[[IngestProgress], None],
        explain: Callable[[BaseException], SeatrialError],
    ) -> None:
        self.mark = mark
        self.explain = explain
        self.checkpoint = Path()
        self.failure: SeatrialError | None = None
        self._job = job
        self._client = client
        self._table = table
        self._schema = schema
        self._dead_letters = DeadLetters(spark, job.table, job.topic, table.run, check=self._check)
        self._bad = spark.sparkContext.accumulator(0)
        self._on_progress = on_progress
        self._committing = threading.Lock()
        self._stopped = False
        self._began = False
        self._known = known  # the table's mark when it was decided where to begin
        self._rows = self._dead = self._commits = 0
        self._snapshot: int | None = None
        self._last = time.monotonic()

    @property
    def trigger(self) -> dict[str, Any]:
        """When Spark is to begin a batch."""
        if self._job.until_caught_up:
            return {"availableNow": True}
        return {"processingTime": f"{round(self._job.every_s * 1000)} milliseconds"}

    def commit(self, frame: DataFrame, number: int) -> None:
        """Commits a batch: rows, dead letters and the offsets behind them."""
        with self._committing:
            if self._stopped:
                raise _Stopped
            try:
                self._commit(frame, number)
            except Exception as error:
                self.failure = self.explain(error)
                raise

    def stop_after_commit(self) -> None:
        """Waits for the batch in hand; no other one begins."""
        self._stopped = True
        with self._committing:
            pass

    def end(self) -> None:
        """Removes what only a run in progress needs."""
        if self._began:
            self._table.end()
            self._dead_letters.end()

    def result(self, client: TopicClient) -> Ingested:
        """What the run did."""
        return Ingested(
            self._job,
            self._dead_letters.identifier,
            self._rows,
            self._dead,
            self._commits,
            self._snapshot,
            self.mark,
            _lag(client, self.mark),
        )

    def _commit(self, frame: DataFrame, number: int) -> None:
        to = logged_offsets((self.checkpoint / "offsets" / str(number)).read_text(), self._job.topic)
        if to == self.mark.to:
            return
        if not self._began:
            self._begin()
        earliest = {} if to.keys() == self.mark.to.keys() else self._client.offsets(self._job.topic).earliest
        after = self.mark.advanced(to, run=self._table.run, earliest=earliest)
        rows, dead = self._write(frame, after)
        seconds, self._last = time.monotonic() - self._last, time.monotonic()
        self.mark = after
        self._rows, self._dead, self._commits = self._rows + rows, self._dead + dead, self._commits + 1
        self._on_progress(
            IngestProgress(
                self._rows,
                self._dead,
                rows / seconds,
                _lag(self._client, after),
                self._snapshot or 0,
                datetime.now(UTC),
            )
        )

    def _begin(self) -> None:
        self._refuse_late()  # before the claim too: it would end the run that is ahead
        self._table.claim()
        self._refuse_late()
        self._dead_letters.begin(self.mark)
        self._began = True

    def _refuse_late(self) -> None:
        if self._table.mark() != self._known:  # committed since this run looked where to begin
            raise self._table.overtaken()

    def _check(self) -> None:
        self._table.refuse_overtaken()
        self._check_topic()

    def _check_topic(self) -> None:
        """Raises where the topic is another one by now: what was read may be records of that one."""
        offsets = self._client.offsets(self._job.topic)
        if offsets.topic_id != self.mark.topic_id and (
            problem := start_problem(
                self.mark, topic_id=offsets.topic_id, earliest=offsets.earliest, latest=offsets.latest
            )
        ):
            raise problem

    def _write(self, frame: DataFrame, after: Mark) -> tuple[int, int]:
        """Dead letters first: should the process end between the two, the next run removes them and reads again."""
        dead: int | None = None
        for attempt in range(ATTEMPTS):
            bad = self._bad.value
            try:
                written = self._table.write(self._rows_of(frame), after)
                if dead is None:
                    dead = self._append_dead_letters(frame, after) if self._bad.value > bad else 0
                self._check_topic()
                self._snapshot = self._table.publish(after)
            except TableMoved:
                time.sleep(pause_s(attempt))
            else:
                return written, dead
        raise self._table.crowded()

    def _append_dead_letters(self, frame: DataFrame, after: Mark) -> int:
        letters = frame.select(*RECORD_COLUMNS).mapInArrow(dead_letters_of(self._schema), spark_schema(DEAD_LETTER))
        return self._dead_letters.append(letters, before=self.mark, after=after)

    def _rows_of(self, frame: DataFrame) -> DataFrame:
        from pyspark.sql.functions import col, lit

        columns = spark_schema(self._schema)
        rows = frame.select("value").mapInArrow(rows_of(self._schema, self._bad), columns)
        there: StructType = self._table.schema
        refuse_dropped(columns.names, there.names, self._job.table)
        return rows.select(
            *(
                col(f"`{field.name.replace('`', '``')}`")
                if field.name in columns.names
                else lit(None).cast(field.dataType).alias(field.name)
                for field in there
            )
        )


class _Stopped(Exception):
    """A batch that began after the run was to end."""


def _lag(client: TopicClient, mark: Mark) -> int | None:
    try:
        latest = client.offsets(mark.topic).latest
    except (SourceError, InputError):  # committed is committed; the next batch says what is wrong
        return None
    return sum(max(0, offset - mark.to.get(partition, 0)) for partition, offset in latest.items())
