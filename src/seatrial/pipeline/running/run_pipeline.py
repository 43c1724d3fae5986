"""Runs the steps that have to run, side by side where the graph allows, and records how each ended."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from seatrial.errors import ObjectMissing, SeatrialError, from_os_error
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.jobs.job import Job, Parameters, cached, job_for, missing_inputs
from seatrial.pipeline.jobs.step_values import Output
from seatrial.pipeline.places.place import Place
from seatrial.pipeline.places.run_documents import log_key
from seatrial.pipeline.places.this_machine import ThisMachine
from seatrial.pipeline.running.plan import UNCHANGED, why
from seatrial.pipeline.running.run_records import (
    NOT_MADE,
    TOKEN_BYTES,
    Ending,
    ErrorDocument,
    Identity,
    RunningStep,
    RunRecord,
    State,
    StepRecord,
    last_parts,
    new_identity,
    read_run,
    write_run,
)
from seatrial.pipeline.steps.declaration import Step
from seatrial.pipeline.steps.graph import Graph
from seatrial.pipeline.workspace import Workspace, ledger_place

STEPS_AT_ONCE = 4  # children mostly wait for Spark, the store or their own threads
POLL_S = 0.2  # how soon Ctrl-C is noticed
NO_CACHE = "--no-cache"
TAKEN_OVER = "it ended while the driver was replaced"

# The run's id, its graph, its workspace and the folder of its logs.
OpenPlace = Callable[[str, Graph, Workspace, Path], Place]


class Progress(Protocol):
    """Told how each step goes; draws, or prints plain lines."""

    def started(self, step: str, reason: str, log: Path | None) -> None:
        """The step runs now; what it prints goes to `log`."""
        ...

    def waiting(self, step: str, problem: str) -> None:
        """The step has started, and its place has not begun with it; `problem` is why."""
        ...

    def ended(self, record: StepRecord) -> None:
        """The step ended so."""
        ...


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that ended by itself. `error` is the first failure; steps that needed its output were skipped."""

    record: RunRecord
    outputs: Mapping[str, Output]
    error: SeatrialError | None


class _Runner:
    """One run: owns its threads and the place where its steps run, and ends them all."""

    def __init__(
        self,
        graph: Graph,
        parameters: Parameters,
        workspace: Workspace,
        progress: Progress,
        *,
        rehearse: bool,
        use_cache: bool,
        steps_at_once: int,
        open_place: OpenPlace,
        identity: Identity,
    ) -> None:
        self.run = identity.run
        self.identity = identity
        self.graph = graph
        self.parameters = parameters
        self.workspace = workspace
        self.progress = progress
        self.use_cache = use_cache
        self.rehearse = rehearse
        self.steps_at_once = steps_at_once
        self.logs = workspace.state / "runs" / self.run
        self.logs.mkdir(parents=True, exist_ok=True)
        self.earlier = _earlier(workspace, identity)
        self.before = last_parts(workspace.objects, frozenset(graph))
        self.place = open_place(self.run, graph, workspace, self.logs)
        self.known: dict[str, Output] = {}
        self.records: dict[str, StepRecord] = {}
        self.running: dict[str, RunningStep] = {}
        self.writing = threading.Lock()  # steps start in threads: an older record never replaces a newer one
        self.error: SeatrialError | None = None

    def record(self, ending: Ending) -> RunRecord:
        return RunRecord(
            run=self.run,
            started=self.identity.started,
            profile=self.workspace.profile_name,
            rehearsal=self.rehearse,
            parameters=self.parameters,
            ending=ending,
            steps=tuple(self.records[name] for name in self.graph if name in self.records),
            code=self.place.code,
            origin=self.identity.origin,
            running=tuple(self.running.values()) if ending == "running" else (),
        )

    def write(self, ending: Ending) -> None:
        with self.writing:
            write_run(self.workspace.objects, self.record(ending))

    def execute(self) -> FinishedRun:
        waiting = dict(self.graph)
        running: dict[Future[tuple[StepRecord, CacheRecord | None]], str] = {}
        ending: Ending = "failed"
        pool = ThreadPoolExecutor(self.steps_at_once, thread_name_prefix="step")
        self.write("running")
        try:
            while waiting or running:
                for name in [name for name, step in waiting.items() if not missing_inputs(step, self.known)]:
                    running[pool.submit(self._step, waiting.pop(name))] = name
                if not running:
                    break  # what still waits needs something that failed
                for future in wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED).done:
                    running.pop(future)
                    self._take(*future.result())
            for name in waiting:
                self._ended(StepRecord(name, "skipped", None, 0.0, NOT_MADE))
            ending = "done" if self.error is None else "failed"
        except KeyboardInterrupt:
            ending = "interrupted"
            raise
        finally:
            with ExitStack() as last:  # whichever of these fails, the others are done; the first error is kept
                last.callback(lambda: self.write(ending))
                last.callback(lambda: pool.shutdown(wait=True, cancel_futures=True))
                last.callback(self.place.end)
        return FinishedRun(self.record(ending), dict(self.known), self.error)

    def _take(self, record: StepRecord, cache_record: CacheRecord | None) -> None:
        self._ended(record)
        if cache_record is not None:
            self.known.update(cache_record.outputs)
        self.write("running")

    def _ended(self, record: StepRecord) -> None:
        with self.writing:
            self.running.pop(record.name, None)
            self.records[record.name] = record
        self.progress.ended(record)

    def _started(self, step: str, reason: str, log: Path) -> None:
        self.progress.started(step, reason, log)
        self._tell(RunningStep(step, reason))

    def _waiting(self, step: str, problem: str) -> None:
        self.progress.waiting(step, problem)
        self._tell(replace(self.running.get(step, RunningStep(step, "")), waits=problem))

    def _tell(self, step: RunningStep) -> None:
        """Tells whoever follows the run by its record; where that cannot be written now, the next time will do."""
        with self.writing, suppress(SeatrialError, OSError):
            self.running[step.name] = step
            write_run(self.workspace.objects, self.record("running"))

    def _cached(self, job: Job) -> tuple[CacheRecord | None, str]:
        """See `cached`. What this very run made before its driver was replaced counts, whatever was asked for."""
        if not self.use_cache and self.earlier is None:
            return None, NO_CACHE
        cache_record, doubt = cached(job, self.workspace)
        if not self.use_cache and (cache_record is None or cache_record.run != self.run):
            return None, NO_CACHE
        return cache_record, doubt

    def _step(self, step: Step) -> tuple[StepRecord, CacheRecord | None]:
        began = time.monotonic()
        job: Job | None = None
        try:
            job = job_for(step, self.known, self.parameters, self.workspace)
            cache_record, doubt = self._cached(job)
            reason = UNCHANGED
            if self.earlier is not None and cache_record is not None:
                before = self.earlier.get(step.name)
                if before is not None and before.key == job.key:
                    return before, cache_record  # it ended in this run, and was told so
                # It ended while no driver looked: taken over from its place, with its log.
                if cache_record.run == self.run:
                    cache_record, doubt = None, TAKEN_OVER
            if cache_record is None:
                reason = doubt or why(job.parts, self.before)
                log = self.logs / f"{step.name}.log"
                self._started(step.name, reason, log)
                # A record that does not serve is replaced; else the first one written counts, for both of two runs.
                try:
                    cache_record = self.place.run(
                        job,
                        step,
                        log=log,
                        replace=doubt not in ("", TAKEN_OVER),
                        on_waiting=partial(self._waiting, step.name),
                    )
                finally:
                    self._keep_log(step.name, log)
        except (SeatrialError, OSError) as raised:  # of the operating system: a full disk, above all
            error = raised if isinstance(raised, SeatrialError) else from_os_error(raised, path=str(self.logs))
            self.error = self.error or error
            return self._record(step, "failed", job, began, error.problem, error), None
        return self._record(step, "cached" if reason == UNCHANGED else "ran", job, began, reason), cache_record

    def _keep_log(self, step: str, log: Path) -> None:
        """Copies the log to where other machines can read it; see `step_logs`."""
        if self.workspace.profile.store is not None and log.is_file():
            with suppress(SeatrialError):  # how the step ended counts for more, and it is told with the log's own place
                self.workspace.objects.put(log_key(self.run, step), log)

    def _without_logs(self, error: ErrorDocument) -> ErrorDocument:
        """The error without the folder of logs of this machine, which tells nobody else anything."""
        here = str(self.logs)
        return {key: None if isinstance(value, str) and here in value else value for key, value in error.items()}

    def _record(
        self, step: Step, state: State, job: Job | None, began: float, reason: str, error: SeatrialError | None = None
    ) -> StepRecord:
        return StepRecord(
            name=step.name,
            state=state,
            key=None if job is None else job.key,
            seconds=round(time.monotonic() - began, 3),
            reason=reason,
            parts=None if job is None else job.parts,
            errors=() if error is None else tuple(self._without_logs(failure.as_document()) for failure in error.each),
        )


def run_pipeline(
    graph: Graph,
    parameters: Parameters,
    workspace: Workspace,
    progress: Progress,
    *,
    rehearse: bool,
    use_cache: bool,
    steps_at_once: int = STEPS_AT_ONCE,
    open_place: OpenPlace = ThisMachine,
    identity: Identity | None = None,
) -> FinishedRun:
    """Runs the graph to its end. Raises nothing that a step raised: the first failure is in the result.

    With the identity of a run that began before, that run goes on: what it made is not made again.
    """
    if "assess" in graph and not rehearse:
        ledger_place(workspace, os.environ)  # a mistake there is told before hours of training
    runner = _Runner(
        graph,
        parameters,
        workspace,
        progress,
        rehearse=rehearse,
        use_cache=use_cache,
        steps_at_once=steps_at_once,
        open_place=open_place,
        identity=identity or new_identity(datetime.now(UTC), secrets.token_hex(TOKEN_BYTES), None),
    )
    return runner.execute()


def _earlier(workspace: Workspace, identity: Identity) -> Mapping[str, StepRecord] | None:
    """How steps ended in this very run before its driver was replaced; None where it begins now."""
    try:
        record = read_run(workspace.objects, identity.run)
    except ObjectMissing:
        return None
    return {step.name: step for step in record.steps if step.state in ("ran", "cached")}
