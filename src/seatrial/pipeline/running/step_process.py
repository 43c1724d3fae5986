"""A step in a process of its own, or in one for each of its workers: `seatrial step NAME`, as in a remote container.

The child reads its job from a file and answers in another beside it; whatever the step prints goes to its log. It ends
when its parent does, and what it started with it: it holds the read end of a pipe that only the parent can close.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial import errors
from seatrial.batches.telemetry import stats_exporter
from seatrial.errors import Problems, SeatrialError, StepFailed
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.places.rendezvous import VARIABLES as RENDEZVOUS
from seatrial.pipeline.places.rendezvous import rendezvous
from seatrial.pipeline.running.run_records import ErrorDocument
from seatrial.pipeline.running.worker_failures import WorkerFailure, failed_at, first_failure, of_rank, rank_lines
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.documents import from_json, to_json

ROOM_FOR_AN_ANSWER_BYTES = 64 * 1024  # an answer has a few thousand
KILLED = (-signal.SIGKILL, -signal.SIGTERM)  # of other signals the step's own code is the reason
LOOPBACK = "127.0.0.1"
LOOK_S = 0.05  # between two looks at the workers of a step
THREADS = "OMP_NUM_THREADS"
TERM_TIMEOUT_S = 5.0  # how long a child may take to leave when asked to, before it is killed


class StepKilled(StepFailed):
    """Somebody or the system ended the step's process: it may be tried again."""


class StepProcesses:
    """Owns the children of a run, from any thread, and ends them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def start(self, command: list[str], log: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Starts a child in a process group of its own, so that Ctrl-C reaches it through its owner alone.

        `variables` are added to the environment, which loses those of whatever started this process.
        """
        inherited = {name: value for name, value in os.environ.items() if name not in RENDEZVOUS}
        with self._lock, log.open("ab") as output:
            if self._ended:
                raise StepFailed("the run is ending.")
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                env={**inherited, **variables},
            )
            self._running.add(child)
            return child

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        """The child has ended."""
        with self._lock:
            self._running.discard(child)

    def end(self) -> None:
        """Asks every child and what it started to leave, and kills what does not."""
        with self._lock:
            self._ended = True
            running = tuple(self._running)
        for child in running:
            _signal(child, signal.SIGTERM)
        for child in running:
            with suppress(subprocess.TimeoutExpired):
                child.wait(TERM_TIMEOUT_S)
            _signal(child, signal.SIGKILL)
            child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the child's whole process group: data loaders and the like have no other owner."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def run_step_process(
    job: Job,
    workspace: Workspace,
    run: str,
    *,
    log: Path,
    children: StepProcesses,
    replace: bool,
    timeout_s: int | None,
) -> CacheRecord:
    """Runs the job in a child, or in one for each of its workers, and returns the record, which rank 0 gives.

    A child's error is raised here as it was there; `StepKilled` when a child was ended from outside. Whichever worker
    fails first ends the others, and all are ended after `timeout_s`. Rank 0 prints to `log`; what the others printed is
    put at its end.
    """
    last = None if timeout_s is None else time.monotonic() + timeout_s
    workers: list[_Worker] = []
    try:
        for rank, environment in enumerate(_environments(job.parts.workers)):
            place = log if rank == 0 else log.with_suffix(f".rank-{rank}.log")
            job_file = place.with_suffix(".json")
            job_file.write_bytes(to_json(job))
            answer_file(job_file).unlink(missing_ok=True)  # of the attempt before
            variables = {**environment, stats_exporter.FOLDER_VARIABLE: str(telemetry_folder(log).absolute())}
            command = _command(job, job_file, workspace, run, replace=replace)
            workers.append(_Worker(rank, place, children.start(command, place, variables)))
        while running := [worker.child for worker in workers if worker.status is None]:
            _raise_failure(workers, job, log)
            if last is not None and time.monotonic() > last:
                raise StepFailed(
                    f"step {job.step!r}: it took longer than its timeout_s of {timeout_s} s.",
                    path=str(log),
                    hint="Allow it more, or make it quicker.",
                )
            with suppress(subprocess.TimeoutExpired):
                running[0].wait(LOOK_S)
        _raise_failure(workers, job, log)
        return from_json(CacheRecord, workers[0].answer, path=f"the answer of step {job.step}")
    finally:
        for worker in workers:
            if worker.status is None:
                _signal(worker.child, signal.SIGKILL)
                worker.child.wait()
            children.forget(worker.child)
            if worker.child.stdin:
                worker.child.stdin.close()
        for worker in workers[1:]:
            with log.open("ab") as whole:
                whole.write(rank_lines(worker.rank, worker.log.read_bytes()))
            worker.log.unlink()


@dataclass(frozen=True, slots=True)
class _Worker:
    """One of the children of a step; most steps have one."""

    rank: int
    log: Path
    child: subprocess.Popen[bytes]

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.child.poll()

    @property
    def answer(self) -> bytes:
        """What it left behind; nothing where it was killed."""
        file = answer_file(self.log.with_suffix(".json"))
        return file.read_bytes() if file.exists() else b""


def _command(job: Job, job_file: Path, workspace: Workspace, run: str, *, replace: bool) -> list[str]:
    # -P: the working folder is a project's, and its modules must not stand in for those of Python and Seatrial.
    command = [sys.executable, "-P", "-m", "seatrial", "step", job.step, "--job", str(job_file), "--run", run]
    command += ["--directory", str(workspace.project.directory), "--profile", workspace.profile_name]
    return [*command, *(["--replace"] if replace else [])]


def _environments(workers: int) -> list[dict[str, str]]:
    """What each worker is told of the others; their ports were free a moment ago."""
    if workers == 1:
        return [{}]
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(workers + 1)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        master, *ports = (int(probe.getsockname()[1]) for probe in probes)
    addresses = [f"{LOOPBACK}:{port}" for port in ports]
    cores = max(1, (os.cpu_count() or 1) // workers)
    threads = {THREADS: os.environ.get(THREADS, str(cores))}  # else each would start one for every core, and wait
    return [
        threads | rendezvous(rank, addresses, master=(LOOPBACK, master), local_rank=rank, local_world=workers)
        for rank in range(workers)
    ]


def _raise_failure(workers: Sequence[_Worker], job: Job, log: Path) -> None:
    """One that said that it failed may take a while to leave, and does not keep the others for longer."""
    if not any(worker.status or time.time() - failed_at(worker.answer) > TERM_TIMEOUT_S for worker in workers):
        return
    if len(workers) > 1:
        time.sleep(LOOK_S)  # one that dies closes its connections first, and those that wait for it may be quicker
    statuses = [worker.status for worker in workers]
    first = first_failure(
        [
            WorkerFailure(worker.rank, worker.answer, status in KILLED)
            for worker, status in zip(workers, statuses, strict=True)
            if status or failed_at(worker.answer) < math.inf
        ]
    )
    raise of_rank(_error(first.answer, job, statuses[first.rank], log), first.rank, len(workers))


def telemetry_folder(log: Path) -> Path:
    """Where the child that prints to this log, and what it starts, export how their reading of tables goes."""
    return log.with_suffix(".telemetry")


def answer_file(job_file: Path) -> Path:
    """Where the child that was given this job leaves its answer."""
    return job_file.with_suffix(".answer.json")


def read_errors(answer: bytes, *, otherwise: str) -> tuple[SeatrialError, ...]:
    """The errors that a child's answer tells, as they were; `otherwise` is the hint of those that have none."""
    try:
        return as_errors(json.loads(answer)["errors"], otherwise=otherwise)
    except (ValueError, LookupError, TypeError):
        return ()


def as_errors(documents: Sequence[ErrorDocument], *, otherwise: str) -> tuple[SeatrialError, ...]:
    """The errors that these documents tell; `StepFailed` for those of the project's own classes.

    `otherwise` is the hint of those that have none.
    """
    kinds: dict[object, type[SeatrialError]] = {
        kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SeatrialError)
    }
    return tuple(
        kinds.get(document["code"], StepFailed)(
            str(document["problem"]),
            path=None if document["path"] is None else str(document["path"]),
            line=None if document["line"] is None else int(document["line"]),
            hint=str(document["hint"] or otherwise),
        )
        for document in documents
    )


def _error(answer: bytes, job: Job, status: int | None, log: Path) -> SeatrialError:
    failures = read_errors(answer, otherwise=f"Its log: {log}")
    if failures:
        return failures[0] if len(failures) == 1 else Problems(failures)
    if status is not None and status in KILLED:
        name = signal.Signals(-status).name
        return StepKilled(
            f"step {job.step!r}: its process was killed ({name}).",
            path=str(log),
            hint="Run again; where the system had no memory left, give the step less to do at once.",
        )
    if not answer and shutil.disk_usage(log.parent).free < ROOM_FOR_AN_ANSWER_BYTES:
        return StepFailed(
            f"step {job.step!r} could not write its answer: the disk is full.",
            path=str(log.parent),
            hint="Free space there, then run again.",
        )
    how = f"was ended by signal {-status}" if status is not None and status < 0 else f"ended with status {status}"
    return StepFailed(f"step {job.step!r} {how} and gave no answer.", path=str(log), hint="Its log has the rest.")
