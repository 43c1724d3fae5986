"""Cache records: `cache/<key>.json`, each from a step's key to what the step left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.errors import Corrupt, ObjectExists, ObjectMissing
from seatrial.pipeline.jobs.step_key import KeyParts
from seatrial.pipeline.jobs.step_values import Output, TableOutput, table_digest
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """What the step with these key parts left behind, and the run that made it."""

    key: str
    parts: KeyParts
    run: str
    outputs: Mapping[str, Output]  # by reference: "features.train", "model"


def record_path(key: str) -> str:
    """Where the record of a key is kept."""
    return f"cache/{key}.json"


def read_record(objects: Objects, key: str) -> CacheRecord | None:
    """The record of `key`, or None; `Corrupt` when key, parts and outputs do not fit each other."""
    path = record_path(key)
    try:
        data = objects.get(path).data
    except ObjectMissing:
        return None
    record = from_json(CacheRecord, data, path=path)
    if record.key != key or record.parts.key != key or not _fit(record):
        raise Corrupt(
            "the cache record does not fit its key: it was not written by the step it names.",
            path=path,
            hint="Find out who wrote it; `seatrial run --no-cache` replaces it.",
        )
    return record


def _fit(record: CacheRecord) -> bool:
    """Whether the outputs are those that the step declares, and its tables bear the digests that it gives."""
    step = record.parts.step
    declared = {f"{step}.{output}" for output in record.parts.outputs} or {step}
    return record.outputs.keys() == declared and all(
        output.digest == table_digest(record.key, reference)
        for reference, output in record.outputs.items()
        if isinstance(output, TableOutput)
    )


def write_record(objects: Objects, record: CacheRecord, *, replace: bool) -> CacheRecord:
    """Makes a step's outputs visible, all at once; returns the record that counts: the first one, unless `replace`."""
    path = record_path(record.key)
    try:
        objects.put(path, to_json(record), if_absent=not replace)
    except ObjectExists:
        return read_record(objects, record.key) or record
    return record
