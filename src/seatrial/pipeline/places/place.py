"""The seam between a run and the place where its steps run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.steps.declaration import Step


class Place(Protocol):
    """Runs steps of one run, several at a time; every place gives the same record for the same job."""

    code: str | None  # the artifact of the project's code, where the place had to send it

    def run(self, job: Job, step: Step, *, log: Path, replace: bool, on_waiting: Callable[[str], None]) -> CacheRecord:
        """Runs the job to its end and returns the record that counts; what the step prints goes to `log`.

        `on_waiting` is told why the step has not begun, each time that the reason is another one.

        Raises what the step raised, as it was; `StepFailed` for a step that was ended from outside, with how.
        """
        ...

    def end(self) -> None:
        """Ends what still runs, and whatever the place began for this run; every waiting `run` raises."""
        ...
