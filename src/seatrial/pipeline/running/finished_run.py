"""A run that has ended, as its record tells it to whoever did not drive it."""

from __future__ import annotations

from seatrial.errors import Problems, SeatrialError, StepFailed
from seatrial.pipeline.cache.cache_record import read_record
from seatrial.pipeline.jobs.step_values import Output
from seatrial.pipeline.running.run_pipeline import Finished
from seatrial.pipeline.running.run_records import ErrorDocument, RunRecord
from seatrial.pipeline.running.step_process import as_errors
from seatrial.stores.objects import Objects


def finished_run(record: RunRecord, objects: Objects) -> Finished:
    """How the run ended: what its steps made, and the first failure."""
    failed = next((step for step in record.steps if step.state == "failed"), None)
    error = _error(record.errors if failed is None else failed.errors, record.run)
    if error is None and record.ending == "interrupted":
        error = StepFailed("the run was stopped.", path=record.run, hint="What was finished is kept; run again.")
    return Finished(record, outputs_of(record, objects), error)


def outputs_of(record: RunRecord, objects: Objects) -> dict[str, Output]:
    """What the steps of the run that ended well have made, or found in the cache."""
    outputs: dict[str, Output] = {}
    for step in record.steps:
        if step.key is not None and step.state in ("ran", "cached"):
            cache_record = read_record(objects, step.key)
            outputs.update({} if cache_record is None else cache_record.outputs)
    return outputs


def _error(documents: tuple[ErrorDocument, ...], run: str) -> SeatrialError | None:
    errors = as_errors(documents, otherwise=f"Its log: seatrial logs {run}")
    if not errors:
        return None
    return errors[0] if len(errors) == 1 else Problems(errors)
