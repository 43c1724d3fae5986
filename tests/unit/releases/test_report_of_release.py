"""From a release in a store to the page about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from seatrial.cli.release import report
from seatrial.errors import InputError, Refused
from seatrial.releases.export import export_release
from seatrial.releases.keys import PublicKey
from seatrial.releases.release import Release
from seatrial.releases.source import StoredRelease
from seatrial.releases.trust import Trust, as_trust_entry
from seatrial.releases.verify import verify
from seatrial.report.html import render_report
from seatrial.report.verified import view_of
from seatrial.stores.objects import Objects


def test_a_release_that_verifies_is_shown_with_what_was_verified(
    objects: Objects, trust: Trust, now: datetime, make_release: Callable[..., Release]
) -> None:
    make_release(roc_auc=0.8)
    verified = verify(StoredRelease(objects, "census", 1), trust, now=now)
    page = render_report(view_of(verified, made_with="0.1.0"))
    assert "<h1>" in page
    assert str(verified.digest) in page
    assert "the team" in page
    assert "1 of 2 requirements does not hold: ROC AUC, at least 0.85." in page
    assert "seatrial verify census@1" in page


def test_a_release_that_does_not_verify_gets_no_page(
    objects: Objects, trust: Trust, now: datetime, make_release: Callable[..., Release]
) -> None:
    make_release()
    objects.put("releases/census/1/policy.json", b"{}")
    verified = verify(StoredRelease(objects, "census", 1), trust, now=now)
    with pytest.raises(Refused, match=r"policy\.json"):
        view_of(verified, made_with="0.1.0")


@pytest.fixture
def exported(
    objects: Objects,
    trust: Trust,
    now: datetime,
    make_release: Callable[..., Release],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A release as a folder, on a machine that trusts whoever signed it."""
    make_release()
    source = StoredRelease(objects, "census", 1)
    export_release(verify(source, trust, now=now), source, tmp_path / "census-1")
    home = tmp_path / "home"
    home.mkdir()
    entries = [as_trust_entry(one.role, one.name, PublicKey(one.key)) for one in trust.keys]
    (home / "trust.toml").write_text("\n".join(entries), encoding="utf-8")
    monkeypatch.setenv("SEATRIAL_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "census-1"


def test_the_command_writes_the_page_and_prints_where(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.command(str(exported)) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(Path("census-1.html").resolve())
    assert Path("census-1.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_command_prints_one_document_under_json(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.command(str(exported), output=Path("page.html"), json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"release": "census@1", "report": "page.html"}


def test_the_command_writes_nothing_about_a_release_that_was_tampered_with(exported: Path) -> None:
    evidence = exported / "evidence.json"
    evidence.write_bytes(evidence.read_bytes().replace(b"0.85", b"0.95"))
    with pytest.raises(Refused, match=r"evidence\.json"):
        report.command(str(exported))
    assert not Path("census-1.html").exists()


def test_a_file_that_cannot_be_written_is_named(exported: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere/page\.html") as refused:
        report.command(str(exported), output=Path("nowhere/page.html"))
    assert refused.value.exit_status == 2
