"""Runs that Kubeflow drives: what it is sent, what it answers, and what its tasks could not write themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from seatrial.cluster.pod_words import Waiting
from seatrial.deploy import find_target
from seatrial.errors import InputError, Refused, SeatrialError, TargetError
from seatrial.pipeline.driver.pipeline_run import plan_task_run
from seatrial.pipeline.driver.run_options import RunOptions
from seatrial.pipeline.driver.stop import stop_run
from seatrial.pipeline.kubeflow import api, watch
from seatrial.pipeline.kubeflow.api import Kubeflow, RunState
from seatrial.pipeline.kubeflow.runs import watch_run
from seatrial.pipeline.kubeflow.submit import submit_tasks
from seatrial.pipeline.kubeflow.task_pods import TaskPods
from seatrial.pipeline.places.run_documents import begun_key, ended_key
from seatrial.pipeline.project.settings import ClusterChoice, KubeflowChoice, ResourceChoice, StoreChoice
from seatrial.pipeline.running.run_records import (
    Identity,
    Origin,
    RunningStep,
    RunRecord,
    StepRecord,
    TaskStep,
    read_run,
    write_run,
)
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.documents import to_json
from tests.pipeline_sample import opened_ships

RUN = "20260101T000000-abcdef"
ENDPOINT = "https://kubeflow.example/pipeline"
PIPELINE = """\
from seatrial import step


@step()
def first(*, title: str = "a"):
    return {"number": 1}


@step(inputs={"first": "first"})
def second(first):
    return {"number": 2}
"""
Answer = Callable[[httpx.Request], httpx.Response]


class Server:
    """Answers as Kubeflow does, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.name = RUN
        self.state = "RUNNING"
        self.tasks: dict[str, str] = {}
        self.answer: Answer | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/pipeline/apis/v2beta1/")
        self.sent.append((request.method, path, json.loads(request.content or b"null")))
        assert request.headers["authorization"] == "Bearer t0ken"
        if self.answer is not None:
            return self.answer(request)
        if request.method == "GET" and path == "experiments":
            return httpx.Response(200, json={})
        if path.endswith(":terminate"):
            self.state = "CANCELED"
        tasks = [{"display_name": name, "state": state} for name, state in self.tasks.items()]
        document = {"experiment_id": "e1", "run_id": "r1", "display_name": self.name, "state": self.state}
        return httpx.Response(200, json={**document, "run_details": {"task_details": tasks}})

    def paths(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.sent]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    answers = Server()
    monkeypatch.setenv("KUBEFLOW_TOKEN", "t0ken")
    monkeypatch.setattr(
        api,
        "_client",
        lambda endpoint, headers, _ca: httpx.Client(
            base_url=endpoint, headers=headers, transport=httpx.MockTransport(answers)
        ),
    )
    monkeypatch.setattr(watch, "LOOK_S", 0.0)
    monkeypatch.setattr(watch, "SETTLES_S", 0.0)
    return answers


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with opened_ships(
        tmp_path,
        PIPELINE,
        store=StoreChoice("s3://lake/ships"),
        image="registry.example/steps@sha256:" + "0" * 64,
        catalog="env:CATALOG_URI",
        cluster=ClusterChoice(namespace="pipelines", secret="seatrial-store"),
        kubeflow=KubeflowChoice(endpoint=f"{ENDPOINT}/", token="env:KUBEFLOW_TOKEN", service_account="steps"),
    ) as workspace:
        yield workspace


def submitted(workspace: Workspace) -> tuple[RunRecord, str]:
    pipeline = load_pipeline(workspace.project, sets=("first.title=b",), rehearse=False)
    planned = plan_task_run(pipeline, workspace, RunOptions(sets=("first.title=b",)), run=RUN)
    identity = Identity(RUN, "2026-01-01T00:00:00Z", Origin(RUN, "by hand: anna", kubeflow=ENDPOINT))
    record = submit_tasks(planned, identity, pipeline, workspace, RunOptions())
    return record, find_target("kubeflow").render_pipeline(planned)[0].text


def test_what_is_sent_is_what_is_printed(workspace: Workspace, server: Server) -> None:
    record, printed = submitted(workspace)
    assert server.paths() == [("GET", "experiments"), ("POST", "experiments"), ("POST", "runs")]
    sent = server.sent[-1][2]
    spec, platform = yaml.safe_load_all(printed)
    assert sent["pipeline_spec"] == {"pipeline_spec": spec, "platform_spec": platform}
    assert (sent["display_name"], sent["experiment_id"], sent["service_account"]) == (RUN, "e1", "steps")
    assert "t0ken" not in json.dumps(sent)
    assert spec["root"]["inputDefinitions"]["parameters"]["first.title"]["defaultValue"] == "b"
    assert spec["root"]["dag"]["tasks"]["second"]["dependentTasks"] == ["first"]
    stored = read_run(workspace.objects, RUN)
    assert stored == record
    assert stored.origin == Origin("r1", "by hand: anna", kubeflow=ENDPOINT)
    assert stored.tasks == (TaskStep("first", ()), TaskStep("second", ("first",)))


def disconnected(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("[Errno 111] Connection refused")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (disconnected, TargetError, "Kubeflow does not answer: [Errno 111] Connection refused."),
        (lambda _: httpx.Response(302, headers={"location": "/dex"}), Refused, "Kubeflow asks for a login."),
        (lambda _: httpx.Response(401), Refused, "Kubeflow asks for a login."),
        (lambda _: httpx.Response(403, json={"message": "not you"}), Refused, "does not allow it: not you"),
        (lambda _: httpx.Response(400, json={"error": "no such field"}), Refused, "Kubeflow says: no such field"),
        (lambda _: httpx.Response(502), TargetError, "Kubeflow answers with status 502."),
        (lambda _: httpx.Response(200, text="<html>"), TargetError, "not Kubeflow Pipelines of version 2"),
    ],
)
def test_what_is_refused_is_one_error_and_leaves_no_run(
    workspace: Workspace, server: Server, answer: Answer, kind: type[SeatrialError], words: str
) -> None:
    server.answer = answer
    with pytest.raises(kind) as raised:
        submitted(workspace)
    assert words in raised.value.problem
    assert raised.value.path == ENDPOINT
    assert not list(workspace.objects.list("runs/"))


def test_a_run_that_was_not_taken_is_one_that_failed(workspace: Workspace, server: Server) -> None:
    server.answer = lambda request: (
        httpx.Response(400, json={"message": "unknown template"})
        if request.url.path.endswith("/runs")
        else httpx.Response(200, json={"experiment_id": "e1"})
    )
    with pytest.raises(Refused, match="unknown template"):
        submitted(workspace)
    assert read_run(workspace.objects, RUN).ending == "failed"


def test_a_step_of_several_workers_is_refused_before_anything_is_sent(workspace: Workspace, server: Server) -> None:
    profile = replace(workspace.profile, steps={"second": ResourceChoice(workers=2)})
    with pytest.raises(InputError, match="step 'second' has 2 workers, and a task of Kubeflow has one so far"):
        submitted(replace(workspace, profile=profile))
    assert server.sent == []


def test_a_profile_without_an_endpoint_is_told_its_key(workspace: Workspace) -> None:
    profile = replace(workspace.profile, kubeflow=None)
    with pytest.raises(InputError, match=r"\[profile.prod\] kubeflow: it must say where"):
        submitted(replace(workspace, profile=profile))


def test_certificates_that_cannot_be_read_are_told_by_their_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the certificates cannot be read") as raised:
        Kubeflow(ENDPOINT, ca=tmp_path / "ca.pem")
    assert raised.value.path == str(tmp_path / "ca.pem")


def looked(record: RunRecord, workspace: Workspace) -> RunRecord:
    with watch_run(record, workspace) as watching:
        watching.look(record, lambda _step, _problem: None)
    return read_run(workspace.objects, RUN)


def test_a_task_that_ended_without_a_word_failed(workspace: Workspace, server: Server) -> None:
    record, _ = submitted(workspace)
    workspace.objects.put(begun_key(RUN, "first"), to_json(RunningStep("first", "never run")))
    server.tasks = {"first": "FAILED"}
    record = looked(record, workspace)
    assert [(step.name, step.state) for step in record.steps] == [("first", "failed"), ("second", "skipped")]
    assert record.steps[0].errors[0]["problem"] == "step 'first': its task failed in Kubeflow, and gave no answer."
    assert record.ending == "failed"


def test_what_kubeflow_starts_no_more_after_a_failure_is_skipped(workspace: Workspace, server: Server) -> None:
    record, _ = submitted(workspace)
    write_run(
        workspace.objects, replace(record, tasks=tuple(TaskStep(name, ()) for name in ("first", "second", "third")))
    )
    record = read_run(workspace.objects, RUN)
    failed = StepRecord("first", "failed", None, 1.0, "no wind")
    workspace.objects.put(ended_key(RUN, "first"), to_json(failed))
    server.state, server.tasks = "FAILED", {"first": "FAILED"}
    record = looked(read_run(workspace.objects, RUN), workspace)
    states = {step.name: step.state for step in record.steps}
    assert (states, record.ending) == ({"first": "failed", "second": "skipped", "third": "skipped"}, "failed")
    assert json.loads(workspace.objects.get(f"runs/{RUN}.json").data)["ending"] == "failed"


def test_a_task_that_will_never_begin_is_given_up(
    workspace: Workspace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = submitted(workspace)
    lasting = Waiting("ImagePullBackOff: no such image", "See that the image is there.", lasting=True)
    monkeypatch.setattr(TaskPods, "why_waiting", lambda _pods, step: lasting if step == "first" else None)
    monkeypatch.setattr(watch, "PATIENCE_S", -1.0)
    told: list[tuple[str, str]] = []
    with watch_run(record, workspace) as watching:
        watching.look(record, lambda step, problem: told.append((step, problem)))
    assert told == [("first", "ImagePullBackOff: no such image")]
    assert server.state == "CANCELED"
    record = read_run(workspace.objects, RUN)
    assert record.ending == "failed"
    assert record.steps[0].reason == "step 'first' cannot begin: ImagePullBackOff: no such image."


def test_a_run_that_somebody_ended_in_kubeflow_was_interrupted(workspace: Workspace, server: Server) -> None:
    record, _ = submitted(workspace)
    server.state = "CANCELED"
    assert looked(record, workspace).ending == "interrupted"


def test_stop_ends_the_run_in_kubeflow(workspace: Workspace, server: Server) -> None:
    record, _ = submitted(workspace)
    assert stop_run(record, workspace).ending == "interrupted"
    assert ("POST", "runs/r1:terminate") in server.paths()


def test_a_token_goes_to_the_endpoint_of_the_profile_alone(workspace: Workspace, server: Server) -> None:
    record, _ = submitted(workspace)
    forged = replace(record, origin=Origin("r1", "by hand", kubeflow="https://elsewhere.example"))
    sent = len(server.sent)
    with pytest.raises(InputError, match="elsewhere"):
        stop_run(forged, workspace)
    assert len(server.sent) == sent


def test_a_record_that_names_somebody_elses_run_ends_nothing(workspace: Workspace, server: Server) -> None:
    record, _ = submitted(workspace)
    server.name = "nightly of another team"
    with pytest.raises(Refused, match="not '20260101T000000-abcdef', as the run's record says"):
        stop_run(record, workspace)
    with pytest.raises(Refused), watch_run(record, workspace) as watching:
        watching.look(record, lambda _step, _problem: None)
    assert server.state == "RUNNING"


def test_what_a_record_names_is_one_part_of_the_address(workspace: Workspace, server: Server) -> None:
    raw: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        raw.append(request.url.raw_path)
        return httpx.Response(200, json={"display_name": RUN})

    server.answer = answer
    with Kubeflow(ENDPOINT, token="t0ken") as kubeflow:
        kubeflow.state("../experiments/e1?x", RUN)
    assert raw == [b"/pipeline/apis/v2beta1/runs/..%2Fexperiments%2Fe1%3Fx"]


def test_a_kubeflow_that_is_away_for_a_moment_is_asked_again(workspace: Workspace, server: Server) -> None:
    record, _ = submitted(workspace)
    server.answer = disconnected
    assert looked(record, workspace).ending == "running"


def test_a_parameter_with_braces_is_refused(workspace: Workspace, server: Server) -> None:
    pipeline = load_pipeline(workspace.project, sets=("first.title={{x}}",), rehearse=False)
    planned = plan_task_run(pipeline, workspace, RunOptions(), run=RUN)
    with pytest.raises(InputError, match="must not hold"):
        find_target("kubeflow").render_pipeline(planned)


def test_states_are_those_of_the_tasks(workspace: Workspace, server: Server) -> None:
    server.state, server.tasks = "SUCCEEDED", {"first": "SUCCEEDED", "executor": "SUCCEEDED"}
    with Kubeflow(ENDPOINT, token="t0ken") as kubeflow:
        assert kubeflow.state("r1", RUN) == RunState("SUCCEEDED", "", server.tasks)
