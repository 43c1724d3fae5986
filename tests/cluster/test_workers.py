"""Steps with several workers as Indexed Jobs of a real cluster: by the suite of every place, and where pods go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.deploy.namespace_setup import render_setup
from seatrial.deploy.target import write_documents
from seatrial.errors import Refused, SeatrialError
from seatrial.pipeline.places import kubernetes_jobs, worker_job
from seatrial.pipeline.places.kubernetes_jobs import KubernetesJobs
from seatrial.pipeline.project.settings import ClusterChoice
from tests.cluster.conftest import Team, kubectl, objects_in
from tests.place_contract import WORKER_CHECKS, WORKER_STEPS, Subject, opened, write_project

RUN, OTHER_RUN = "20260101T000000-abcdef", "20260101T000000-fedcba"
END = '@step(cpu="300m", memory="512Mi", workers=2)\ndef one_raises'
WAITING_STEPS = """


@step(cpu="100m", memory="256Mi", workers=2)
def waits():
    print("began", flush=True)
    if os.environ["RANK"] == "0":
        meet()
    time.sleep(600)


@step(cpu="100m", memory="256Mi", workers=2, timeout_s=10)
def hurries():
    time.sleep(600)
"""


@pytest.fixture
def folder(team: Team, tmp_path: Path) -> Path:
    write_project(tmp_path / "places", team.profile, steps=f"{WORKER_STEPS}{WAITING_STEPS}")
    return tmp_path / "places"


@pytest.fixture
def subject(folder: Path) -> Iterator[Subject]:
    with opened(KubernetesJobs, folder, "prod", RUN) as subject:
        yield subject


@pytest.mark.parametrize("check", WORKER_CHECKS, ids=lambda check: check.__name__)
def test_workers_on_a_cluster(
    check: Callable[[Subject], None], subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_jobs, "AGAIN_S", 0.5)
    check(subject)


def pods(team: Team, rank: int) -> list[str]:
    """The pods of this rank whose container runs."""
    listed = json.loads(kubectl("--namespace", team.namespace, "get", "pods", "--output=json"))["items"]
    return [
        pod["metadata"]["name"]
        for pod in listed
        if pod["metadata"]["annotations"].get("batch.kubernetes.io/job-completion-index") == str(rank)
        and pod["status"]["phase"] == "Running"
    ]


def until(happened: Callable[[], Any], what: str = "") -> Any:
    """What `happened` gives once that is something."""
    last = time.monotonic() + 120
    while not (value := happened()):
        assert time.monotonic() < last, what
        time.sleep(0.2)
    return value


def test_a_worker_whose_pod_is_deleted_while_another_waits_for_it_ends_the_step_by_its_rank(
    subject: Subject, team: Team
) -> None:
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(subject.fails, "waits")
        logs = [subject.logs / name for name in ("waits.log", "waits.rank-1.log")]
        until(lambda: all(log.exists() and "began" in log.read_text() for log in logs))
        kubectl("--namespace", team.namespace, "delete", "pod", *pods(team, 1), "--wait=false")
        began = time.monotonic()
        error = run.result(120)
        assert time.monotonic() - began < 30
    assert error.problem == "rank 1 of 2: step 'waits': somebody deleted its pod."
    assert subject.log("waits").read_text().count("began") == 2
    assert [name for name in objects_in(team.namespace) if name.startswith("Service/")]
    kubectl("--namespace", team.namespace, "delete", "jobs", "--all")
    until(lambda: not objects_in(team.namespace))  # the Service goes with its Job


def test_a_worker_without_room_is_told_while_others_wait_and_after_a_while_given_up(
    folder: Path, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_job, "BEGIN_TOGETHER_S", 8.0)
    kubectl("--namespace", team.namespace, "create", "quota", "one", "--hard=pods=1")
    with opened(KubernetesJobs, folder, "prod", RUN) as subject:
        error = subject.fails("waits")
    assert error.problem.startswith("rank 1 of 2: step 'waits': its pod has not begun 8 s after another worker's, ")
    assert "exceeded quota: one" in error.problem
    assert any(words.startswith("rank 1 of 2: its pod is refused: ") for words in subject.waiting)
    until(lambda: not objects_in(team.namespace))


def test_workers_that_no_node_takes_are_told_with_what_is_missing_when_their_time_is_over(
    folder: Path, team: Team
) -> None:
    path = folder / "pipeline.py"
    path.write_text(
        path.read_text().replace('cpu="100m", memory="256Mi", workers=2, timeout', 'cpu="900", workers=2, timeout')
    )
    with opened(KubernetesJobs, folder, "prod", RUN) as subject:
        error = subject.fails("hurries")
    assert "it waited longer to begin than its timeout_s of 10 s: no node takes its pod: " in error.problem
    assert "Insufficient cpu" in error.problem


def test_two_runs_of_one_step_at_once_do_not_meet_and_a_third_starts_no_pod(folder: Path, team: Team) -> None:
    whole = (folder / "pipeline.py").read_text()
    (folder / "pipeline.py").write_text(
        whole[: whole.index("@step")] + whole[whole.index("def meet") : whole.index(END)]
    )

    def call(*options: str) -> str:
        command = [sys.executable, "-m", "seatrial", "run", "--on", "kubectl", "--profile", "prod", *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(*options: str) -> Any:
        return json.loads(call("--json", *options))["steps"]

    taken = subprocess.run(
        ["kubectl", "create", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "--filename=-"],
        input=call("--dry-run"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (taken.returncode, taken.stderr) == (0, "")
    assert "service/" in taken.stdout
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _number: run("--no-cache"), range(2)))
    assert [[step["state"] for step in steps] for steps in both] == [["ran"], ["ran"]]
    there = objects_in(team.namespace)
    assert sorted(name.partition("/")[0] for name in there) == ["Job"] * 2 + ["Pod"] * 4 + ["Service"] * 2
    assert [step["state"] for step in run()] == ["cached"]
    assert objects_in(team.namespace) == there


def test_the_right_to_make_a_service_is_asked_for_before_workers_begin(
    folder: Path, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = ClusterChoice(namespace=team.namespace, driver_service_account="driver")

    def set_up(*, workers: bool) -> None:
        write_documents(render_setup(cluster, workers=workers), tmp_path / "setup")
        kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(tmp_path / "setup"))

    set_up(workers=False)
    token = kubectl("--namespace", team.namespace, "create", "token", "driver").strip()
    document = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    document["users"] = [{"name": user["name"], "user": {"token": token}} for user in document["users"]]
    (tmp_path / "limited.kubeconfig").write_text(yaml.safe_dump(document))
    with monkeypatch.context() as patched:
        patched.setenv("KUBECONFIG", str(tmp_path / "limited.kubeconfig"))
        with pytest.raises(Refused, match="may not create services in the namespace"):  # noqa: SIM117
            with opened(KubernetesJobs, folder, "prod", RUN):
                pass
    set_up(workers=True)
    time.sleep(5)  # the authorizer takes a moment
    with monkeypatch.context() as patched:
        patched.setenv("KUBECONFIG", str(tmp_path / "limited.kubeconfig"))
        with opened(KubernetesJobs, folder, "prod", OTHER_RUN) as subject:
            assert subject.run("together").outputs


def test_the_end_of_a_run_leaves_no_worker_and_no_service(folder: Path, team: Team) -> None:
    errors: list[SeatrialError] = []
    with opened(KubernetesJobs, folder, "prod", RUN) as subject, ThreadPoolExecutor(1) as pool:
        run = pool.submit(lambda: errors.append(subject.fails("waits")))
        until(lambda: pods(team, 0) and pods(team, 1))
        subject.place.end()
        run.result(60)
    assert "the run is ending" in errors[0].problem
    until(lambda: not objects_in(team.namespace))
