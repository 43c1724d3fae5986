"""Following a run that another machine or a cluster drives: by its record in the store, and by its pods' logs.

The follower only reads. Any number of them may come and go; the run does not know of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from seatrial.cluster.client import Namespace
from seatrial.cluster.dns_names import dns_label
from seatrial.cluster.pod_log import follow_log
from seatrial.cluster.pod_words import Waiting, ended_as, gone, has_begun, why_ended, why_waiting
from seatrial.errors import Corrupt, ObjectMissing, SeatrialError, StepFailed, StoreError
from seatrial.pipeline.driver.driver_manifest import CONTAINER
from seatrial.pipeline.driver.stop import stop_run
from seatrial.pipeline.places.job_manifest import PROJECT_LABEL, STEP_LABEL, steps_selector
from seatrial.pipeline.places.run_documents import log_key
from seatrial.pipeline.places.waiting_step import LOOK_S, PATIENCE_S
from seatrial.pipeline.places.worker_manifest import pod_rank
from seatrial.pipeline.running.finished_run import finished_run
from seatrial.pipeline.running.run_pipeline import FinishedRun, Progress
from seatrial.pipeline.running.run_records import RunRecord, StepRecord, read_run
from seatrial.pipeline.workspace import Workspace

READ_EVERY_S = 1.0  # the record: one object of the store
SILENT_S = 120.0  # of the store, after which following ends; the run does not
OPENS_S = 0.5  # for a watch to open, or to fail
SETTLES_S = 5.0  # between the end of a driver's Job and the record that its pod wrote before

Document = Mapping[str, Any]


def follow_run(record: RunRecord, workspace: Workspace, progress: Progress) -> FinishedRun:
    """Shows the run until it ends, and returns how. `StepFailed` where its driver ended and left it unfinished."""
    with _orchestrator(record, workspace) as orchestrator:
        follower = _Follower(record, workspace, progress, orchestrator)
        try:
            return follower.follow()
        finally:
            follower.end()


class Orchestrator(Protocol):
    """What drives a run in place of a driver of Seatrial's own."""

    def look(self, record: RunRecord, on_waiting: Callable[[str, str], None]) -> None:
        """Tells why tasks wait, by the step, and writes beside the record what no task could write itself."""
        ...


@contextmanager
def _orchestrator(record: RunRecord, workspace: Workspace) -> Iterator[Orchestrator | None]:
    if record.ending != "running" or record.origin is None or record.origin.kubeflow is None:
        yield None
        return
    from seatrial.pipeline.kubeflow.runs import watch_run

    with watch_run(record, workspace) as watch:
        yield watch


class _Follower:
    """Owns the watches of the run's pods and of its driver; their threads end with the process at the latest."""

    def __init__(
        self, record: RunRecord, workspace: Workspace, progress: Progress, orchestrator: Orchestrator | None
    ) -> None:
        self._run, self._workspace, self._progress = record.run, workspace, progress
        self._orchestrator = orchestrator
        self._origin = record.origin
        self._logs = workspace.state / "runs" / record.run
        self._logs.mkdir(parents=True, exist_ok=True)
        self._started: set[str] = set()
        self._ended: set[str] = set()
        self._waits: dict[str, str] = {}
        self._over = threading.Event()
        self._changed = threading.Condition()
        self._job: Document | None = None  # the driver's
        self._driver_pods: dict[str, Document] = {}
        self._copied: dict[str, Path] = {}  # pods of steps whose logs are copied
        self._began = time.monotonic()
        self._looked = 0.0
        self._stuck_since: float | None = None
        self._watches: list[threading.Thread] = []
        self._namespace: Namespace | None = None
        cluster = workspace.profile.cluster
        if cluster is not None and self._origin is not None and self._origin.namespace is not None:
            self._namespace = Namespace(self._origin.namespace, cluster.context)

    def follow(self) -> FinishedRun:
        if self._origin is not None and self._namespace is not None:
            self._progress.started(CONTAINER, f"Job {self._origin.driver} of {self._origin.namespace}", None)
            if self._read().ending == "running":
                self._watch(self._namespace)
        while True:
            record = self._read()
            self._show(record)
            if record.ending != "running":
                return finished_run(record, self._workspace.objects)
            if self._orchestrator is not None:
                self._orchestrator.look(record, self._tell)
            self._check_driver()
            with self._changed:
                self._changed.wait(READ_EVERY_S)

    def end(self) -> None:
        with self._changed:
            self._over.set()
        # A watch that is opening is within compiled code of pydantic's, in which the end of the interpreter aborts.
        for watch in self._watches:
            watch.join(OPENS_S)

    def _read(self) -> RunRecord:
        """The record now; a store that does not answer for a while is waited for."""
        last = time.monotonic() + SILENT_S
        while True:
            try:
                return read_run(self._workspace.objects, self._run)
            except (ObjectMissing, Corrupt):
                raise
            except StoreError:
                if time.monotonic() > last:
                    raise
                time.sleep(READ_EVERY_S)

    def _show(self, record: RunRecord) -> None:
        for step in record.steps:
            if step.name not in self._ended:
                self._ended.add(step.name)
                self._take_log(step)
                self._progress.ended(step)
        for running in record.running:
            if running.name not in self._started | self._ended:
                self._started.add(running.name)
                self._progress.started(running.name, running.reason, self._log(running.name))
            if running.waits is not None:
                self._tell(running.name, running.waits)

    def _tell(self, step: str, problem: str) -> None:
        if self._waits.get(step) != problem:
            self._waits[step] = problem
            self._progress.waiting(step, problem)

    def _take_log(self, step: StepRecord) -> None:
        """The whole log in place of what was copied of it."""
        if step.state in ("ran", "failed"):
            try:
                self._log(step.name).write_bytes(self._workspace.objects.get(log_key(self._run, step.name)).data)
            except StoreError:  # it printed nothing, or its log could not be kept
                return

    def _log(self, step: str) -> Path:
        return self._logs / f"{step}.log"

    def _check_driver(self) -> None:
        """Tells why the driver has not begun; raises where it ended, or will never begin."""
        if self._namespace is None or self._origin is None:
            return
        now = time.monotonic()
        with self._changed:
            job, pods = self._job, sorted(self._driver_pods.values(), key=_made)
        if job is None:
            self._check_there(now)
            return
        pod = pods[-1] if pods else None
        if ended_as(job) is not None:
            time.sleep(SETTLES_S)
            if read_run(self._workspace.objects, self._run).ending == "running":
                raise self._unfinished(*why_ended(pod, job, memory=self._memory()))
            return
        events: tuple[Document, ...] = ()
        if pod is None and now - max(self._began, self._looked) > LOOK_S:
            self._looked = now
            events = self._namespace.events(self._origin.driver)
        waiting = why_waiting(pod, events)
        if waiting is not None:
            self._tell_waiting(waiting, now, begun=any(has_begun(driver_pod) for driver_pod in pods))
        elif pod is not None:
            self._stuck_since = None

    def _check_there(self, now: float) -> None:
        """Raises where the watch has told of no Job for a while, and there is none; or what keeps from asking."""
        assert self._namespace is not None and self._origin is not None  # noqa: S101 PT018
        if now - max(self._began, self._looked) <= PATIENCE_S:
            return
        self._looked = now
        if self._origin.driver not in self._namespace.job_names(f"{PROJECT_LABEL}={self._workspace.project.name}"):
            raise self._unfinished("the cluster has no such Job", "It may have been deleted.")

    def _tell_waiting(self, waiting: Waiting, now: float, *, begun: bool) -> None:
        """Ends a run whose driver will never begin. One that has begun has steps that go on: those are left alone."""
        self._tell(CONTAINER, waiting.problem)
        if not waiting.lasting or begun:
            return
        self._stuck_since = self._stuck_since or now
        if now - self._stuck_since > PATIENCE_S:
            stop_run(read_run(self._workspace.objects, self._run), self._workspace)
            raise StepFailed(f"the driver cannot begin: {waiting.problem}.", path=self._run, hint=waiting.hint)

    def _unfinished(self, why: str, hint: str) -> StepFailed:
        driver = "" if self._origin is None else self._origin.driver
        return StepFailed(f"the run's driver {driver} is gone: {why}.", path=self._run, hint=hint)

    def _memory(self) -> str:
        cluster = self._workspace.profile.cluster
        return "" if cluster is None else cluster.driver_memory

    def _watch(self, namespace: Namespace) -> None:
        origin = self._origin
        assert origin is not None  # noqa: S101
        steps = steps_selector(self._workspace.project.name, self._run)
        for watch, subject, take in (
            (namespace.watch_job, origin.driver, self._take_job),
            (namespace.watch_pods, f"job-name={origin.driver}", self._take_driver_pod),
            (namespace.watch_pods, steps, self._take_step_pod),
        ):
            thread = threading.Thread(target=self._follow_by, args=(watch, subject, take), daemon=True)
            self._watches.append(thread)
            thread.start()

    def _follow_by(self, watch: Any, subject: str, take: Any) -> None:
        with suppress(SeatrialError):  # the record tells how the run goes, without a cluster that answers
            watch(subject, take, self._over)

    def _take_job(self, change: str, document: Document) -> None:
        with self._changed:
            self._job = gone(document) if change == "DELETED" else document
            self._changed.notify_all()

    def _take_driver_pod(self, change: str, document: Document) -> None:  # noqa: ARG002 — the last state counts
        with self._changed:
            name = document["metadata"]["name"]
            if self._driver_pods and name not in self._driver_pods:
                self._progress.waiting(CONTAINER, "its pod was lost, and another goes on from what is finished")
            self._driver_pods[name] = document
            self._changed.notify_all()

    def _take_step_pod(self, change: str, document: Document) -> None:  # noqa: ARG002 — the last state counts
        name, label = document["metadata"]["name"], document["metadata"]["labels"].get(STEP_LABEL)
        of_step = "job-name" in document["metadata"]["labels"]  # and not of its executors
        if label is None or not of_step or name in self._copied or not has_begun(document):
            return
        if pod_rank(document) > 0:  # what other workers print is in the whole log, once the step ended
            return
        names = {dns_label(step): step for step in self._started}
        log = self._log(names.get(label, label))
        first = log not in self._copied.values()
        self._copied[name] = log
        threading.Thread(target=self._copy_log, args=(name, log), kwargs={"anew": first}, daemon=True).start()

    def _copy_log(self, pod: str, log: Path, *, anew: bool) -> None:
        assert self._namespace is not None  # noqa: S101

        def goes_on() -> bool:
            return log.stem not in self._ended and not self._over.is_set()

        try:
            with log.open("wb" if anew else "ab") as file:
                for part in follow_log(self._namespace, pod, goes_on):
                    if not goes_on():
                        return
                    file.write(part)
                    file.flush()
        except SeatrialError:  # the whole log is in the store once the step ended
            return


def _made(pod: Document) -> str:
    when: str = pod["metadata"]["creationTimestamp"]
    return when
