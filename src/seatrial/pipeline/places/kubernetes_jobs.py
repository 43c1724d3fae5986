"""Steps as Jobs of a Kubernetes cluster, one pod each, which read and write the same store as everybody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seatrial.cluster.client import Namespace
from seatrial.cluster.pod_log import follow_log
from seatrial.cluster.pod_words import Waiting, ended_as, gone, has_begun, why_ended, why_waiting
from seatrial.cluster.yaml_text import Manifest, to_yaml
from seatrial.errors import Corrupt, InputError, ObjectMissing, Problems, SeatrialError, StepFailed, TargetError
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.places.code_artifact import pack_code
from seatrial.pipeline.places.job_manifest import REPLACE, Owner, RemoteStep, job_name, render_job, steps_selector
from seatrial.pipeline.places.pod_store import store_variables
from seatrial.pipeline.places.rights import require_rights
from seatrial.pipeline.places.run_documents import answer_key, write_job
from seatrial.pipeline.project.cluster_profile import drives_executors, require_cluster_profile, resources_of
from seatrial.pipeline.project.locations import is_file_address, is_remote
from seatrial.pipeline.project.settings import ProfileSettings
from seatrial.pipeline.running.step_process import read_errors
from seatrial.pipeline.steps.declaration import Files, LocalModel, RowsAt, Step
from seatrial.pipeline.steps.graph import Graph
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.documents import from_json

PATIENCE_S = 60.0  # with what waiting does not mend: a Secret that is made a moment later, a pull that is tried again
LOOK_S = 5.0  # how often the events of a Job without a pod are read: they are no part of a watch


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
        check_workers(graph, profile, workspace.project.path)
        self._run, self._workspace, self._owner = run, workspace, owner
        self._settings, self._image = profile.cluster, profile.image
        namespace = Namespace(profile.cluster.namespace, profile.cluster.context)
        namespace.check()
        require_rights(namespace)
        self._namespace = namespace.patient()  # hours of work do not end with a request that was lost
        self._variables = store_variables(profile.store, workspace.project.directory)
        self.code: str | None = pack_code(workspace.project, workspace.objects)
        self._ended = threading.Event()
        self._changed = threading.Condition()
        self._jobs: dict[str, Mapping[str, Any]] = {}
        self._pods: dict[str, dict[str, Mapping[str, Any]]] = {}  # by the Job's name and their own
        self._deleted: set[str] = set()  # Jobs
        self._lost: SeatrialError | None = None
        self._unfinished: set[str] = set()
        self._watches = [
            threading.Thread(target=self._watch, args=(watch, take), daemon=True)
            for watch, take in (
                (self._namespace.watch_jobs, self._take_job),
                (self._namespace.watch_pods, self._take_pod),
            )
        ]
        for watch in self._watches:
            watch.start()

    def run(self, job: Job, step: Step, *, log: Path, replace: bool, on_waiting: Callable[[str], None]) -> CacheRecord:
        """See `Place`."""
        code = self.code or ""
        resources = resources_of(step, self._workspace.profile)
        remote = RemoteStep(
            project=self._workspace.project.name,
            run=self._run,
            step=step.name,
            profile=self._workspace.profile_name,
            image=self._image,
            code=code,
            job=write_job(self._workspace.objects, self._run, job),
            variables=self._variables,
            replace=replace,
            drives_executors=drives_executors(step, self._workspace.profile),
            owner=self._owner,
        )
        name = job_name(remote.project, remote.run, remote.step)
        with self._changed:
            if self._ended.is_set():
                raise StepFailed("the run is ending.")
            self._unfinished.add(name)
        self._create(name, render_job(remote, self._settings, resources))
        self._follow(name, step, log, on_waiting)
        with self._changed:
            self._unfinished.discard(name)
            ended, pod = self._jobs[name], self._last_pod(name)
        return self._answer(job, step, remote.run, ended, pod, log, memory=resources.memory)

    def end(self) -> None:
        """See `Place`. Jobs that ended stay for their time to live: their pods can still be looked at."""
        with self._changed:
            self._ended.set()
            unfinished = tuple(self._unfinished)
            self._changed.notify_all()
        for name in unfinished:
            self._namespace.delete_job(name)

    def _create(self, name: str, manifest: Manifest) -> None:
        """Makes the Job, or goes on with the one that this run's driver made before it was killed.

        One that was made for other inputs is ended first: two pods of one step would write one answer.
        """
        text = to_yaml(manifest)
        last = time.monotonic() + PATIENCE_S
        while self._namespace.create_job(text) is None:
            with self._changed:
                job = self._jobs.get(name)
                if job is None:  # the watch is about to tell of it
                    self._changed.wait(1.0)
                elif _arguments(job) == _arguments(manifest):
                    return
            if job is not None:
                self._namespace.delete_job(name, pods_first=True)
                with self._changed:
                    self._changed.wait_for(lambda: name in self._deleted, PATIENCE_S)
                    for by_name in (self._jobs, self._pods):
                        by_name.pop(name, None)
            if time.monotonic() > last:
                raise TargetError(
                    f"the Job {name} of an earlier driver does not go away.", hint=f"kubectl delete job {name}"
                )

    def _follow(self, name: str, step: Step, log: Path, on_waiting: Callable[[str], None]) -> None:
        """Waits for the Job's end; writes what its pods print to `log`, one after the other."""
        began, looked = time.monotonic(), 0.0
        stuck_since: float | None = None
        followed: set[str] = set()
        last_problem = ""
        while not self._is_over(name):
            if (pod := self._new_pod(name, followed)) is not None:
                followed.add(pod)
                self._copy_log(name, pod, log)
                stuck_since = None
                continue
            with self._changed:
                self._changed.wait(1.0)
                if self._lost is not None:
                    raise self._lost
                if self._ended.is_set():
                    raise StepFailed("the run is ending.")
                waits = self._waiting_pod(name)
            events: tuple[Mapping[str, Any], ...] = ()
            if waits is None and time.monotonic() - max(began, looked) > LOOK_S:
                looked = time.monotonic()
                events = self._namespace.events(name)
            waiting = why_waiting(waits, events)
            if waiting is not None and waiting.problem != last_problem:
                last_problem = waiting.problem
                on_waiting(last_problem)
            if waiting is None or not waiting.lasting:
                stuck_since = None if waiting is not None else stuck_since
                continue
            stuck_since = stuck_since or time.monotonic()
            if time.monotonic() - stuck_since > PATIENCE_S:
                self._namespace.delete_job(name)
                raise _stuck(step, waiting)
        if (pod := self._new_pod(name, followed)) is not None:
            self._copy_log(name, pod, log)

    def _copy_log(self, name: str, pod: str, log: Path) -> None:
        try:
            with log.open("ab") as file:
                for part in follow_log(self._namespace, pod, lambda: self._goes_on(name, pod)):
                    file.write(part)
                    file.flush()
        except SeatrialError as error:  # a pod that was taken away takes its log along
            with log.open("a", encoding="utf-8") as file:
                file.write(f"seatrial: the log of pod {pod} ended here: {error.problem}\n")

    def _goes_on(self, name: str, pod: str) -> bool:
        """Whether the pod, as far as the watch knows, still runs, and somebody still waits for it."""
        with self._changed:
            document = self._pods.get(name, {}).get(pod, {})
            running = document.get("status", {}).get("phase") == "Running"
            return running and not self._ended.is_set() and self._lost is None and name not in self._deleted

    def _answer(
        self,
        job: Job,
        step: Step,
        run: str,
        ended: Mapping[str, Any],
        pod: Mapping[str, Any] | None,
        log: Path,
        *,
        memory: str,
    ) -> CacheRecord:
        key = answer_key(run, step.name)
        try:
            answer = self._workspace.objects.get(key).data
        except ObjectMissing:
            answer = b""
        if ended_as(ended) == "Complete" and answer:
            record = from_json(CacheRecord, answer, path=key)
            if record.key != job.key:
                raise Corrupt(f"the record must have the key {job.key}, got {record.key}.", path=key, hint="Run again.")
            return record
        if errors := read_errors(answer, otherwise=f"Its log: {log}"):
            raise errors[0] if len(errors) == 1 else Problems(errors)
        problem, hint = why_ended(pod, ended, memory=memory)
        raise StepFailed(f"step {step.name!r}: {problem}.", path=str(log), hint=hint)

    def _is_over(self, name: str) -> bool:
        with self._changed:
            return ended_as(self._jobs.get(name, {})) is not None

    def _new_pod(self, name: str, followed: set[str]) -> str | None:
        """A pod of the Job whose container has begun, and which nobody follows yet."""
        with self._changed:
            for pod, document in sorted(self._pods.get(name, {}).items(), key=_made):
                if pod not in followed and has_begun(document):
                    return pod
        return None

    def _last_pod(self, name: str) -> Mapping[str, Any] | None:
        pods = sorted(self._pods.get(name, {}).items(), key=_made)
        return pods[-1][1] if pods else None

    def _waiting_pod(self, name: str) -> Mapping[str, Any] | None:
        """The last pod, unless it has failed: then the Job makes another, and its events say why that does not come."""
        pod = self._last_pod(name)
        return None if pod is None or pod.get("status", {}).get("phase") == "Failed" else pod

    def _watch(self, watch: Any, take: Any) -> None:
        lost: SeatrialError | None = None
        try:
            watch(steps_selector(self._workspace.project.name, self._run), take, self._ended)
        except SeatrialError as error:
            lost = error
        except Exception as error:  # noqa: BLE001  # a thread that ends unheard leaves the run waiting for ever
            lost = TargetError(f"the watch of the cluster ended: {type(error).__name__}: {error}.", hint="Run again.")
        if lost is not None:
            with self._changed:
                self._lost = lost
                self._changed.notify_all()

    def _take_job(self, change: str, document: Mapping[str, Any]) -> None:
        name = document["metadata"]["name"]
        with self._changed:
            if change == "DELETED":
                self._deleted.add(name)
            self._jobs[name] = gone(document) if change == "DELETED" else document
            self._changed.notify_all()

    def _take_pod(self, change: str, document: Mapping[str, Any]) -> None:
        name = document["metadata"]["labels"].get("job-name", "")
        if change == "DELETED" and document.get("status", {}).get("phase") != "Succeeded":
            document = {**document, "status": {**document.get("status", {}), "phase": "Failed"}}
        with self._changed:
            self._pods.setdefault(name, {})[document["metadata"]["name"]] = document
            self._changed.notify_all()


def _arguments(job: Any) -> Any:
    """What the Job's container is called with: the code, the pinned job and all else that it reads.

    Not whether a cache record is to be replaced: where the step has ended since, there is nothing left to replace.
    """
    return [word for word in job["spec"]["template"]["spec"]["containers"][0]["args"] if word != REPLACE]


def _made(pod: tuple[str, Mapping[str, Any]]) -> str:
    when: str = pod[1]["metadata"]["creationTimestamp"]
    return when


def _stuck(step: Step, waiting: Waiting) -> StepFailed:
    return StepFailed(f"step {step.name!r} cannot begin: {waiting.problem}.", hint=waiting.hint)


def check_workers(graph: Graph, profile: ProfileSettings, path: str) -> None:
    """Raises for a step with several workers: here a step has one pod."""
    for step in graph.values():
        if (workers := resources_of(step, profile).workers) > 1:
            raise InputError(
                f"step {step.name!r} has {workers} workers, and a step has one pod on a cluster so far.",
                path=path,
                hint=f"Write {step.name} = {{ workers = 1 }} in [profile.X.steps], or run it on a laptop.",
            )


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
