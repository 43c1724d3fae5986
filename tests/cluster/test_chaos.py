"""What goes wrong around a run on a cluster, and the end that each has."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from seatrial.cli.run_progress import progress
from seatrial.pipeline.places.kubernetes_jobs import KubernetesJobs
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.running.run_pipeline import run_pipeline
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import open_project
from seatrial.stores.settings import StoreSettings
from tests.cluster.conftest import Team, kubectl
from tests.cluster.test_driver import ON, PIPELINE, Machine, machine, note_requests, pods, until
from tests.place_contract import forget_modules

__all__ = ["machine"]
PART = """\
@step(cpu="500m", memory="256Mi")
def part{number}():
    return {{"number": {number}}}
"""
OUTAGE_S = 30.0


@contextmanager
def stopped(store: StoreSettings) -> Iterator[None]:
    """The store's server hangs: it takes connections, and answers nothing."""
    port = str(urlsplit(store.endpoint or "").port).encode()
    (process,) = [
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if b"server" in (words := _command(folder)) and any(word.endswith(b":" + port) for word in words)
    ]
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def _command(folder: Path) -> list[bytes]:
    try:
        return (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def test_a_store_that_hangs_for_half_a_minute_is_waited_for(
    machine: Machine, team: Team, node_store: StoreSettings
) -> None:
    run = machine.json(*ON, "--detach", "--set", "slow.seconds=12")["run"]
    until(lambda: pods(team.namespace, "step", "Running"))
    time.sleep(5)  # it has its inputs, and ends while nobody answers
    with stopped(node_store):
        time.sleep(OUTAGE_S)
    document = machine.json("runs", "follow", run, "--profile", "prod")
    assert {step["name"]: step["state"] for step in document["steps"]} == {"slow": "ran", "after": "ran"}


def test_a_quota_of_one_pod_less_makes_a_step_wait_and_two_runs_at_once_both_finish(
    machine: Machine, team: Team
) -> None:
    (machine.folder / "pipeline.py").write_text(
        PIPELINE.replace(', inputs={"slow": "slow"}', "").replace("(slow):", "():").replace('slow["number"]', "1")
    )
    kubectl("--namespace", team.namespace, "create", "quota", "tight", "--hard=pods=2")
    with machine.start(*ON, "--set", "slow.seconds=8") as process:
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert "waits: its pod is refused: " in errors
    assert "exceeded quota: tight" in errors
    kubectl("--namespace", team.namespace, "delete", "quota", "tight")
    runs = [machine.json(*ON, "--detach", "--no-cache")["run"] for _ in range(2)]
    assert len(set(runs)) == 2
    for run in runs:
        document = machine.json("runs", "follow", run, "--profile", "prod")
        assert {step["state"] for step in document["steps"]} == {"ran"}


def test_steps_side_by_side_are_at_most_as_many_as_was_asked_for_and_are_watched_not_asked(
    machine: Machine, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    many, at_once = int(os.environ.get("SEATRIAL_TEST_STEPS", "8")), 4
    parts = "\n\n".join(PART.format(number=number) for number in range(many))
    (machine.folder / "pipeline.py").write_text(f"from seatrial import step\n\n\n{parts}")
    requests: Counter[str] = Counter()
    count_requests(requests, monkeypatch)
    forget_modules()
    project = load_project(machine.folder)
    pipeline = load_pipeline(project, sets=(), rehearse=False)
    with open_project(project, "prod") as workspace, progress(live=False, reading=False) as shown:
        finished = run_pipeline(
            pipeline.graph,
            pipeline.parameters,
            workspace,
            shown,
            rehearse=False,
            use_cache=True,
            steps_at_once=at_once,
            open_place=KubernetesJobs,
        )
    assert [step.state for step in finished.record.steps] == ["ran"] * many
    jobs = json.loads(kubectl("--namespace", team.namespace, "get", "jobs", "--output=json"))["items"]
    spans = [(one["metadata"]["creationTimestamp"], one["status"]["completionTime"]) for one in jobs]
    assert len(spans) == many
    assert max(sum(began <= moment < ended for began, ended in spans) for moment, _ in spans) <= at_once
    assert requests["create jobs"] == many
    assert requests["get pods/log"] == many
    assert requests["watch jobs"] + requests["watch pods"] <= 4  # one each, opened anew every four minutes
    assert requests["list jobs"] == 1


def count_requests(requests: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts the requests to the API server by verb and resource."""
    noted = Noted(requests)
    note_requests(noted, monkeypatch)


class Noted(set[tuple[str, str]]):
    """Takes notes of requests, and counts them."""

    def __init__(self, requests: Counter[str]) -> None:
        super().__init__()
        self._requests = requests

    def add(self, element: tuple[str, str]) -> None:
        self._requests[" ".join(element)] += 1
