"""`[profile.X] test_uses`: where a project counts its uses of test data with others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.errors import InputError, Problems, StoreError
from seatrial.pipeline.builtin_steps.uses import ProjectStore, use_recorder
from seatrial.pipeline.jobs.job import job_for
from seatrial.pipeline.jobs.step_key import changes
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.steps.declaration import Step
from seatrial.pipeline.workspace import Workspace, ledger_settings, open_project
from seatrial.stores.settings import StoreSettings
from seatrial.trial.test_uses.shared_ledger import SharedLedger

FILE = '[project]\nname = "ships"\n\n[profile.local]\nstore = { url = "file:objects" }\n'


def opened(folder: Path, test_uses: str | None, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("SEATRIAL_STATE", raising=False)
    line = "" if test_uses is None else f"test_uses = {test_uses}\n"
    (folder / "seatrial.toml").write_text(FILE + line)
    with open_project(load_project(folder), "local") as workspace:
        return workspace


def test_without_the_key_uses_are_counted_in_the_projects_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(use_recorder(opened(tmp_path, None, monkeypatch)), ProjectStore)


def test_a_folder_is_relative_to_the_project_and_has_to_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = opened(tmp_path, '{ url = "file:team" }', monkeypatch)
    with pytest.raises(StoreError, match="must be a folder that exists") as caught:
        use_recorder(workspace)
    assert caught.value.path == f"{tmp_path / 'seatrial.toml'}: [profile.local] test_uses"
    (tmp_path / "team").mkdir()
    recorder = use_recorder(workspace)
    assert isinstance(recorder, SharedLedger)
    assert recorder.place == (tmp_path / "team").as_uri()


def test_it_is_a_store_with_all_that_a_store_can_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '{ url = "s3://team/uses", endpoint = "https://minio.data:9000", credentials = "none", region = "eu-1" }'
    settings = ledger_settings(opened(tmp_path, text, monkeypatch), os.environ)
    assert settings == StoreSettings("s3://team/uses", "https://minio.data:9000", region="eu-1", anonymous=True)


def test_a_secret_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEAM_KEY", raising=False)
    text = '{ url = "s3://team/uses", credentials = { access_key = "env:TEAM_KEY" } }'
    with pytest.raises(InputError, match="TEAM_KEY is not set"):
        use_recorder(opened(tmp_path, text, monkeypatch))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{ url = "team/uses" }', "a store must be at s3:// or file:"),
        ('{ url = "s3://team/uses", credentials = { access_key = "AKIA" } }', "a secret stands in it"),
        ('{ adress = "s3://team" }', "unknown key"),
    ],
)
def test_mistakes_are_told_at_the_key(text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problems, match=r"profile\.local\.test_uses") as caught:
        opened(tmp_path, text, monkeypatch)
    assert problem in str(caught.value)


def test_a_trial_that_was_counted_elsewhere_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "team").mkdir()

    def parts(test_uses: str | None, *, rehearse: bool) -> dict[str, object]:
        step = Step("assess", "python", lambda: None, {}, (), (), {"rehearse": rehearse})
        found = job_for(step, {}, {}, opened(tmp_path, test_uses, monkeypatch)).parts
        whole[test_uses, rehearse] = found
        return dict(found.parameters)

    whole: dict[tuple[str | None, bool], object] = {}
    shared = '{ url = "file:team" }'
    assert parts(None, rehearse=False) == {"rehearse": False}
    assert parts(shared, rehearse=False) == {"rehearse": False, "test_uses": (tmp_path / "team").as_uri()}
    assert parts(shared, rehearse=True) == {"rehearse": True}  # which counts nothing
    (why,) = changes("assess", whole[None, False], whole[shared, False])  # type: ignore[arg-type]  # of the dict
    assert why == f"parameter assess.test_uses absent → {(tmp_path / 'team').as_uri()}"
