"""Records that cannot be rows, kept in a table beside the one they were meant for: where from, why, and their bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.sources.kafka.json_records import BadRecord, JsonReader
from seatrial.sources.kafka.mark import Mark
from seatrial.sources.kafka.spark_columns import OnBatches, spark_schema
from seatrial.sources.kafka.target_table import IngestTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SUFFIX = "_dead_letters"
RECORD_COLUMNS = ("topic", "partition", "offset", "timestamp", "key", "value")  # as Spark's Kafka source names them
_COLUMNS: list[tuple[str, Any]] = [
    ("topic", pa.string()),
    ("partition", pa.int32()),
    ("offset", pa.int64()),
    ("timestamp", pa.timestamp("us", tz="UTC")),
    ("reason", pa.string()),
    ("key", pa.binary()),
    ("value", pa.binary()),
]
DEAD_LETTER = pa.schema(_COLUMNS)


class DeadLetters:
    """The dead-letter table of one run; made when the run has its first bad record.

    `check` raises where the run must not write any more: above all where a later one claimed the table of the rows.
    """

    def __init__(self, spark: SparkSession, target: str, topic: str, run: str, *, check: Callable[[], None]) -> None:
        self.identifier = f"{target}{SUFFIX}"
        self._table = IngestTable(spark, self.identifier, topic, run)
        self._check = check
        self._claimed = False

    def begin(self, mark: Mark) -> None:
        """Takes the table over; removes what a killed run wrote of a batch whose rows it did not commit."""
        if self._table.exists:
            self._claim(mark)

    def append(self, frame: DataFrame, *, before: Mark, after: Mark) -> int:
        """Appends the dead letters of the batch between the two marks; how many."""
        if not self._claimed:
            self._create()
            self._claim(before)
        return self._table.append(frame, after, check=self._check)

    def end(self) -> None:
        """Removes the run's branch."""
        self._table.end()

    def _create(self) -> None:
        try:
            if not self._table.exists:
                self._table.create(spark_schema(DEAD_LETTER))
        except Exception:
            if not self._table.exists:  # else another topic's run made it at the same time
                raise

    def _claim(self, mark: Mark) -> None:
        self._check_columns()
        self._check()  # an overtaken run does not take the table back
        self._table.claim()
        # A run claims the table of the rows first. One that has not done so by now will claim this one behind us.
        self._check()
        self._claimed = True
        self._table.delete_behind(mark)

    def _check_columns(self) -> None:
        names = tuple(self._table.schema.names)
        if names != tuple(DEAD_LETTER.names):
            raise InputError(
                f"the table has the columns {', '.join(names)}, and dead letters {', '.join(DEAD_LETTER.names)}.",
                path=self.identifier,
                hint="Rename that table: it has the name of this one's dead letters.",
            )


def dead_letters_of(schema: pa.Schema) -> OnBatches:
    """Of records with all their columns those that cannot be rows, with the reason."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        reader = JsonReader(schema)
        for batch in batches:
            places, reasons = [], []
            for place, value in enumerate(batch.column("value").to_pylist()):
                try:
                    reader.read(value)
                except BadRecord as error:
                    places.append(place)
                    reasons.append(str(error))
            if places:
                letters = pa.Table.from_batches([batch.take(pa.array(places))])
                letters = letters.append_column("reason", pa.array(reasons, pa.string()))
                yield from letters.select(DEAD_LETTER.names).cast(DEAD_LETTER).to_batches()

    return read
