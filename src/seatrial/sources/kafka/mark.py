"""Up to which offsets a topic is in a table: what stands in the table's properties, and in each snapshot's summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from seatrial.errors import Corrupt, SeatrialError, StepFailed

MARK = "seatrial.ingest"  # key of a snapshot's summary; with ".<topic>" of the table's properties
CLAIM = "seatrial.ingest-claim"  # key of the summary of the empty snapshot with which a run begins: its id
LOG_VERSION = "v1"

Offsets = Mapping[int, int]  # by partition


@dataclass(frozen=True, slots=True)
class Mark:
    """The records of `topic` that are in the table: of each partition those from `begin` up to, without, `to`.

    `since` is where the commit began that wrote it. `run` is the id of the process that committed.
    """

    topic: str
    topic_id: str  # a topic that is deleted and made again gets another one
    run: str
    begin: Offsets
    since: Offsets
    to: Offsets

    @property
    def key(self) -> str:
        """The table's property that holds it."""
        return f"{MARK}.{self.topic}"

    @property
    def offsets(self) -> int:
        """How many offsets the commit covers, those without a record included."""
        return sum(end - self.since.get(partition, end) for partition, end in self.to.items())

    def to_json(self) -> str:
        """As it stands in properties and summaries."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def with_partitions(self, earliest: Offsets) -> Mark:
        """The mark with the partitions that it lacks, at their earliest offsets."""
        new = {partition: offset for partition, offset in earliest.items() if partition not in self.to}
        return replace(self, begin={**new, **self.begin}, to={**new, **self.to}) if new else self

    def advanced(self, to: Offsets, *, run: str, earliest: Offsets) -> Mark:
        """The mark after the next batch of `run`; a partition that is new begins at its earliest offset."""
        known = self.with_partitions({partition: earliest.get(partition, 0) for partition in to})
        return replace(known, run=run, since=known.to, to=dict(to))


def read_mark(text: str, *, where: str) -> Mark:
    """The mark that `to_json` wrote; `Corrupt` where it is something else."""
    try:
        document = json.loads(text)
        offsets = {
            name: {int(partition): int(offset) for partition, offset in document[name].items()}
            for name in ("begin", "since", "to")
        }
        return Mark(str(document["topic"]), str(document["topic_id"]), str(document["run"]), **offsets)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Corrupt(
            "the offsets of the topic cannot be read.",
            path=where,
            hint="Somebody changed this property of the table: restore it, or ingest into a new table.",
        ) from None


def logged_offsets(text: str, topic: str) -> dict[int, int]:
    """The end of a batch, from the offset log that Spark writes before it runs the batch."""
    version, _, *sources = text.splitlines()
    if version != LOG_VERSION or len(sources) != 1:
        raise StepFailed("Spark's offset log has an unknown form.", path="offsets", hint="Use the pinned pyspark.")
    return {int(partition): int(offset) for partition, offset in json.loads(sources[0])[topic].items()}


def start_problem(mark: Mark, *, topic_id: str, earliest: Offsets, latest: Offsets) -> SeatrialError | None:
    """Why the topic cannot be gone on with at the mark; None where it can."""
    if mark.topic_id != topic_id:
        return StepFailed(
            "the topic was deleted and made again since it was ingested: its offsets mean other records now.",
            path=mark.topic,
            hint="Ingest it into a new table.",
        )
    for partition, offset in sorted(mark.to.items()):
        if partition not in earliest:
            return StepFailed(
                f"partition {partition} is gone.", path=mark.topic, hint="Ingest the topic into a new table."
            )
        if earliest[partition] > offset:
            return StepFailed(
                f"the offsets {offset:,} to {earliest[partition] - 1:,} of partition {partition} were removed from the "
                "topic before they were ingested.",
                path=mark.topic,
                hint="--accept-loss goes on behind them. Ingest more often, or raise the topic's retention.",
            )
        if latest[partition] < offset:
            return StepFailed(
                f"partition {partition} ends at offset {latest[partition]:,}, and the table has it up to {offset:,}: "
                "the topic lost records, and other ones will get their offsets.",
                path=mark.topic,
                hint="Ingest it into a new table.",
            )
    return None
