"""A run whose release is not used on this machine says why, and does not end as if all were well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.small_project import SmallProject

pytestmark = pytest.mark.real


@pytest.fixture
def finished(tmp_path: Path) -> SmallProject:
    """The small project after a run that passed."""
    project = SmallProject(tmp_path)
    project.json("run")
    return project


def damage(project: SmallProject) -> None:
    (evidence,) = project.store.glob("releases/small/1/evidence.json")
    evidence.write_bytes(evidence.read_bytes().replace(b"0", b"1", 1))


def test_a_release_that_was_changed_since_is_named_with_its_file(finished: SmallProject) -> None:
    damage(finished)
    done = finished.call("run")
    assert done.returncode == 1
    assert "small@1: does not verify, and is not used:" in done.stdout
    assert "evidence.json: the content is not what was signed." in done.stdout
    assert "Next: seatrial verify small@1" in done.stdout


def test_its_document_has_the_error_and_is_not_deployable(finished: SmallProject) -> None:
    damage(finished)
    document = finished.json("run", status=1)
    assert document["deployable"] is False
    assert [error["code"] for error in document["errors"]] == ["refused"]


def test_a_key_that_is_not_trusted_here_is_told_beside_the_verdict(finished: SmallProject) -> None:
    trust = Path(finished.environment["SEATRIAL_HOME"]) / "trust.toml"
    trust.write_text("keys = []\n")
    done = finished.call("run")
    assert done.returncode == 1
    assert "Verdict: PASS" in done.stdout
    assert "is not trusted" in done.stdout
