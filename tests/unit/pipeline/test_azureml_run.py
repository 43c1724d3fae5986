"""A run that is prepared for Azure ML: what is printed, what is written, and what has to be in the store before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from seatrial.cli.next_command import Call
from seatrial.cli.project.azureml_submission import prepare
from seatrial.cli.project.submission import Submission
from seatrial.errors import InputError, Problems
from seatrial.pipeline.driver.run_options import RunOptions
from seatrial.pipeline.garbage.needed import find_needed
from seatrial.pipeline.project.settings import AzureMLChoice, ResourceChoice, StoreChoice
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.stores.artifacts import read_artifact
from tests.pipeline_sample import opened_ships

PIPELINE = """\
from seatrial import step


@step()
def first():
    return {"number": 1}


@step(inputs={"first": "first"}, timeout_s=60)
def second(first, *, more: int = 1):
    return {"number": first["number"] + more}
"""
HUNTER = "hunter2"


@pytest.fixture
def submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Submission]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CATALOG"):
        monkeypatch.setenv(name, HUNTER)
    with opened_ships(
        tmp_path,
        PIPELINE,
        "azure",
        store=StoreChoice("s3://lake/ships", credentials="env"),
        image="registry.example/steps@sha256:" + "0" * 64,
        catalog="env:CATALOG",
        azureml=AzureMLChoice("cpu-cluster", key_vault="https://lake-keys.vault.azure.net/"),
    ) as workspace:
        pipeline = load_pipeline(workspace.project, sets=("second.more=2",), rehearse=False)
        options = RunOptions(sets=("second.more=2",))
        call = Call(profile="azure", on="azureml")
        yield Submission(pipeline, workspace, options, call, datetime(2026, 1, 1, tzinfo=UTC), "abcdef", as_json=False)


def keys(submission: Submission) -> list[str]:
    return sorted(info.key for info in submission.workspace.objects.list())


def test_a_dry_run_prints_what_would_be_written_and_leaves_nothing(
    submission: Submission, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = keys(submission)
    assert prepare(submission, schedule=None, dry_run=True, output=None) == 0
    assert keys(submission) == before
    printed = capsys.readouterr()
    assert "without --dry-run" in printed.err
    prepare(submission, schedule=None, dry_run=False, output=tmp_path / "out")
    written = "".join(
        f"# {path}\n{(tmp_path / 'out' / path).read_text()}"
        for path in ("pipeline.yaml", "components/first.yaml", "components/second.yaml")
    )
    assert printed.out == written
    assert HUNTER not in printed.out


def test_what_is_prepared_finds_its_code_in_the_store_and_names_the_command(
    submission: Submission, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(submission, schedule=None, dry_run=False, output=tmp_path / "out") == 0
    job = yaml.safe_load((tmp_path / "out" / "pipeline.yaml").read_text())
    assert read_artifact(submission.workspace.objects, job["tags"]["code"])["pipeline.py"].decode() == PIPELINE
    out = capsys.readouterr().out
    assert "never run on Azure" in out
    assert f"cd {tmp_path / 'out'} && az ml job create --file pipeline.yaml" in out


def test_the_steps_are_told_where_their_secrets_are_and_not_what(submission: Submission, tmp_path: Path) -> None:
    prepare(submission, schedule=None, dry_run=True, output=tmp_path)
    jobs = yaml.safe_load((tmp_path / "pipeline.yaml").read_text())["jobs"]
    for job in jobs.values():
        variables = job["environment_variables"]
        assert variables["SEATRIAL_KEY_VAULT"] == "https://lake-keys.vault.azure.net"
        assert variables["SEATRIAL_KEY_VAULT_VARIABLES"] == "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,CATALOG"
    assert not any(HUNTER in path.read_text() for path in tmp_path.rglob("*.yaml"))


def test_a_schedule_is_written_beside_its_job(
    submission: Submission, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(submission, schedule="0 3 * * 1", dry_run=False, output=tmp_path / "out")
    schedule = yaml.safe_load((tmp_path / "out" / "schedule.yaml").read_text())
    assert (schedule["trigger"]["expression"], schedule["create_job"]) == ("0 3 * * 1", "./pipeline.yaml")
    assert "az ml schedule create --file schedule.yaml" in capsys.readouterr().out


def test_as_json_one_document_has_it_all(
    submission: Submission, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(replace(submission, as_json=True), schedule=None, dry_run=False, output=tmp_path / "out")
    document = json.loads(capsys.readouterr().out)
    assert document["run"] == "20260101T000000-abcdef"
    assert [one["path"] for one in document["documents"]] == [
        *("pipeline.yaml", "components/first.yaml", "components/second.yaml"),
    ]
    assert document["command"].endswith("az ml job create --file pipeline.yaml")


def test_documents_that_go_nowhere_are_refused_before_anything_is_written(submission: Submission) -> None:
    before = keys(submission)
    with pytest.raises(InputError, match="need a folder"):
        prepare(submission, schedule=None, dry_run=False, output=None)
    assert keys(submission) == before


def test_a_step_of_several_workers_is_refused(submission: Submission) -> None:
    profile = replace(submission.workspace.profile, steps={"second": ResourceChoice(workers=2)})
    workspace = replace(submission.workspace, profile=profile)
    with pytest.raises(InputError, match="step 'second' has 2 workers, and a task of Azure ML has one so far"):
        prepare(replace(submission, workspace=workspace), schedule=None, dry_run=True, output=None)


@pytest.mark.parametrize("schedule", [None, "0 3 * * 1"])
def test_the_code_of_what_azure_has_yet_to_begin_stays(
    submission: Submission, tmp_path: Path, schedule: str | None
) -> None:
    prepare(submission, schedule=schedule, dry_run=False, output=tmp_path / "out")
    job = yaml.safe_load((tmp_path / "out" / "pipeline.yaml").read_text())
    needed = find_needed(submission.workspace.objects, {}, young=frozenset(), since=datetime.now(UTC))
    assert job["tags"]["code"] in needed.digests


def test_a_profile_that_lacks_something_is_refused_before_anything_is_written(
    submission: Submission, tmp_path: Path
) -> None:
    before = keys(submission)
    profile = replace(submission.workspace.profile, azureml=None)
    with pytest.raises(Problems, match="must say where the steps run"):
        prepare(
            replace(submission, workspace=replace(submission.workspace, profile=profile)),
            schedule=None,
            dry_run=False,
            output=tmp_path / "out",
        )
    assert keys(submission) == before
    assert not (tmp_path / "out").exists()
