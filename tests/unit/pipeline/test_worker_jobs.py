"""Steps with workers on a cluster that answers as each test sets it: who is named, what begins again, what is left."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.errors import Refused, SeatrialError, StepFailed
from seatrial.pipeline.jobs.job import job_for
from seatrial.pipeline.places import kubernetes_jobs, worker_job
from seatrial.pipeline.places.kubernetes_jobs import KubernetesJobs
from seatrial.pipeline.places.run_documents import answer_key
from seatrial.pipeline.places.worker_manifest import INDEX
from seatrial.pipeline.project.settings import ClusterChoice, StoreChoice
from seatrial.pipeline.running.step_process import StepKilled
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.documents import to_json
from tests.pipeline_sample import opened_ships

RUN = "20260101T000000-abcdef"
NAME = f"ships-{RUN.lower()}-model"
MODEL = """\
from seatrial import step


@step(workers=2, retries=1)
def model():
    return {"number": 1}
"""

Outcome = Callable[["Cluster", str], None]


class Cluster:
    """A namespace in which the Job of each attempt goes as the next of `outcomes` says."""

    name = "pipelines"

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.jobs: dict[str, Any] = {}
        self.pods: list[Any] = []  # each state that was told of
        self.services: list[Any] = []
        self.deleted: list[str] = []
        self.messages: list[str] = []  # of events that say why no pod is made
        self.refuses_services = False
        self.allowed: set[str] = {"jobs", "pods", "pods/log", "events", "services"}
        self.watches = 0  # that were not waited for yet
        self._opened = threading.Semaphore(0)

    def check(self) -> None:
        self.watches = 2

    def patient(self) -> Cluster:
        return self

    def may(self, _verb: str, _group: str, resource: str) -> bool:
        return resource in self.allowed

    def watch_jobs(self, _selector: str, take: Callable[..., None], ended: threading.Event) -> None:
        self.tell_job = take
        for job in self.jobs.values():
            take("ADDED", job)
        self._opened.release()
        ended.wait(60)

    def watch_pods(self, _selector: str, take: Callable[..., None], ended: threading.Event) -> None:
        self.tell_pod = take
        for pod in self.pods:
            take("ADDED", pod)
        self._opened.release()
        ended.wait(60)

    def create_job(self, text: str) -> str | None:
        for _ in range(self.watches):
            assert self._opened.acquire(timeout=60)
        self.watches = 0
        job = yaml.safe_load(text)
        name = job["metadata"]["name"]
        if name in self.jobs:
            return None
        job["metadata"]["uid"] = f"uid-of-{name}"
        self.jobs[name] = job
        self.tell_job("ADDED", job)
        self.outcomes.pop(0)(self, name)
        return str(job["metadata"]["uid"])

    def job_names(self, _selector: str) -> tuple[str, ...]:
        return tuple(self.jobs)

    def create_service(self, text: str) -> str | None:
        if self.refuses_services:
            raise Refused("the cluster says: no.")
        self.services.append(yaml.safe_load(text))
        return "uid"

    def delete_job(self, name: str, *, pods_first: bool = False) -> None:
        self.deleted.append(name)

    def events(self, _name: str) -> tuple[Any, ...]:
        return tuple({"reason": "FailedCreate", "message": message} for message in self.messages)

    def log(self, pod: str, *, since_s: int | None = None) -> Iterator[bytes]:
        yield f"{pod} printed\n".encode()

    def pod(self, job: str, rank: int, phase: str = "Running", status: int | None = None, **more: Any) -> None:
        """Tells of a pod, as it is now."""
        state = {"running": {}} if status is None else {"terminated": {"exitCode": status}}
        going = {"deletionTimestamp": "2026-01-01T00:00:30Z"} if more.pop("going", False) else {}
        metadata = {
            "name": f"{job[len(NAME) :]}pod-{rank}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"job-name": job},
            "annotations": {INDEX: str(rank)},
            **going,
        }
        told = {"phase": phase, "containerStatuses": [{"state": state}], **more}
        self.pods.append({"metadata": metadata, "status": told})
        self.tell_pod("MODIFIED", self.pods[-1])

    def end(self, job: str, condition: str, reason: str = "BackoffLimitExceeded") -> None:
        """Tells that the Job ended."""
        conditions = [{"type": condition, "status": "True", "reason": reason}]
        self.jobs[job] = {**self.jobs[job], "status": {"conditions": conditions}}
        self.tell_job("MODIFIED", self.jobs[job])


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with opened_ships(
        tmp_path,
        MODEL,
        store=StoreChoice("s3://lake/ships"),
        image="registry.example/steps@sha256:" + "0" * 64,
        catalog="env:CATALOG_URI",
        cluster=ClusterChoice(namespace="pipelines"),
    ) as workspace:
        yield workspace


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(kubernetes_jobs, "Namespace", lambda _name, _context: cluster)
    monkeypatch.setattr(kubernetes_jobs, "AGAIN_S", 0.0)
    monkeypatch.setattr(kubernetes_jobs, "pack_code", lambda *_: "c" * 64)  # the test's store lies within the project
    monkeypatch.setattr(worker_job, "SETTLE_S", 0.0)
    return cluster


class Subject:
    """The place on that cluster."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace, self.log, self.waiting = workspace, folder / "model.log", list[str]()

    def run(self) -> Any:
        graph = load_pipeline(self.workspace.project, sets=(), rehearse=False).graph
        place = KubernetesJobs(RUN, graph, self.workspace, self.log.parent)
        job = job_for(graph["model"], {}, {}, self.workspace)
        try:
            return place.run(job, graph["model"], log=self.log, replace=False, on_waiting=self.waiting.append)
        finally:
            place.end()

    def fails(self) -> SeatrialError:
        with pytest.raises(SeatrialError) as caught:
            self.run()
        return caught.value

    def answer(self, document: object, *, rank: int = 0, attempt: int = 1) -> None:
        key = answer_key(RUN, "model", rank=rank, attempt=attempt)
        self.workspace.objects.put(key, to_json(document))


@pytest.fixture
def subject(workspace: Workspace, cluster: Cluster, tmp_path: Path) -> Subject:
    del cluster
    return Subject(workspace, tmp_path)


def killed(cluster: Cluster, job: str) -> None:
    """Rank 1 is killed; the Job takes rank 0 away."""
    cluster.pod(job, 0)
    cluster.pod(job, 1, "Failed", 137)
    cluster.pod(job, 0, going=True)
    cluster.pod(job, 0, "Failed", 143, going=True)
    cluster.end(job, "Failed")


def deleted(cluster: Cluster, job: str) -> None:
    """Somebody deletes rank 1; the Job takes rank 0 away."""
    cluster.pod(job, 0)
    cluster.pod(job, 1, going=True)
    cluster.pod(job, 0, going=True)
    cluster.pod(job, 0, "Failed", 143, going=True)
    cluster.pod(job, 1, "Failed", 143, going=True)
    cluster.end(job, "Failed")


def drained(cluster: Cluster, job: str) -> None:
    """The cluster takes rank 1 away."""
    conditions = [{"type": "DisruptionTarget", "status": "True", "message": "its node is drained"}]
    cluster.pod(job, 0)
    cluster.pod(job, 1, going=True, conditions=conditions)
    cluster.pod(job, 1, "Failed", 143, going=True, conditions=conditions)
    cluster.end(job, "Failed")


def evicted(cluster: Cluster, job: str) -> None:
    """The node takes rank 1 away for what it uses."""
    conditions = [{"type": "DisruptionTarget", "status": "True", "message": "the node was low on disk"}]
    cluster.pod(job, 0)
    cluster.pod(job, 1, "Failed", reason="Evicted", message="no disk left", conditions=conditions, containerStatuses=[])
    cluster.pod(job, 0, "Failed", 143, going=True)
    cluster.end(job, "Failed")


def test_workers_of_which_one_was_killed_begin_again_in_another_job_as_often_as_the_step_says(
    subject: Subject, cluster: Cluster
) -> None:
    cluster.outcomes = [killed, deleted]
    error = subject.fails()
    assert isinstance(error, StepKilled)
    assert error.problem == "rank 1 of 2: step 'model': somebody deleted its pod."
    assert list(cluster.jobs) == [NAME, f"{NAME}-2"]
    assert [service["metadata"]["ownerReferences"][0]["uid"] for service in cluster.services] == [
        f"uid-of-{NAME}",
        f"uid-of-{NAME}-2",
    ]
    assert subject.waiting == ["its workers begin again: rank 1 of 2: step 'model': its process was killed (SIGKILL)"]
    assert subject.log.read_text().splitlines() == [
        "pod-0 printed",
        "[rank 1] pod-1 printed",
        "-2pod-0 printed",
        "[rank 1] -2pod-1 printed",
    ]


def test_a_worker_that_the_cluster_takes_away_does_not_count(subject: Subject, cluster: Cluster) -> None:
    cluster.outcomes = [drained, drained, drained, killed, killed]
    assert "SIGKILL" in subject.fails().problem
    assert len(cluster.jobs) == 5


def test_a_worker_that_is_evicted_for_what_it_uses_counts(subject: Subject, cluster: Cluster) -> None:
    cluster.outcomes = [evicted, evicted]
    assert subject.fails().problem == "rank 1 of 2: step 'model': its pod was evicted: no disk left."
    assert len(cluster.jobs) == 2


def test_what_a_worker_raises_is_told_by_its_rank_and_not_tried_again(subject: Subject, cluster: Cluster) -> None:
    error = StepFailed("step 'model' raised ValueError: no such ship", path="pipeline.py", line=6).as_document()
    lost = StepFailed("step 'model' raised ConnectionError: rank 1 is gone").as_document()
    subject.answer({"errors": [lost], "failed_at": 2.0})
    subject.answer({"errors": [error], "failed_at": 1.0}, rank=1)
    cluster.outcomes = [killed]
    told = subject.fails()
    assert str(told).startswith("pipeline.py:6: rank 1 of 2: step 'model' raised ValueError: no such ship")
    assert list(cluster.jobs) == [NAME]


def test_a_driver_that_comes_after_finds_the_jobs_of_the_one_before(subject: Subject, cluster: Cluster) -> None:
    cluster.outcomes = [killed, killed]
    first = subject.fails()
    assert subject.fails().problem == first.problem
    assert list(cluster.jobs) == [NAME, f"{NAME}-2"]
    assert cluster.deleted == []


def test_a_driver_that_finds_no_pods_goes_on_where_the_one_before_was(subject: Subject, cluster: Cluster) -> None:
    def done(cluster: Cluster, job: str) -> None:
        cluster.end(job, "Complete")

    cluster.outcomes = [drained, killed, drained, done]
    subject.answer({"key": "f" * 64}, attempt=4)
    first = subject.fails()  # a record of another job
    cluster.pods.clear()
    assert subject.fails().problem == first.problem
    assert len(cluster.jobs) == 4


def test_a_worker_without_room_is_given_up_with_the_reason(
    subject: Subject, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_job, "BEGIN_TOGETHER_S", 0.5)
    unschedulable = [{"type": "PodScheduled", "status": "False", "message": "1 Insufficient nvidia.com/gpu."}]

    def half(cluster: Cluster, job: str) -> None:
        cluster.pod(job, 0)
        cluster.pod(job, 1, "Pending", conditions=unschedulable, containerStatuses=[])

    cluster.outcomes = [half]
    error = subject.fails()
    assert error.problem == (
        "rank 1 of 2: step 'model': its pod has not begun 0 s after another worker's, which waits for it and holds "
        "what it uses: no node takes its pod: 1 Insufficient nvidia.com/gpu."
    )
    assert subject.waiting == ["rank 1 of 2: no node takes its pod: 1 Insufficient nvidia.com/gpu."]
    assert set(cluster.deleted) == {NAME}


def test_time_that_is_over_names_the_worker_that_never_began(subject: Subject, cluster: Cluster) -> None:
    def late(cluster: Cluster, job: str) -> None:
        cluster.jobs[job]["spec"]["activeDeadlineSeconds"] = 60
        cluster.pod(job, 0, "Failed", 143, going=True)
        cluster.end(job, "Failed", "DeadlineExceeded")

    cluster.outcomes = [late]
    assert subject.fails().problem == (
        "rank 1 of 2: step 'model': it waited longer to begin than its timeout_s of 60 s."
    )


def test_without_its_service_a_job_of_workers_is_taken_back(subject: Subject, cluster: Cluster) -> None:
    cluster.refuses_services, cluster.outcomes = True, [lambda _cluster, _job: None]
    assert isinstance(subject.fails(), Refused)
    assert set(cluster.deleted) == {NAME}


def test_the_right_to_make_services_is_asked_for_where_a_step_has_workers(subject: Subject, cluster: Cluster) -> None:
    cluster.allowed.discard("services")
    assert "may not create services in the namespace" in subject.fails().problem
    assert cluster.jobs == {}


def test_rank_0_alone_answers(subject: Subject, cluster: Cluster) -> None:
    def done(cluster: Cluster, job: str) -> None:
        cluster.pod(job, 0, "Succeeded", 0)
        cluster.pod(job, 1, "Succeeded", 0)
        cluster.end(job, "Complete")

    cluster.outcomes = [done]
    subject.answer(None, rank=1)
    record = {"key": "f" * 64}
    subject.answer(record)
    with pytest.raises(SeatrialError) as caught:  # a record of another job: it was rank 0's that was read
        subject.run()
    assert answer_key(RUN, "model") in json.dumps(caught.value.as_document())
