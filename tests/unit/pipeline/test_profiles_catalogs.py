"""A profile without a catalog has one of its own: tables of one store are not written into another."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.project.settings import Project
from seatrial.pipeline.workspace import STATE_VARIABLE, open_project

FILE = """
[project]
name = "small"

[profile.one]
store = { url = "file:one" }
[profile.also-one]
store = { url = "file:one" }
[profile.two]
store = { url = "file:two" }
[profile.named]
store = { url = "file:one" }
catalog = "sqlite:////elsewhere/catalog.db"
[profile.referred]
store = { url = "file:one" }
catalog = "env:NO_SUCH_VARIABLE"
[profile.secret]
store = { url = "file:one" }
catalog = "file:secrets/catalog"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    return parse_project(FILE, tmp_path)


def catalog_of(project: Project, profile: str) -> str:
    with open_project(project, profile) as workspace:
        return workspace.catalog.uri


def test_each_store_has_a_catalog_of_its_own(project: Project) -> None:
    assert catalog_of(project, "one") != catalog_of(project, "two")


def test_two_profiles_of_one_store_share_its_catalog(project: Project) -> None:
    assert catalog_of(project, "one") == catalog_of(project, "also-one")


def test_it_is_a_file_in_the_state_of_the_project(project: Project) -> None:
    assert catalog_of(project, "one").startswith(f"sqlite:///{project.directory}/.seatrial/catalog-")


def test_a_catalog_that_is_named_is_taken_as_it_is(project: Project) -> None:
    assert catalog_of(project, "named") == "sqlite:////elsewhere/catalog.db"


def test_a_reference_to_nothing_is_told_by_its_name(project: Project) -> None:
    with pytest.raises(InputError, match="NO_SUCH_VARIABLE is not set"):
        catalog_of(project, "referred")


def test_a_secret_in_a_file_is_looked_for_from_the_project_wherever_the_command_is(project: Project) -> None:
    (project.directory / "secrets").mkdir()
    (project.directory / "secrets" / "catalog").write_text("sqlite:////elsewhere/catalog.db\n")
    assert catalog_of(project, "secret") == "sqlite:////elsewhere/catalog.db"


def test_a_secret_that_is_no_text_is_told_by_its_reference(project: Project) -> None:
    (project.directory / "secrets").mkdir()
    (project.directory / "secrets" / "catalog").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not a text") as caught:
        catalog_of(project, "secret")
    assert caught.value.path == "file:secrets/catalog"
