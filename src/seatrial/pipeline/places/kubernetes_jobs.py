"""Steps as Jobs of a Kubernetes cluster, a pod for each worker, which read and write the store that all others do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from seatrial.cluster.client import Namespace
from seatrial.cluster.pod_words import ended_as, has_begun, why_ended
from seatrial.cluster.yaml_text import Manifest, to_yaml
from seatrial.errors import Corrupt, InputError, ObjectMissing, Problems, SeatrialError, StepFailed, TargetError
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.places.code_artifact import pack_code
from seatrial.pipeline.places.job_log import copy_log
from seatrial.pipeline.places.job_manifest import REPLACE, Owner, RemoteStep, job_name, render_job, steps_selector
from seatrial.pipeline.places.job_watch import JobWatch
from seatrial.pipeline.places.pod_store import store_variables
from seatrial.pipeline.places.rights import driver_rights, require_rights
from seatrial.pipeline.places.run_documents import answer_key, write_job
from seatrial.pipeline.places.waiting_step import PATIENCE_S, WaitingStep
from seatrial.pipeline.places.worker_job import WorkerJob, WorkerTakenAway, failure_of, follow_workers
from seatrial.pipeline.places.worker_manifest import has_workers, render_rendezvous
from seatrial.pipeline.project.cluster_profile import (
    any_workers,
    drives_executors,
    require_cluster_profile,
    resources_of,
)
from seatrial.pipeline.project.locations import is_file_address, is_remote
from seatrial.pipeline.running.step_process import StepKilled, read_errors
from seatrial.pipeline.steps.declaration import Files, LocalModel, Resources, RowsAt, Step
from seatrial.pipeline.steps.graph import Graph
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.documents import from_json

AGAIN_S = 10.0  # before workers begin again: what a Job waits before its second pod


class KubernetesJobs:
    """Makes a Job a step, watches all of them by one watch, and ends what still runs."""

    def __init__(
        self,
        run: str,
        graph: Graph,
        workspace: Workspace,
        logs: Path,  # noqa: ARG002 — see OpenPlace
        *,
        owner: Owner | None = None,
    ) -> None:
        profile = workspace.profile
        require_cluster_profile(workspace.profile_name, profile, path=workspace.project.path, runs=True)
        assert profile.cluster is not None and profile.image is not None and profile.store is not None  # noqa: S101 PT018
        check_inputs(graph)
        self._run, self._workspace, self._owner = run, workspace, owner
        self._settings, self._image = profile.cluster, profile.image
        namespace = Namespace(profile.cluster.namespace, profile.cluster.context)
        namespace.check()
        require_rights(namespace, driver_rights(workers=any_workers(graph.values(), profile)))
        self._namespace = namespace.patient()  # hours of work do not end with a request that was lost
        self._variables = store_variables(profile.store, workspace.project.directory)
        self.code: str | None = pack_code(workspace.project, workspace.objects)
        self._watch = JobWatch(self._namespace, steps_selector(workspace.project.name, run))
        self._lock = threading.Lock()
        self._unfinished: set[str] = set()  # Jobs

    def run(self, job: Job, step: Step, *, log: Path, replace: bool, on_waiting: Callable[[str], None]) -> CacheRecord:
        """See `Place`."""
        resources = resources_of(step, self._workspace.profile)
        remote = RemoteStep(
            project=self._workspace.project.name,
            run=self._run,
            step=step.name,
            profile=self._workspace.profile_name,
            image=self._image,
            code=self.code or "",
            job=write_job(self._workspace.objects, self._run, job),
            variables=self._variables,
            replace=replace,
            drives_executors=drives_executors(step, self._workspace.profile),
            owner=self._owner,
        )
        if resources.workers == 1:
            return self._run_pod(job, remote, resources, log, on_waiting)
        counted = 0
        while True:
            again = changed(remote, attempt=remote.attempt + 1)
            try:
                return self._run_workers(job, remote, resources, log, on_waiting)
            except StepKilled as error:
                counts = not isinstance(error, WorkerTakenAway)
                if counted + counts > resources.retries:
                    if not self._is_made(again):
                        raise
                    counts = False  # the driver before this one saw the pods, of which nothing is left
                counted += counts
                on_waiting(f"its workers begin again: {error.problem.rstrip('.')}")
            self._watch.pause(AGAIN_S * 2 ** min(remote.attempt - 1, 5))
            remote = again

    def end(self) -> None:
        """See `Place`. Jobs that ended stay for their time to live: their pods can still be looked at."""
        self._watch.end()
        with self._lock:
            unfinished = tuple(self._unfinished)
        for name in unfinished:
            self._namespace.delete_job(name)

    def _run_pod(
        self, job: Job, remote: RemoteStep, resources: Resources, log: Path, on_waiting: Callable[[str], None]
    ) -> CacheRecord:
        manifest = render_job(remote, self._settings, resources)
        name = self._begin(remote, manifest)
        self._follow(name, remote.step, log, on_waiting)
        ended = self._ended(name)
        answer = self._answer(remote)
        if ended_as(ended) == "Complete" and answer:
            return _record(answer, job, path=answer_key(remote.run, remote.step))
        if errors := read_errors(answer, otherwise=f"Its log: {log}"):
            raise errors[0] if len(errors) == 1 else Problems(errors)
        pods = self._watch.pods(name)
        problem, hint = why_ended(pods[-1] if pods else None, ended, memory=resources.memory)
        raise StepFailed(f"step {remote.step!r}: {problem}.", path=str(log), hint=hint)

    def _run_workers(
        self, job: Job, remote: RemoteStep, resources: Resources, log: Path, on_waiting: Callable[[str], None]
    ) -> CacheRecord:
        manifest = render_job(remote, self._settings, resources)
        name = self._begin(remote, manifest)
        workers = WorkerJob(
            name, remote.step, remote.run, remote.attempt, resources.workers, memory=resources.memory, log=log
        )
        follow_workers(workers, self._namespace, self._watch, on_waiting)
        ended = self._ended(name)
        answer = self._answer(remote)
        if ended_as(ended) == "Complete" and answer:
            return _record(answer, job, path=answer_key(remote.run, remote.step, attempt=remote.attempt))
        raise failure_of(workers, ended, self._watch, self._workspace.objects)

    def _is_made(self, remote: RemoteStep) -> bool:
        name = job_name(remote.project, remote.run, remote.step, attempt=remote.attempt)
        return name in self._namespace.job_names(steps_selector(remote.project, remote.run))

    def _begin(self, remote: RemoteStep, manifest: Manifest) -> str:
        """Makes what the step needs, and returns the name of its Job."""
        name = job_name(remote.project, remote.run, remote.step, attempt=remote.attempt)
        with self._lock:
            self._watch.check()
            self._unfinished.add(name)
        self._create(name, manifest)
        return name

    def _ended(self, name: str) -> Mapping[str, Any]:
        with self._lock:
            self._unfinished.discard(name)
        return self._watch.job(name) or {}

    def _answer(self, remote: RemoteStep) -> bytes:
        try:
            return self._workspace.objects.get(answer_key(remote.run, remote.step, attempt=remote.attempt)).data
        except ObjectMissing:
            return b""

    def _create(self, name: str, manifest: Manifest) -> None:
        """Makes the Job, or goes on with the one that this run's driver made before it was killed.

        One that was made for other inputs is ended first: two pods of one step would write one answer. The Service by
        which workers meet belongs to the Job, and is made after it.
        """
        text = to_yaml(manifest)
        replaces = False
        last = time.monotonic() + PATIENCE_S
        while (uid := self._namespace.create_job(text)) is None:
            job = self._watch.job(name)
            if job is None:  # the watch is about to tell of it
                self._watch.wait(1.0)
            elif _arguments(job) == _arguments(manifest):
                uid = job["metadata"]["uid"]
                break
            else:
                self._namespace.delete_job(name, pods_first=True)
                self._watch.wait_until_deleted(name, PATIENCE_S)
                replaces = True
            if time.monotonic() > last:
                raise TargetError(
                    f"the Job {name} of an earlier driver does not go away.", hint=f"kubectl delete job {name}"
                )
        try:
            self._watch.check()  # the run may have ended before there was a Job to delete
            if has_workers(manifest):
                self._create_service(to_yaml(render_rendezvous(manifest, str(uid))), PATIENCE_S if replaces else 0.0)
        except SeatrialError:
            self._namespace.delete_job(name)
            raise

    def _create_service(self, text: str, patience_s: float) -> None:
        """Makes the Service, unless it is there; that of a Job that was just deleted goes a moment after it."""
        last = time.monotonic() + patience_s
        while self._namespace.create_service(text) is None and time.monotonic() < last:
            self._watch.wait(1.0)

    def _follow(self, name: str, step: str, log: Path, on_waiting: Callable[[str], None]) -> None:
        """Waits for the Job's end; writes what its pods print to `log`, one after the other."""
        waiting = WaitingStep(self._namespace, name, step, on_waiting)
        followed: set[str] = set()
        while not self._watch.is_over(name):
            if (pod := self._new_pod(name, followed)) is not None:
                copy_log(self._namespace, self._watch, name, pod, log)
                waiting.begins()
                continue
            self._watch.wait(1.0)
            waiting.look(self._waiting_pod(name))
        if (pod := self._new_pod(name, followed)) is not None:
            copy_log(self._namespace, self._watch, name, pod, log)

    def _new_pod(self, name: str, followed: set[str]) -> str | None:
        """A pod of the Job whose container has begun, and which nobody follows yet; from now on it is followed."""
        for pod in self._watch.pods(name):
            pod_name: str = pod["metadata"]["name"]
            if pod_name not in followed and has_begun(pod):
                followed.add(pod_name)
                return pod_name
        return None

    def _waiting_pod(self, name: str) -> Mapping[str, Any] | None:
        """The last pod, unless it has failed: then the Job makes another, and its events say why that does not come."""
        pods = self._watch.pods(name)
        return None if not pods or pods[-1].get("status", {}).get("phase") == "Failed" else pods[-1]


def _record(answer: bytes, job: Job, *, path: str) -> CacheRecord:
    record = from_json(CacheRecord, answer, path=path)
    if record.key != job.key:
        raise Corrupt(f"the record must have the key {job.key}, got {record.key}.", path=path, hint="Run again.")
    return record


def _arguments(job: Any) -> Any:
    """What the Job's container is called with: the code, the pinned job and all else that it reads.

    Not whether a cache record is to be replaced: where the step has ended since, there is nothing left to replace.
    """
    return [word for word in job["spec"]["template"]["spec"]["containers"][0]["args"] if word != REPLACE]


def check_inputs(graph: Graph) -> None:
    """Raises for each input that lies on this machine: a pod does not see it."""
    problems: list[SeatrialError] = []
    for step in graph.values():
        for source in step.inputs.values():
            match source:
                case LocalModel(place) | RowsAt(place) if not is_remote(place):
                    path = place
                case Files(pattern) if is_file_address(pattern):
                    path = pattern
                case _:
                    continue
            problems.append(
                InputError(
                    f"step {step.name!r} reads a file of this machine, and its pod reads the store alone.",
                    path=path,
                    hint="Put it there: seatrial put FILE raw/ --profile …; and name it as the store does.",
                )
            )
    if problems:
        raise Problems(problems)
