"""What a run and its steps in pods tell each other, in the store: `jobs/<run>/<step>…`."""

from __future__ import annotations

from seatrial.errors import Corrupt
from seatrial.pipeline.jobs.job import Job
from seatrial.stores.documents import from_json, sha256, to_json
from seatrial.stores.objects import Objects

BEGUN, ENDED = ".begun.json", ".ended.json"  # of tasks, which no driver of Seatrial's own looks after


def job_key(run: str, step: str) -> str:
    """Where the pinned job of a step lies."""
    return f"jobs/{run}/{step}.json"


def answer_key(run: str, step: str, *, rank: int = 0, attempt: int = 1) -> str:
    """Where the step's cache record lies once it ended, or its errors: of each worker in each attempt its own."""
    whose = "" if (rank, attempt) == (0, 1) else f".attempt-{attempt}.rank-{rank}"
    return f"jobs/{run}/{step}{whose}.answer.json"


def logs_prefix(run: str) -> str:
    """Where the logs of a run lie."""
    return f"jobs/{run}/"


def log_key(run: str, step: str) -> str:
    """Where what the step printed lies once it ended."""
    return f"{logs_prefix(run)}{step}.log"


def begun_key(run: str, step: str) -> str:
    """Where the task of a step says that it began; see `gathered`."""
    return f"{logs_prefix(run)}{step}{BEGUN}"


def ended_key(run: str, step: str) -> str:
    """Where the task of a step says how it ended."""
    return f"{logs_prefix(run)}{step}{ENDED}"


def event_log_key(run: str, step: str) -> str:
    """The folder of Spark's event log."""
    return f"jobs/{run}/{step}.spark"


def job_digest(job: Job) -> str:
    """The sha256 that `write_job` would return; nothing is written."""
    return sha256(to_json(job))


def write_job(objects: Objects, run: str, job: Job) -> str:
    """Writes the job, and returns its sha256 for `read_job`."""
    content = to_json(job)
    objects.put(job_key(run, job.step), content)
    return sha256(content)


def read_job(objects: Objects, run: str, step: str, digest: str) -> Job:
    """The job, as it was written; `Corrupt` where somebody put another in its place."""
    key = job_key(run, step)
    content = objects.get(key).data
    if sha256(content) != digest:
        raise Corrupt(
            f"the job of step {step!r} must have the sha256 {digest}, got {sha256(content)}.",
            path=key,
            hint="Run again, and find out who writes to this store.",
        )
    return from_json(Job, content, path=key)
