"""A run's record lies in a store that others may write to: what it names is no path, and no Job of somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.errors import Corrupt, InputError
from seatrial.pipeline.driver import stop
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.project.settings import ClusterChoice
from seatrial.pipeline.running.run_records import (
    Origin,
    RunningStep,
    RunRecord,
    StepRecord,
    find_run,
    read_run,
    write_run,
)
from seatrial.pipeline.workspace import Workspace, open_project
from seatrial.stores.documents import to_json

RUN = "20261124T080000-bbbbbb"
DRIVER = "ships-20261124t080000-bbbbbb"
RECORD = RunRecord(
    RUN, "2026-11-24T08:00:00Z", "prod", False, {}, "running", (), origin=Origin(DRIVER, "by hand", "pipelines")
)


class Cluster:
    """A namespace with Jobs by their labels; notes what is deleted."""

    jobs: dict[str, str] = {}  # noqa: RUF012 — anew in each test
    deleted: list[str] = []  # noqa: RUF012

    def __init__(self, name: str, context: str | None) -> None: ...

    def job_names(self, selector: str) -> tuple[str, ...]:
        return tuple(name for name, labels in self.jobs.items() if set(selector.split(",")) <= set(labels.split(",")))

    def pod_names(self, selector: str) -> tuple[str, ...]:
        return ()

    def delete_job(self, name: str) -> None:
        self.deleted.append(name)
        self.jobs.pop(name, None)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    (tmp_path / "store").mkdir()
    (tmp_path / "seatrial.toml").write_text(
        '[project]\nname = "ships"\n[profile.prod]\nstore = { url = "file:store" }\n', encoding="utf-8"
    )
    monkeypatch.setattr(stop, "Namespace", Cluster)
    monkeypatch.setattr(Cluster, "jobs", {})
    monkeypatch.setattr(Cluster, "deleted", [])
    with open_project(load_project(tmp_path), "prod") as opened:
        profile = replace(opened.profile, cluster=ClusterChoice(context="here", namespace="pipelines"))
        yield replace(opened, profile=profile)


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, run="../../elsewhere"),
        replace(RECORD, run="20261124T080000-cccccc"),
        replace(RECORD, steps=(StepRecord("../../x", "ran", None, 0.0, ""),)),
        replace(RECORD, running=(RunningStep("a/b", ""),)),
    ],
)
def test_a_record_with_another_name_or_a_path_in_it_is_refused(workspace: Workspace, record: RunRecord) -> None:
    workspace.objects.put(f"runs/{RUN}.json", to_json(record))
    with pytest.raises(Corrupt):
        read_run(workspace.objects, RUN)


@pytest.mark.parametrize("key", ["../../elsewhere", "a/b", ".."])
def test_an_object_that_no_run_has_written_is_no_run(workspace: Workspace, key: str) -> None:
    with pytest.raises((Corrupt, InputError)):
        read_run(workspace.objects, key)


def test_stop_deletes_jobs_of_the_project_alone(workspace: Workspace) -> None:
    write_run(workspace.objects, replace(RECORD, origin=Origin("payments", "by hand", "pipelines")))
    Cluster.jobs = {"payments": "app=payments", "step": f"seatrial/project=ships,seatrial/run={RUN}"}
    stop.stop_run(find_run(workspace.objects, RUN), workspace)
    assert Cluster.deleted == ["step"]


def test_stop_deletes_the_driver_of_a_schedule(workspace: Workspace) -> None:
    write_run(workspace.objects, RECORD)
    Cluster.jobs = {DRIVER: "seatrial/project=ships"}
    stop.stop_run(find_run(workspace.objects, RUN), workspace)
    assert Cluster.deleted == [DRIVER]


def test_stop_stays_in_the_namespace_of_the_profile(workspace: Workspace) -> None:
    write_run(workspace.objects, replace(RECORD, origin=Origin(DRIVER, "by hand", "kube-system")))
    with pytest.raises(InputError, match=r'"kube-system".*"pipelines"'):
        stop.stop_run(find_run(workspace.objects, RUN), workspace)
    assert Cluster.deleted == []
