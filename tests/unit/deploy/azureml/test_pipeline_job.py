"""A run as a pipeline job: as azure-ai-ml reads it, and as the shell of a component does."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.deploy import find_target
from seatrial.deploy.azureml.lint import find_mistakes
from seatrial.deploy.azureml.pipeline_job import component_name
from seatrial.deploy.azureml.values import COMPONENT
from seatrial.deploy.target import write_documents
from seatrial.errors import InputError, Problems
from seatrial.pipeline.driver.pipeline_run import PipelineRun
from seatrial.pipeline.steps.declaration import Resources
from seatrial.pipeline.tasks.key_vault import SIGNING_VARIABLE
from tests.azureml_sample import CHOICE, ON_AZURE, REQUEST, SCHEDULED_ON_AZURE, TASKS

pytestmark = pytest.mark.filterwarnings("ignore")  # azure-ai-ml warns of its own experimental classes


def rendered(run: PipelineRun) -> dict[str, dict[str, Any]]:
    return {one.path: yaml.safe_load(one.text) for one in find_target("azureml").render_pipeline(run)}


JOB = rendered(ON_AZURE)["pipeline.yaml"]


def lost(written: object, read: object, place: str = "") -> list[str]:
    """The places of `written` that `read` lacks."""
    if isinstance(written, dict):
        if not isinstance(read, dict):
            return [place]
        return [gone for key in written for gone in lost(written[key], read.get(key), f"{place}.{key}")]
    return [place] if read is None else []


@pytest.mark.parametrize("run", [ON_AZURE, SCHEDULED_ON_AZURE], ids=["job", "schedule"])
def test_the_sdk_loads_validates_and_keeps_every_key_of_the_job(tmp_path: Path, run: PipelineRun) -> None:
    from azure.ai.ml import load_job
    from azure.ai.ml.entities import PipelineJob

    write_documents(find_target("azureml").render_pipeline(run), tmp_path)
    job = load_job(tmp_path / "pipeline.yaml")
    assert isinstance(job, PipelineJob)
    result = job._validate()
    assert result.passed, result.error_messages
    written = yaml.safe_load((tmp_path / "pipeline.yaml").read_text())
    read = job._to_dict()
    for name, node in written["jobs"].items():
        component = yaml.safe_load((tmp_path / node.pop("component")).read_text())
        assert lost(component, read["jobs"][name]["component"]) in ([], [".version"]), name
    # What a schema is named by is the loader's own.
    assert lost({key: value for key, value in written.items() if key != "$schema"}, read) == []


def test_the_sdk_loads_the_schedule_with_its_job(tmp_path: Path) -> None:
    from azure.ai.ml.entities import JobSchedule
    from azure.ai.ml.entities._load_functions import load_schedule

    write_documents(find_target("azureml").render_pipeline(SCHEDULED_ON_AZURE), tmp_path)
    schedule = load_schedule(tmp_path / "schedule.yaml")
    assert isinstance(schedule, JobSchedule)
    assert (schedule.trigger.expression, schedule.trigger.time_zone) == ("0 3 * * mon-fri", "UTC")
    assert list(schedule.create_job.jobs) == ["features", "train_model", "assess", "release"]


def test_each_step_is_a_component_that_waits_for_what_it_needs() -> None:
    assert {name: list(job.get("inputs", {}).values()) for name, job in JOB["jobs"].items()} == {
        "features": [],
        "train_model": ["${{parent.jobs.features.outputs.done}}"],
        "assess": ["${{parent.jobs.train_model.outputs.done}}", "${{parent.jobs.features.outputs.done}}"],
        "release": ["${{parent.jobs.assess.outputs.done}}"],
    }


def test_azures_own_cache_is_off_everywhere() -> None:
    documents = rendered(ON_AZURE)
    assert documents["pipeline.yaml"]["settings"]["force_rerun"] is True
    components = [one for path, one in documents.items() if path.startswith("components/")]
    assert [one["is_deterministic"] for one in components] == [False] * len(TASKS)


def test_only_the_release_component_is_told_of_the_signing_key() -> None:
    told = {name: SIGNING_VARIABLE in job["environment_variables"] for name, job in JOB["jobs"].items()}
    assert told == {"features": False, "train_model": False, "assess": False, "release": True}
    assert {name: job.get("compute") for name, job in JOB["jobs"].items()} == {
        "features": None,
        "train_model": "azureml:gpu-cluster",
        "assess": None,
        "release": "azureml:release",
    }


def test_without_a_vault_no_identity_is_asked_for() -> None:
    bare = {key: value for key, value in REQUEST.variables.items() if "VAULT" not in key}
    run = replace(
        ON_AZURE, driver=replace(REQUEST, variables=bare), azureml=replace(CHOICE, key_vault=None, signing_vault=None)
    )
    assert not any("identity" in job for job in rendered(run)["pipeline.yaml"]["jobs"].values())
    assert all(job["identity"] == {"type": "managed_identity"} for job in JOB["jobs"].values())


def test_the_limit_of_a_component_leaves_its_step_time_for_its_tries_and_for_saying_so() -> None:
    assert JOB["jobs"]["features"]["limits"] == {"timeout": 3 * 3600 + 600}
    assert "limits" not in JOB["jobs"]["assess"]


def test_a_step_with_gpus_needs_a_compute_that_has_them() -> None:
    with pytest.raises(InputError, match="asks for 1 GPUs") as caught:
        rendered(replace(ON_AZURE, azureml=replace(CHOICE, gpu_compute=None)))
    assert caught.value.path == "azureml.gpu_compute"


def test_what_azure_would_replace_is_refused() -> None:
    with pytest.raises(InputError, match="must not hold"):
        rendered(replace(ON_AZURE, driver=replace(REQUEST, options=("--set=features.path=${{inputs.x}}",))))


@pytest.mark.simulation
def test_a_job_of_a_schedule_has_no_name_and_its_run_the_time_of_its_own() -> None:
    documents = rendered(SCHEDULED_ON_AZURE)
    assert "name" not in documents["pipeline.yaml"]
    assert JOB["name"] == f"census-{REQUEST.run}"
    words = shell(documents["components/features.yaml"]["command"])
    assert re.fullmatch(r"20261129T030000Z-[0-9a-f]{6}", words[words.index("--run") + 1])


@pytest.mark.simulation
def test_the_shell_hands_over_each_word_as_it_is_and_only_those_of_the_step() -> None:
    words = shell(rendered(ON_AZURE)["components/train_model.yaml"]["command"])
    assert words == [
        *("step", "train_model", "--run", str(REQUEST.run), "--profile", "azure", "--code", REQUEST.code),
        *("--expects=Python=3.11", "--expects=torch=2.13.0"),
        *("--set=train_model.title=a $(HOME) of 'one''s' own", "--no-cache"),
    ]


@pytest.mark.parametrize("run", [ON_AZURE, SCHEDULED_ON_AZURE], ids=["job", "schedule"])
def test_every_component_calls_the_step_as_the_command_line_takes_it(run: PipelineRun) -> None:
    from seatrial.cli import _app

    called = []
    for path, document in rendered(run).items():
        if path.startswith("components/"):
            words = shlex.split(document["command"].rpartition(" && ")[0])
            bound = _app("step").parse_args(words[1:], exit_on_error=False, print_error=False)[1]
            assert bound.arguments["code"] == REQUEST.code
            assert "Python=3.11" in bound.arguments["expects"]
            assert bound.arguments["no_cache"] is True
            called.append(bound.arguments["name"])
    assert called == [task.step for task in TASKS]


@pytest.mark.simulation
def test_a_component_that_fails_says_nothing_of_having_ended(tmp_path: Path) -> None:
    done = tmp_path / "done"
    command = rendered(ON_AZURE)["components/features.yaml"]["command"].replace("${{outputs.done}}", str(done))
    for status in (1, 0):
        script = f"seatrial() {{ return {status}; }}\n{command}"
        ended = subprocess.run(["/bin/bash", "-c", script], check=False, timeout=60)
        assert (ended.returncode, done.exists()) == (status, status == 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", done.read_text())


def shell(command: str) -> list[str]:
    """The words that `seatrial` is called with, as bash splits them in a job of a schedule of that time."""
    step = command.rpartition(" && ")[0]
    script = f'seatrial() {{ printf "%s\\0" "$@"; }}\nAZUREML_ROOT_RUN_ID=census-prod-1a2b3c-20261129T030000Z\n{step}'
    called = subprocess.run(["/bin/bash", "-c", script], check=True, capture_output=True, text=True, timeout=60)
    return called.stdout.split("\0")[:-1]


def test_a_step_may_have_any_name_of_python() -> None:
    steps = ["Train", "_private", "übung", "train_model", "x" * 300]
    names = [component_name(step) for step in steps]
    assert len(set(names)) == len(names)
    assert all(COMPONENT.pattern.fullmatch(name) for name in names)
    tasks = tuple(replace(TASKS[0], step=step) for step in steps)
    documents = rendered(replace(ON_AZURE, tasks=tasks))
    assert list(find_mistakes(documents)) == []
    assert [shlex.split(one["command"])[2] for path, one in documents.items() if "/" in path] == steps


def test_a_schedule_that_azure_takes_for_another_is_refused() -> None:
    with pytest.raises(Problems, match="without a word"):
        rendered(replace(SCHEDULED_ON_AZURE, schedule="0 3 1 * *"))


def test_the_image_is_refused_by_tag() -> None:
    with pytest.raises(Problems, match="by its digest"):
        rendered(replace(ON_AZURE, driver=replace(REQUEST, image="registry.example/census:2")))


def test_resources_of_a_step_are_those_of_its_machine() -> None:
    big = replace(TASKS[0], resources=Resources(cpu="16", memory="64Gi"))
    documents = rendered(replace(ON_AZURE, tasks=(big,)))
    assert documents["pipeline.yaml"]["jobs"]["features"]["resources"] == {"instance_count": 1}
