"""A run that has ended, as its record tells it to whoever did not drive it."""

from __future__ import annotations

from seatrial.errors import Corrupt, Problems, SeatrialError, StepFailed
from seatrial.pipeline.cache.cache_record import CacheRecord, read_record
from seatrial.pipeline.jobs.step_values import Output
from seatrial.pipeline.running.run_pipeline import FinishedRun
from seatrial.pipeline.running.run_records import ErrorDocument, RunRecord
from seatrial.pipeline.running.step_process import as_errors
from seatrial.stores.objects import Objects


def finished_run(record: RunRecord, objects: Objects) -> FinishedRun:
    """How the run ended: what its steps made, and the first failure."""
    failed = next((step for step in record.steps if step.state == "failed"), None)
    error = _error(record.errors if failed is None else failed.errors, record.run)
    if error is None and record.ending == "interrupted":
        error = StepFailed("the run was stopped.", path=record.run, hint="What was finished is kept; run again.")
    return FinishedRun(record, outputs_of(record, objects), error)


def outputs_of(record: RunRecord, objects: Objects) -> dict[str, Output]:
    """What the steps of the run that ended well have made, or found in the cache."""
    records = cache_records(record, objects).values()
    return {name: output for cache_record in records for name, output in cache_record.outputs.items()}


def cache_records(record: RunRecord, objects: Objects) -> dict[str, CacheRecord]:
    """By step what each that ended well left behind; `Corrupt` where the run's record names that of another step."""
    records: dict[str, CacheRecord] = {}
    for step in record.steps:
        if step.key is None or step.state not in ("ran", "cached"):
            continue
        cache_record = read_record(objects, step.key)
        if cache_record is None:
            continue
        if cache_record.parts.step != step.name or (step.parts is not None and step.parts.key != step.key):
            raise Corrupt(
                f"the key of step {step.name!r} is not that of its parts.",
                path=record.run,
                hint="Find out who wrote it, and start the run anew.",
            )
        records[step.name] = cache_record
    return records


def _error(documents: tuple[ErrorDocument, ...], run: str) -> SeatrialError | None:
    errors = as_errors(documents, otherwise=f"Its log: seatrial logs {run}")
    if not errors:
        return None
    return errors[0] if len(errors) == 1 else Problems(errors)
