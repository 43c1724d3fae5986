"""A release's answers for every row of a table, by Spark: the graph runs on Arrow batches in Spark's Python workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seatrial.errors import InputError, StepFailed
from seatrial.models.runtime import BATCH_ROWS, OnnxPredictor, load_predictor
from seatrial.prepare.table_parts import Part, SourceTable, TargetTable, quoted_name
from seatrial.rows.answered_rows import PREDICTED, with_answers
from seatrial.stores.documents import sha256, to_json

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

PART_ROWS = 2_000_000  # what a job that is killed may have to do again: seconds to minutes
_JOB_CHARACTERS = 16
_loaded: dict[str, OnnxPredictor] = {}  # of a Python worker of Spark, which answers many tasks one after the other


@dataclass(frozen=True, slots=True)
class ScoringRelease:
    """The release that answers: its name, the digest of its release.json, the files of its package."""

    name: str
    digest: str
    package: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ScoredTable:
    """What was published: how many rows, how many of them without an answer, and how many parts were there before."""

    rows: int
    unanswered: int
    parts: int
    parts_before: int
    snapshot: int
    source_snapshot: int


def score_table(
    spark: SparkSession,
    source: str,
    target: str,
    release: ScoringRelease,
    *,
    part_rows: int = PART_ROWS,
    on_part: Callable[[int, int], None] = lambda _done, _parts: None,
) -> ScoredTable:
    """Fills `target` with the rows of `source` and their answers, in the place of what it had; returns what was done.

    Both are named "namespace.table". The same job run again goes on where it was killed. `on_part` hears of each part
    that is done. Raises `InputError` about tables and columns, `StepFailed` where the rows do not add up.
    """
    if source == target:
        raise InputError("a table cannot be filled from itself.", path=target, hint="Name another table after --into.")
    rows = SourceTable(spark, source)
    predictor = load_predictor(release.package, threads=1)
    schema = _scored_schema(rows.schema, predictor, source)
    job = sha256(to_json((release.digest, source, rows.snapshot, part_rows)))[:_JOB_CHARACTERS]
    answers = TargetTable(spark, target, schema, job=job)
    parts = rows.parts(part_rows)
    snapshot, before = answers.published, len(parts)
    if snapshot is None:
        done = answers.done()
        before = len(done)
        _score_parts(spark, rows, answers, parts, release, schema, done=done, on_part=on_part)
        _check_rows(rows, answers, parts)
        properties = {
            "seatrial.release": release.name,
            "seatrial.release-digest": f"sha256:{release.digest}",
            "seatrial.source": source,
            "seatrial.source-snapshot": str(rows.snapshot),
        }
        snapshot = answers.publish(properties)
    scored = spark.read.option("versionAsOf", snapshot).table(quoted_name(spark, target))
    return ScoredTable(
        scored.count(), scored.where(f"{PREDICTED} IS NULL").count(), len(parts), before, snapshot, rows.snapshot
    )


def _score_parts(
    spark: SparkSession,
    rows: SourceTable,
    answers: TargetTable,
    parts: list[Part],
    release: ScoringRelease,
    schema: StructType,
    *,
    done: Mapping[int, int],
    on_part: Callable[[int, int], None],
) -> None:
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH_ROWS))
    package = spark.sparkContext.broadcast(dict(release.package))
    finished = len(done)
    for part in parts:
        if part.number not in done:
            with rows.read(part) as frame:
                scored = frame.mapInArrow(_answering(package, release.digest, rows.identifier), schema)
                answers.write(scored, part, first=finished == 0)
            finished += 1
            on_part(finished, len(parts))


def _answering(
    package: Any, digest: str, source: str
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def answer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        predictor = _loaded.get(digest)
        if predictor is None:
            # One thread: Spark gives every core a task, and no sum depends on how many rows are asked together.
            predictor = _loaded[digest] = load_predictor(package.value, threads=1)
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            table = with_answers(predictor.predict(rows), predictor.signature, rows, source)
            yield from table.combine_chunks().to_batches()

    return answer


def _scored_schema(schema: StructType, predictor: OnnxPredictor, source: str) -> StructType:
    """The table's columns and the answers'; an `InputError` where the model cannot take the columns."""
    from pyspark.sql.pandas.types import from_arrow_type, to_arrow_schema
    from pyspark.sql.types import StructField, StructType

    nothing = to_arrow_schema(schema).empty_table()
    answered = with_answers(predictor.predict(nothing), predictor.signature, nothing, source)
    added = [answered.schema.field(place) for place in range(len(schema.fields), len(answered.schema))]
    return StructType([*schema.fields, *(StructField(field.name, from_arrow_type(field.type)) for field in added)])


def _check_rows(rows: SourceTable, answers: TargetTable, parts: list[Part]) -> None:
    written = answers.done()
    for part in parts:
        expected = part.rows
        if expected is None:
            with rows.read(part) as frame:
                expected = frame.count()
        if written.get(part.number, 0) != expected:
            answers.drop()
            raise StepFailed(
                f"part {part.number} has {expected:,} rows, and {written.get(part.number, 0):,} were written; "
                "what was written is dropped.",
                path=answers.identifier,
                hint="Run again.",
            )
