"""What runs and releases need of a store's artifacts, cache records and tables' snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from seatrial.models.provenance import Provenance
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.jobs.step_values import ArtifactOutput, TableOutput
from seatrial.pipeline.places.run_documents import logs_prefix
from seatrial.pipeline.running.run_records import SCHEDULES, RunRecord, Schedule, gathered
from seatrial.stores.documents import from_json
from seatrial.stores.objects import Objects

RUNS = "runs/"
CACHE = "cache/"
RELEASES = "releases/"
PROVENANCE = "/provenance.json"

Snapshot = tuple[str, int]  # a table's identifier, and the id


@dataclass(frozen=True, slots=True)
class LiveObjects:
    """What has to stay."""

    keys: frozenset[str]  # of steps that a run record names
    digests: frozenset[str]  # of artifacts
    snapshots: frozenset[Snapshot]


def find_needed(
    objects: Objects, cache: dict[str, CacheRecord], *, young: frozenset[str], since: datetime
) -> LiveObjects:
    """What run records, schedules, releases and the cache records `young` need.

    A run that began after `since` and has not ended may take up any cache record: then all of them are needed.

    A record that cannot be read raises `Corrupt`: without knowing what it needs nothing may be removed.
    """
    keys = set(young)
    snapshots: set[Snapshot] = set()
    digests: set[str] = set()
    for info in objects.list(RUNS):
        record = gathered(from_json(RunRecord, objects.get(info.key).data, path=info.key), objects)
        digests |= set() if record.code is None else {record.code}
        keys |= {step.key for step in record.steps if step.key is not None}
        # Tasks leave the record as it is until the last of them, and write beside it.
        written = (info, *objects.list(logs_prefix(record.run)))
        if record.ending == "running" and max(one.modified for one in written) >= since:
            keys |= cache.keys()
    for info in objects.list(SCHEDULES):
        digests.add(from_json(Schedule, objects.get(info.key).data, path=info.key).code)
    for info in objects.list(RELEASES):
        if info.key.endswith(PROVENANCE):
            provenance = from_json(Provenance, objects.get(info.key).data, path=info.key)
            snapshots |= {(data.identifier, data.snapshot_id) for data in provenance.data}
    for key in keys & cache.keys():
        record_inputs = set(cache[key].parts.inputs.values())
        digests |= record_inputs  # an input that is an artifact is named by its digest
        for output in cache[key].outputs.values():
            if isinstance(output, ArtifactOutput):
                digests.add(output.digest)
            if isinstance(output, TableOutput):
                snapshots.add((output.identifier, output.snapshot_id))
    return LiveObjects(frozenset(keys), frozenset(digests), frozenset(snapshots))
