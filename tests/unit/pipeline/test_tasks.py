"""Steps as tasks of an orchestrator: each finds what the run made so far, and the last one ends the run's record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.errors import Corrupt, InputError, SeatrialError, StepFailed, StoreError
from seatrial.pipeline.cache.cache_record import CacheRecord, write_record
from seatrial.pipeline.jobs.step_key import KeyParts
from seatrial.pipeline.jobs.step_values import ArtifactOutput, ReleaseOutput
from seatrial.pipeline.places.code_artifact import pack_code
from seatrial.pipeline.places.pod_store import STORE_VARIABLE
from seatrial.pipeline.places.run_documents import begun_key, ended_key, log_key, read_job
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.running import run_result
from seatrial.pipeline.running.finished_run import finished_run
from seatrial.pipeline.running.run_pipeline import FinishedRun
from seatrial.pipeline.running.run_records import (
    RunningStep,
    RunRecord,
    StepRecord,
    TaskStep,
    gathered,
    read_run,
    write_run,
)
from seatrial.pipeline.running.run_result import conclude
from seatrial.pipeline.steps.builtin import data_digest, release_step
from seatrial.pipeline.steps.declaration import Parameter
from seatrial.pipeline.tasks import run_task as run_task_module
from seatrial.pipeline.tasks.mounted_secrets import (
    SECRET_VARIABLE,
)
from seatrial.pipeline.tasks.run_task import Task, check_made, pipeline_of, run_task
from seatrial.pipeline.workspace import Workspace, open_project
from seatrial.stores.artifacts import write_artifact
from seatrial.stores.documents import to_json
from seatrial.stores.objects import Objects
from tests.place_contract import forget_modules

RUN = "20260101T000000-abcdef"
PIPELINE = """\
import os

from seatrial import step


@step()
def first(*, number: int = 1):
    print("first", os.environ.get("FLAVOUR"))
    if number < 0:
        raise ValueError("no such ship")
    return {"number": number}


@step(inputs={"first": "first"})
def second(first):
    return {"number": first["number"] + 1}
"""
OTHERS: dict[str, Parameter] = {"policy": "f" * 64, "data": "f" * 64, "rehearse": True}
TASKS = (TaskStep("first", ()), TaskStep("second", ("first",)), TaskStep("beside", ()))


class Tasks:
    """A project in a store, and its tasks as an orchestrator starts them: processes that know of nothing else."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.objects = workspace.objects
        self._code = pack_code(workspace.project, workspace.objects)
        self._folder = folder
        self.environment = {
            **os.environ,
            STORE_VARIABLE: json.dumps({"url": workspace.store.url}),
            "SEATRIAL_HOME": str(folder / "home"),
        }

    def run(self, step: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "seatrial", "step", step, "--run", RUN, "--profile", "shared"]
        command += ["--code", self._code, *options]
        state = {"SEATRIAL_STATE": str(self._folder / f"state-{step}")}
        return subprocess.run(
            command,
            env={**self.environment, **state},
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def states(self) -> dict[str, str]:
        return {step.name: step.state for step in read_run(self.objects, RUN).steps}


@contextmanager
def opened(tmp_path: Path) -> Iterator[Workspace]:
    folder = tmp_path / "ships"
    folder.mkdir()
    (folder / "pipeline.py").write_text(PIPELINE)
    store = f'[profile.shared]\nstore = {{ url = "file:{tmp_path / "store"}" }}\n'
    (folder / "seatrial.toml").write_text(f'[project]\nname = "ships"\n{store}')
    forget_modules()
    with open_project(load_project(folder), "shared") as workspace:
        yield workspace


@contextmanager
def opened_again(tmp_path: Path) -> Iterator[Workspace]:
    with open_project(load_project(tmp_path / "ships"), "shared") as workspace:
        yield workspace


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[Tasks]:
    with opened(tmp_path) as workspace:
        (tmp_path / "pod").mkdir()
        yield Tasks(workspace, tmp_path / "pod")


@pytest.mark.simulation
def test_each_task_goes_on_with_what_the_one_before_made(tasks: Tasks, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "FLAVOUR").write_text("salt")
    tasks.environment[SECRET_VARIABLE] = str(tmp_path / "secret")
    done = tasks.run("first", "--set", "first.number=41")
    assert (done.returncode, done.stdout) == (0, "first salt\n"), done.stderr
    assert tasks.objects.get(log_key(RUN, "first")).data == b"first salt\n"
    record = read_run(tasks.objects, RUN)  # which nobody had submitted
    assert (record.ending, tasks.states()) == ("running", {"first": "ran"})
    # The task of `second` is not told what `first` was set to: what that made says it.
    done = tasks.run("second")
    assert done.returncode == 0, done.stderr
    stored = json.loads(tasks.objects.get(f"runs/{RUN}.json").data)
    assert stored["ending"] == "done"
    assert [(step["name"], step["state"]) for step in stored["steps"]] == [("first", "ran"), ("second", "ran")]
    assert stored["steps"][0]["parts"]["parameters"] == {"number": 41}
    again = tasks.run("second")  # whoever starts it once more is told that it has ended, and nothing runs
    assert again.returncode == 0


@pytest.mark.simulation
def test_what_the_code_raises_is_told_and_is_not_tried_again(tasks: Tasks) -> None:
    for _ in range(2):
        done = tasks.run("first", "--set", "first.number=-1")
        assert done.returncode == 1
        assert "step 'first' raised ValueError: no such ship" in done.stderr
    assert done.stdout == ""  # the second time nothing ran
    record = read_run(tasks.objects, RUN)
    assert (record.ending, tasks.states()) == ("failed", {"first": "failed", "second": "skipped"})
    assert record.steps[0].errors[0]["path"] == "pipeline.py"


@pytest.mark.simulation
def test_other_versions_than_those_of_whoever_asked_are_refused_by_name(tasks: Tasks) -> None:
    done = tasks.run("first", "--expects", "Python=2.7")
    assert done.returncode == 2
    assert "step 'first' needs Python 2.7, and the image has 3." in done.stderr
    assert tasks.states() == {"first": "failed", "second": "skipped"}


@pytest.mark.simulation
def test_a_task_whose_input_the_run_has_not_made_says_so(tasks: Tasks) -> None:
    done = tasks.run("second")
    assert done.returncode == 2
    assert "step 'second' needs first, which this run has not made." in done.stderr


def test_the_task_that_signs_never_imports_the_projects_code(tmp_path: Path) -> None:
    marker = tmp_path / "imported"
    (tmp_path / "pipeline.py").write_text(
        f"open({str(marker)!r}, 'w').close()\nfrom seatrial import step\n\n\n"
        "@step(outputs=('test',))\ndef rows():\n    return {}\n\n\n@step()\ndef model():\n    return {}\n"
    )
    (tmp_path / "seatrial.toml").write_text(
        '[project]\nname = "ships"\n[data]\ntest = "rows.test"\nlabel = "late"\ntask = "binary"\n'
        '[model]\nfrom = "model"\n'
        '[[policy.require]]\nmetric = "accuracy"\nat_least = 0.5\n'
    )
    project = load_project(tmp_path)
    task = Task("release", RUN, "local", "c" * 64, expects=(), sets=(), rehearse=False, use_cache=True)
    alone = pipeline_of(task, project)
    assert list(alone.graph) == ["release"]
    assert not marker.exists()
    forget_modules()
    whole = pipeline_of(replace(task, step="assess"), project)
    assert marker.exists()
    assert alone.graph["release"] == whole.graph["release"]
    marker.unlink()
    forget_modules()
    with pytest.raises(InputError, match=r"needs \[model\]"):
        pipeline_of(task, replace(project, model_settings=None))
    assert not marker.exists()


def test_a_trial_of_another_model_or_policy_is_not_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_task_module, "check_record", lambda *_: None)
    (tmp_path / "seatrial.toml").write_text(
        '[project]\nname = "ships"\n[data]\ntest = "rows.test"\nlabel = "late"\ntask = "binary"\n'
        '[model]\nfrom = "model"\n[[policy.require]]\nmetric = "accuracy"\nat_least = 0.5\n'
    )
    project = load_project(tmp_path)
    assert project.model_settings is not None
    assert project.data is not None
    step = release_step(project, project.model_settings)
    model = ArtifactOutput("d" * 64, "model")
    parameters: dict[str, Parameter] = {
        "policy": step.parameters["policy"],
        "data": data_digest(project.data),
        "rehearse": False,
    }
    tried = KeyParts("assess", "python", "assess", parameters, {"model": model.digest})
    with open_project(project, "local") as workspace:

        def check(parts: KeyParts) -> None:
            made = {
                name: CacheRecord(parts.key, replace(parts, step=name), RUN, {name: output})
                for name, output in (("model", model), ("assess", ArtifactOutput("e" * 64, "trial")))
            }
            check_made(step, made, {name: made[name].outputs[name] for name in made}, workspace)

        check(tried)
        for forged in (
            replace(tried, inputs={"model": "f" * 64}),
            *(replace(tried, parameters={**parameters, name: value}) for name, value in OTHERS.items()),
        ):
            with pytest.raises(Corrupt, match="the trial is of another model, policy or data"):
                check(forged)


def test_a_run_cannot_name_what_another_step_has_made(tmp_path: Path) -> None:
    parts = KeyParts("first", "python", "c" * 64, {"number": 1}, {})
    with opened(tmp_path) as workspace:
        made = CacheRecord(parts.key, parts, RUN, {"first": ArtifactOutput("d" * 64, "document")})
        write_record(workspace.objects, made, replace=False)
        record = record_of(StepRecord("first", "ran", parts.key, 1.0, "never run", parts))
        assert finished_run(record, workspace.objects).outputs == made.outputs
        for forged in (
            StepRecord("second", "ran", parts.key, 1.0, "never run", parts),
            StepRecord("first", "ran", parts.key, 1.0, "never run", replace(parts, parameters={"number": 2})),
        ):
            with pytest.raises(Corrupt, match="is not that of its parts"):
                finished_run(record_of(forged), workspace.objects)


def test_a_machine_that_trusts_nobody_yet_is_told_so_and_the_run_has_its_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(run_result, "locate", lambda *_: None)
    release = ReleaseOutput("ships", 3, "e" * 64)
    with opened(tmp_path) as workspace:
        done = replace(record_of(), ending="done", tasks=())
        result = conclude(FinishedRun(done, {"release": release}, None), workspace)
        assert read_run(workspace.objects, RUN).release == "ships@3"
    assert result.refused is not None
    assert "nobody's releases are trusted here" in result.refused.problem
    assert (result.deployable, result.exit_status) == (False, 1)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """The task of the first step, in this process; the project lies in the store that its environment names."""
    with opened(tmp_path) as workspace:
        code = pack_code(workspace.project, workspace.objects)
    monkeypatch.setenv(STORE_VARIABLE, json.dumps({"url": workspace.store.url}))
    monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path / "state"))
    forget_modules()
    return Task("first", RUN, "shared", code, expects=(), sets=("first.number=2",), rehearse=False, use_cache=True)


def failing(objects: Objects, task: Task, raised: SeatrialError) -> str | None:
    """How the step ended where its process raises this; None where nobody says so."""
    with pytest.raises(type(raised)):
        run_task(task)
    return next((step.state for step in read_run(objects, RUN).steps if step.name == task.step), None)


@pytest.mark.parametrize(
    ("raised", "state"), [(StoreError("the store does not answer."), None), (StepFailed("no wind"), "failed")]
)
def test_a_store_that_was_away_is_no_end_of_a_step(
    asked: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: SeatrialError, state: str | None
) -> None:
    def run_child(*_: object, **__: object) -> int:
        raise raised

    monkeypatch.setattr(run_task_module, "run_child", run_child)
    with opened_again(tmp_path) as workspace:
        assert failing(workspace.objects, asked, raised) == state


def test_a_step_that_is_in_the_cache_has_not_failed_where_its_answer_was_lost(
    asked: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_again(tmp_path) as workspace:

        def run_child(arguments: list[str], **_: object) -> int:
            job = read_job(workspace.objects, RUN, "first", arguments[arguments.index("--job") + 1])
            output = ArtifactOutput(write_artifact(workspace.objects, {"document.json": b"{}"}), "document")
            write_record(workspace.objects, CacheRecord(job.key, job.parts, RUN, {"first": output}), replace=False)
            return 1

        monkeypatch.setattr(run_task_module, "run_child", run_child)
        run_task(asked)
        assert [step.state for step in read_run(workspace.objects, RUN).steps] == ["ran"]


@pytest.mark.parametrize(
    ("code", "number", "words"), [("0" * 64, 2, "is of other code"), (None, 1, "had another number"), (None, 2, None)]
)
def test_a_copy_of_a_run_needs_a_name_of_its_own(
    asked: Task, tmp_path: Path, code: str | None, number: int, words: str | None
) -> None:
    parts = KeyParts("first", "python", "c" * 64, {"number": number}, {})
    with opened_again(tmp_path) as workspace:
        tasks = TASKS[:2]
        write_run(workspace.objects, replace(record_of(), code=code or asked.code, tasks=tasks))
        ended = StepRecord("first", "ran", parts.key, 1.0, "never run", parts)
        workspace.objects.put(ended_key(RUN, "first"), to_json(ended))
    if words is None:
        run_task(asked)  # a try of the same task: it has ended
    else:
        with pytest.raises(InputError, match=words):
            run_task(asked)


def test_a_step_is_told_by_its_own_documents_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        write_run(workspace.objects, record_of())
        workspace.objects.put(ended_key(RUN, "first"), to_json(StepRecord("second", "ran", None, 1.0, "never run")))
        with pytest.raises(Corrupt, match="must be of the step 'first', got 'second'"):
            read_run(workspace.objects, RUN)
        workspace.objects.delete(ended_key(RUN, "first"))
        write_run(workspace.objects, replace(record_of(), tasks=(TaskStep("../first", ()),)))
        with pytest.raises(Corrupt, match="must be an identifier"):
            read_run(workspace.objects, RUN)


def record_of(*steps: StepRecord) -> RunRecord:
    return RunRecord(
        run=RUN,
        started="2026-01-01T00:00:00Z",
        profile="shared",
        rehearsal=False,
        parameters={},
        ending="running",
        steps=steps,
        tasks=TASKS,
    )


def test_a_record_is_gathered_from_what_each_task_wrote(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        objects = workspace.objects
        write_run(objects, record_of())
        assert read_run(objects, RUN).steps == ()
        objects.put(begun_key(RUN, "first"), to_json(RunningStep("first", "never run")))
        record = read_run(objects, RUN)
        assert ([step.name for step in record.running], record.ending) == (["first"], "running")
        objects.put(ended_key(RUN, "first"), to_json(StepRecord("first", "failed", None, 1.0, "no wind")))
        record = read_run(objects, RUN)
        assert [(step.name, step.state) for step in record.steps] == [("first", "failed"), ("second", "skipped")]
        assert (record.running, record.ending) == ((), "running")
        objects.put(ended_key(RUN, "beside"), to_json(StepRecord("beside", "ran", "k" * 64, 1.0, "never run")))
        record = read_run(objects, RUN)
        assert ([step.name for step in record.steps], record.ending) == (["first", "second", "beside"], "failed")
        assert gathered(record, objects) == record  # one that has ended is as it was written
