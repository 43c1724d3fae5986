"""A project, unchanged, on a cluster: signed there, cached here, and the same to the last digit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.cluster.conftest import Team, kubectl, new_team, objects_in
from tests.real.small_project import SmallProject

ON = ("--on", "kubectl", "--profile", "prod")
STEPS = ["rows", "model", "assess", "release"]
EVIDENCE = "releases/small/1/evidence.json"


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run of the project that ended on the cluster: what several tests begin with."""

    project: SmallProject
    team: Team
    document: Any  # of `run --json`


@pytest.fixture(scope="module")
def finished(
    node_store: StoreSettings, node_catalog: str, steps_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FinishedRun]:
    folder = tmp_path_factory.mktemp("finished")
    with new_team(node_store, node_catalog, steps_image, folder / "home") as team:
        project = project_of(team, folder)
        yield FinishedRun(project, team, project.json("run", *ON))


@pytest.fixture
def again(finished: FinishedRun, tmp_path: Path) -> SmallProject:
    """The project of the team whose run is finished, on another machine."""
    return project_of(finished.team, tmp_path)


@pytest.fixture
def project(team: Team, tmp_path: Path) -> SmallProject:
    """The project of a team that has run nothing."""
    return project_of(team, tmp_path)


def project_of(team: Team, folder: Path) -> SmallProject:
    """A copy of the project for the team's namespace, with their keys."""
    small = SmallProject(folder)
    small.environment["SEATRIAL_HOME"] = str(team.home)
    amounts = "".join(f'{step} = {{ cpu = "600m", memory = "768Mi" }}\n' for step in STEPS)
    with (small.folder / "seatrial.toml").open("a") as file:
        file.write(f"\n{team.profile}\n[profile.prod.steps]\n{amounts}")
    (team.home / "trust.toml").write_text(small.call("keys", "export").stdout)
    return small


def test_a_run_on_a_cluster_is_a_cache_hit_here_and_the_same_to_the_last_digit(
    finished: FinishedRun, node_store: StoreSettings
) -> None:
    project, team, document = finished.project, finished.team, finished.document
    assert project.states(document) == dict.fromkeys(STEPS, "ran")
    assert document["release"] == "small@1"
    assert document["verdict"] == "pass"
    assert project.states(project.json("plan", "--profile", "prod")) == dict.fromkeys(STEPS, "cached")
    assert project.states(project.json("run", *ON)) == dict.fromkeys(STEPS, "cached")
    assert project.json("verify", "small@1", "--profile", "prod")["ok"]
    here = project.json("run")
    assert here["verdict"] == "pass"
    there = open_objects(StoreSettings(f"s3://lake/{team.namespace}", node_store.endpoint, node_store.credentials))
    of_pods, of_this_machine = json.loads(there.get(EVIDENCE).data), json.loads((project.store / EVIDENCE).read_bytes())
    for evidence in (of_pods, of_this_machine):
        assert evidence.pop("model")  # the package's digest: its provenance has the image's patch version of Python
    assert of_pods == of_this_machine
    keys = [info.key for info in there.list()]
    secrets = (os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["CATALOG_URI"])
    manifests = kubectl("--namespace", team.namespace, "get", "jobs,pods", "--output=yaml")
    assert not [secret for secret in secrets if secret in manifests]
    assert not [key for key in keys if any(secret.encode() in there.get(key).data for secret in secrets)]


def test_an_edited_step_runs_at_once_and_needs_no_image(again: SmallProject) -> None:
    again.edit("pipeline.py", "HARBOURS = (", 'EXTRA = ""\nHARBOURS = (')
    again.edit("pipeline.py", "    data = train.to_arrow()", "    print('edited')\n    data = train.to_arrow()")
    states = again.states(again.json("run", *ON, "--rehearse"))
    assert (states["rows"], states["model"]) == ("cached", "ran")
    assert "edited" in again.call("logs", "--step", "model").stdout


def test_a_step_that_fails_there_is_told_with_its_line(again: SmallProject) -> None:
    again.edit("pipeline.py", "    data = train.to_arrow()", "    raise ValueError('no wind')\n    data = 1")
    done = again.call("run", *ON)
    assert done.returncode == 1
    assert "pipeline.py:" in done.stderr
    assert "step 'model' raised ValueError: no wind" in done.stderr
    assert "assess: skipped" in done.stderr


def test_ctrl_c_ends_the_steps_that_run(project: SmallProject, team: Team) -> None:
    project.edit("pipeline.py", "    generator = np", "    import time\n    time.sleep(600)\n    generator = np")
    with project.start("run", *ON) as process:
        until = time.monotonic() + 120
        while "Running" not in kubectl("--namespace", team.namespace, "get", "pods"):
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
    until = time.monotonic() + 60
    while objects_in(team.namespace):
        assert time.monotonic() < until, objects_in(team.namespace)
        time.sleep(0.5)


def test_a_file_of_this_machine_is_refused_before_anything_is_sent(project: SmallProject, team: Team) -> None:
    (project.folder / "test.csv").write_text("wind,harbour,late\n1,Bergen,no\n")
    project.edit("seatrial.toml", 'test = "rows.test"', 'test = "test.csv"')
    done = project.call("run", *ON)
    assert done.returncode == 2, done.stderr
    assert "test.csv: step 'assess' reads a file of this machine, and its pod reads the store alone." in done.stderr
    assert objects_in(team.namespace) == []


def test_a_signal_of_the_system_ends_a_pod_at_once(project: SmallProject, team: Team) -> None:
    """The first process of a pod ignores SIGTERM unless it asks for it: deleting would take half a minute."""
    project.edit("pipeline.py", "    generator = np", "    import time\n    time.sleep(600)\n    generator = np")
    with project.start("run", *ON) as process:
        until = time.monotonic() + 120
        while "Running" not in kubectl("--namespace", team.namespace, "get", "pods"):
            assert time.monotonic() < until
            time.sleep(0.5)
        time.sleep(5)  # it is past its imports
        began = time.monotonic()
        subprocess.run(["kubectl", "--namespace", team.namespace, "delete", "pods", "--all"], check=True, timeout=60)
        assert time.monotonic() - began < 25
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "step 'rows': " in errors
