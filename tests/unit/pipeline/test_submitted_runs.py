"""A run that is sent to a cluster: the very bytes that a dry run prints, after what its driver needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.deploy import find_target
from seatrial.errors import Refused, TargetError
from seatrial.pipeline.driver import submit
from seatrial.pipeline.driver.pipeline_run import plan_run
from seatrial.pipeline.driver.run_options import RunOptions
from seatrial.pipeline.project.settings import ClusterChoice, ResourceChoice, StoreChoice
from seatrial.pipeline.running.run_records import Identity, read_run
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import read_artifact
from tests.pipeline_sample import opened_ships

RUN = "20260101T000000-abcdef"
PIPELINE = """\
from seatrial import step


@step()
def first():
    return {"number": 1}


@step(inputs={"first": "first"})
def second(first):
    return {"number": first["number"] + 1}
"""
OPTIONS = RunOptions(sets=("a.b=1",), use_cache=False)


class Sent:
    """A namespace that notes what it is sent, and refuses where it is told to."""

    jobs: list[tuple[str, bool]] = []  # noqa: RUF012 — anew in each test
    refuses = False

    def __init__(self, name: str, context: str | None) -> None: ...

    def check(self) -> None: ...

    def create_job(self, text: str, *, dry_run: bool = False) -> str | None:
        if self.refuses:
            raise Refused("the cluster says: no.")
        self.jobs.append((text, dry_run))
        return "uid"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(submit, "Namespace", Sent)
    monkeypatch.setattr(Sent, "jobs", [])
    with opened_ships(
        tmp_path,
        PIPELINE,
        store=StoreChoice("s3://lake/ships"),
        image="registry.example/steps@sha256:" + "0" * 64,
        catalog="env:CATALOG_URI",
        cluster=ClusterChoice(namespace="pipelines", driver_service_account="seatrial-driver"),
    ) as workspace:
        yield workspace


def test_what_is_sent_is_what_is_printed_to_the_byte(workspace: Workspace) -> None:
    pipeline = load_pipeline(workspace.project, sets=(), rehearse=False)
    before = sorted(info.key for info in workspace.objects.list())
    planned = plan_run(pipeline, workspace, OPTIONS, run=RUN)
    printed = find_target("kubectl").render_pipeline(planned)
    assert [one.path for one in printed] == ["driver.yaml", "steps/first.yaml", "steps/second.yaml"]
    assert sorted(info.key for info in workspace.objects.list()) == before  # a dry run writes nothing
    origin = submit.origin_of(workspace, RUN, by="anna")
    identity = Identity(RUN, "2026-01-01T00:00:00Z", origin)
    submit.submit_run(printed[0].text, identity, pipeline, workspace, OPTIONS)
    assert Sent.jobs == [(printed[0].text, True), (printed[0].text, False)]
    record = read_run(workspace.objects, RUN)
    assert (record.ending, record.origin) == ("running", origin)
    assert planned.driver is not None
    assert planned.driver.code == record.code
    assert "pipeline.py" in read_artifact(workspace.objects, planned.driver.code)


def test_a_step_with_several_workers_is_printed_with_the_service_by_which_they_meet(workspace: Workspace) -> None:
    choices = {"second": ResourceChoice(workers=4)}
    workspace = replace(workspace, profile=replace(workspace.profile, steps=choices))
    pipeline = load_pipeline(workspace.project, sets=(), rehearse=False)
    printed = find_target("kubectl").render_pipeline(plan_run(pipeline, workspace, OPTIONS, run=RUN))
    assert [one.path for one in printed] == [
        "driver.yaml",
        "steps/first.yaml",
        "steps/second.yaml",
        "steps/second.service.yaml",
    ]
    assert "completionMode: Indexed" in printed[2].text
    assert "uid: known-once-the-job-is-there" in printed[3].text


def test_what_the_cluster_refuses_leaves_no_run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sent, "refuses", True)
    pipeline = load_pipeline(workspace.project, sets=(), rehearse=False)
    identity = Identity(RUN, "2026-01-01T00:00:00Z", submit.origin_of(workspace, RUN, by="anna"))
    with pytest.raises(Refused):
        submit.submit_run("text", identity, pipeline, workspace, OPTIONS)
    assert not list(workspace.objects.list("runs/"))


def test_a_driver_that_was_not_made_leaves_a_run_that_failed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(_namespace: Sent, _text: str, *, dry_run: bool = False) -> str | None:
        if not dry_run:
            raise TargetError("the cluster does not answer: cut off")
        return "uid"

    monkeypatch.setattr(Sent, "create_job", create)
    pipeline = load_pipeline(workspace.project, sets=(), rehearse=False)
    identity = Identity(RUN, "2026-01-01T00:00:00Z", submit.origin_of(workspace, RUN, by="anna"))
    with pytest.raises(TargetError):
        submit.submit_run("text", identity, pipeline, workspace, OPTIONS)
    record = read_run(workspace.objects, RUN)
    assert (record.ending, record.errors[0]["problem"]) == ("failed", "the cluster does not answer: cut off")


def test_without_an_account_for_a_driver_the_steps_alone_are_printed(workspace: Workspace) -> None:
    by_hand = replace(workspace, profile=replace(workspace.profile, cluster=ClusterChoice(namespace="pipelines")))
    pipeline = load_pipeline(workspace.project, sets=(), rehearse=False)
    planned = plan_run(pipeline, by_hand, RunOptions(), run=RUN)
    texts = find_target("kubectl").render_pipeline(planned)
    assert [one.path for one in texts] == ["steps/first.yaml", "steps/second.yaml"]
    assert all("ownerReferences" not in one.text for one in texts)
