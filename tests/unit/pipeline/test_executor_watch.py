"""Executors that wait, die and vanish, as a cluster tells it, and what becomes of the step."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.cluster.yaml_text import Manifest
from seatrial.errors import Refused, StepFailed
from seatrial.pipeline.places.executor_watch import LONGEST_WAIT_S, NO_POD_S, PATIENCE_S, ExecutorWatch, Limits
from seatrial.prepare.failure import OUT_OF_MEMORY

NO_ROOM = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "1 Insufficient cpu."}]}
NO_IMAGE = {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}]}
QUOTA = 'the cluster says: pods "x" is forbidden: exceeded quota: small.'


def pod(name: str, phase: str, **status: Any) -> dict[str, Any]:
    ended = {"spark-exec-inactive": "true"} if phase in ("Failed", "Succeeded") else {}
    return {"metadata": {"name": name, "labels": ended}, "status": {"phase": phase, **status}}


def dead(name: str, code: int, reason: str = "Error") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason}}
    return pod(name, "Failed", containerStatuses=[{"state": state}])


class Cluster:
    """Has the pods that it is given, and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.there: list[dict[str, Any]] = []
        self.removed: list[str] = []
        self.refusal: str | None = None
        self.failures = 0

    def pods(self, selector: str) -> tuple[dict[str, Any], ...]:
        assert selector == "seatrial/driver=driver"
        return tuple(self.there)

    def log_end(self, pod: str, lines: int) -> str:
        return f"the last of {lines} lines of {pod}"

    def delete_pod(self, pod: str) -> None:
        self.removed.append(pod)
        self.there = [one for one in self.there if one["metadata"]["name"] != pod]

    def check_pod(self, manifest: Manifest) -> None:
        assert manifest == {"kind": "Pod"}
        if self.refusal is not None:
            raise Refused(self.refusal)

    def failed(self) -> None:
        self.failures += 1


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def watch(cluster: Cluster) -> ExecutorWatch:
    return ExecutorWatch(
        cluster,
        {"kind": "Pod"},
        driver="driver",
        limits=Limits("1Gi", deaths=3, replaced=False),
        on_failure=cluster.failed,
        clock=lambda: cluster.now,
    )


def passes(watch: ExecutorWatch, cluster: Cluster, seconds: float) -> None:
    """Looks now, and again after so long."""
    watch.look()
    cluster.now += seconds
    watch.look()


def test_a_dead_executor_is_told_with_its_log_and_removed(
    watch: ExecutorWatch, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.there = [pod("a", "Running"), dead("b", 137, "OOMKilled")]
    watch.look()
    told = capsys.readouterr().err
    assert "seatrial: executor b ended: it needed more memory than its limit of 1Gi\n" in told
    assert "  the last of 100 lines of b\n" in told
    assert cluster.removed == ["b"]
    assert cluster.failures == 0


def test_a_dead_executor_that_spark_has_not_seen_yet_stays_and_counts_once(
    watch: ExecutorWatch, cluster: Cluster
) -> None:
    cluster.there = [{**dead("a", 1), "metadata": {"name": "a"}}]
    for _ in range(5):
        watch.look()
    assert cluster.removed == []
    assert cluster.failures == 0


def test_the_step_fails_with_what_its_executors_died_of(watch: ExecutorWatch, cluster: Cluster) -> None:
    for name in "abc":
        cluster.there = [dead(name, 137, "OOMKilled")]
        watch.look()
    assert cluster.failures == 1
    error = watch.explain(StepFailed("ConnectionRefusedError: of a JVM that is gone"), "features")
    assert error.problem == (
        "step 'features': 3 of its executors ended too early, the last one because it needed more memory than its "
        "limit of 1Gi."
    )
    assert "executor_memory" in str(error.hint)


def test_a_task_that_failed_with_its_executor_is_told_by_the_executors_words(
    watch: ExecutorWatch, cluster: Cluster
) -> None:
    cluster.there = [dead("a", 1)]
    error = watch.explain(StepFailed("SparkException: … ExecutorLostFailure (executor 1 exited …)"), "features")
    assert (
        error.problem
        == "step 'features': 1 of its executors ended too early, the last one because it ended with status 1."
    )


def test_a_killed_worker_is_told_with_what_helps(watch: ExecutorWatch) -> None:
    error = watch.explain(StepFailed(f"step 'features': {OUT_OF_MEMORY}", path="words.py", line=3), "features")
    assert (error.path, error.line) == ("words.py", 3)
    assert "executor_memory" in str(error.hint)


def test_an_error_of_the_steps_own_stays_what_it_is(watch: ExecutorWatch, cluster: Cluster) -> None:
    cluster.there = [dead("a", 1), pod("b", "Running")]
    error = StepFailed("step 'features': ValueError: no such word")
    assert watch.explain(error, "features") is error


def test_a_pod_that_somebody_deleted_counts_and_one_that_ended_well_does_not(
    watch: ExecutorWatch, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.there = [pod("a", "Running"), pod("b", "Running")]
    watch.look()
    cluster.there = [pod("b", "Succeeded")]
    watch.look()
    told = capsys.readouterr().err
    assert told == "seatrial: executor a ended: somebody deleted its pod\n"
    assert cluster.removed == ["b"]


def test_a_pod_that_ends_since_it_was_deleted_is_told_as_such(
    watch: ExecutorWatch, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    deleted = dead("a", 143)
    deleted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster.there = [deleted]
    watch.look()
    watch.look()
    assert capsys.readouterr().err.startswith("seatrial: executor a ended: somebody deleted its pod\n")


def test_what_waiting_does_not_mend_is_given_up(
    watch: ExecutorWatch, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.there = [pod("a", "Pending", **NO_IMAGE)]
    passes(watch, cluster, PATIENCE_S - 1)
    assert capsys.readouterr().err == "seatrial: executors wait: ImagePullBackOff: not found\n"
    assert cluster.failures == 0
    passes(watch, cluster, 2)
    assert cluster.failures == 1
    error = watch.explain(StepFailed("a JVM that is gone"), "features")
    assert error.problem == "step 'features': none of its executors begins: ImagePullBackOff: not found."


def test_a_full_cluster_is_waited_for_longer(watch: ExecutorWatch, cluster: Cluster) -> None:
    cluster.there = [pod("a", "Pending", **NO_ROOM)]
    passes(watch, cluster, LONGEST_WAIT_S - 1)
    assert cluster.failures == 0
    passes(watch, cluster, 2)
    assert cluster.failures == 1


def test_pods_that_are_refused_are_told_in_the_servers_words(
    watch: ExecutorWatch, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.refusal = QUOTA
    watch.look()
    assert capsys.readouterr().err == ""
    cluster.now += NO_POD_S
    watch.look()
    assert capsys.readouterr().err == (
        'seatrial: executors wait: its pod is refused: pods "x" is forbidden: exceeded quota: small\n'
    )


def test_executors_that_begin_again_in_time_are_no_failure(watch: ExecutorWatch, cluster: Cluster) -> None:
    for _ in range(3):
        cluster.there = [pod("a", "Pending", **NO_IMAGE)]
        passes(watch, cluster, PATIENCE_S - 1)
        cluster.there = [pod("a", "Running")]
        watch.look()
    assert cluster.failures == 0


def test_the_end_removes_what_is_left(watch: ExecutorWatch, cluster: Cluster) -> None:
    cluster.there = [pod("a", "Running"), pod("b", "Pending")]
    watch.start()
    watch.end()
    assert cluster.removed == ["a", "b"]
