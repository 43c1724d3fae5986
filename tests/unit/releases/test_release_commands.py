"""The commands, run as a user does, on a project whose store is a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.cli import main
from seatrial.releases.keys import SigningKey, ensure_key, find_key
from seatrial.releases.release import Release
from seatrial.releases.trust import as_trust_entry
from seatrial.stores.objects import Objects

MakeRelease = Callable[..., Release]

PROJECT = """\
[project]
name = "census"

[profile.local]
store = { url = "file:store" }
"""


class Run:
    """Runs a command, and keeps its exit status and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = self.capsys.readouterr()
        assert ended.value.code == status, printed.out + printed.err
        return printed.out + printed.err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seatrial.toml").write_text(PROJECT)
    return Run(capsys)


@pytest.fixture
def project(run: Run, home: Path, keys: dict[str, SigningKey]) -> Run:
    """A project in whose trust file the key of `make_release` stands."""
    home.mkdir()
    (home / "trust.toml").write_text(as_trust_entry("release", "the team", keys["release"].public))
    return run


def test_keys_are_made_listed_and_exported(run: Run, home: Path) -> None:
    assert "Next: seatrial keys new" in run("keys", "list")
    assert "keys export --role waiver" in run("keys", "new", "--role", "waiver")
    key = find_key(home, "waiver")
    assert key is not None
    assert key.public.text in run("keys", "export", "--role", "waiver")
    assert "not trusted here" in run("keys", "list")
    assert json.loads(run("keys", "list", "--json"))["keys"][0]["id"] == key.public.id


def test_what_export_prints_makes_the_key_trusted(run: Run, home: Path) -> None:
    run("keys", "new", "--role", "waiver")
    (home / "trust.toml").write_text(run("keys", "export", "--role", "waiver"))
    assert json.loads(run("keys", "list", "--json"))["keys"][0]["trusted"] is True


def test_a_second_key_and_a_missing_key_are_input_errors(run: Run) -> None:
    run("keys", "new", "--role", "release")
    assert "already" in run("keys", "new", "--role", "release", status=2)
    assert "seatrial keys new --role waiver" in run("keys", "export", "--role", "waiver", status=2)


def test_verify_says_what_it_found_and_ends_with_the_verdict(project: Run, make_release: MakeRelease) -> None:
    make_release()
    out = project("verify")
    assert "signed by  the team" in out
    assert "It can be deployed." in out
    assert "Next: seatrial serve" in out
    make_release(epochs=3, roc_auc=0.7)
    assert "verdict is fail" in project("verify", status=3)
    assert json.loads(project("verify", "census@1", "--json")) | {"digest": None} == {
        "ok": True,
        "release": "census@1",
        "digest": None,
        "verdict": "pass",
        "deployable": True,
        "waived": [],
        "problems": [],
    }


def test_a_tampered_release_ends_with_1_and_names_the_file(
    project: Run, make_release: MakeRelease, objects: Objects
) -> None:
    make_release()
    objects.put("releases/census/1/model/model.onnx", b"changed")
    assert "model/model.onnx" in project("verify", "census@1", status=1)
    document = json.loads(project("verify", "census@1", "--json", status=1))
    assert document["ok"] is False
    assert document["problems"][0]["path"] == "model/model.onnx"
    assert "model/model.onnx" in project("export", "census@1", "out", status=1)


def test_without_a_trust_file_nobody_is_trusted(run: Run, make_release: MakeRelease) -> None:
    make_release()
    assert "seatrial keys export" in run("verify", status=1)


def test_an_exported_folder_verifies_elsewhere_with_a_given_trust_file(
    project: Run, make_release: MakeRelease, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_release()
    assert "Next: seatrial verify ./out --expect census@1" in project("export", "census@1", "out")
    (tmp_path / "elsewhere").mkdir()
    trust = tmp_path / "elsewhere" / "trust.toml"
    (home / "trust.toml").rename(trust)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "Judged again" in project("verify", "../out", "--expect", "census@1", "--trust", str(trust))
    assert "'other' was asked for" in project("verify", "../out", "--expect", "other", "--trust", str(trust), status=1)


def test_a_waiver_makes_a_failed_release_deployable_and_verify_end_with_4(
    project: Run, make_release: MakeRelease, home: Path
) -> None:
    make_release(roc_auc=0.7)
    waive = ("waive", "census@1", "--requirement", "2", "--reason", "pilot", "--days", "14")
    assert "seatrial keys new --role waiver" in project(*waive, status=2)
    key = ensure_key(home, "waiver")
    assert "does not trust the waiver key" in project(*waive)
    assert "not trusted" in project("verify", status=3)
    with (home / "trust.toml").open("a") as file:
        file.write(as_trust_entry("waiver", "risk", key.public))
    assert "(waived)" in project("verify", status=4)
    document = json.loads(project("verify", "--json", status=4))
    assert (document["verdict"], document["deployable"], document["waived"]) == ("fail", True, ["roc_auc ≥ 0.85"])


def test_what_passed_or_is_not_there_cannot_be_waived(project: Run, make_release: MakeRelease, home: Path) -> None:
    make_release(roc_auc=0.7)
    ensure_key(home, "waiver")
    options = ("--reason", "pilot", "--days", "14")
    assert "can be waived" in project("waive", "--requirement", "1", *options, status=2)
    assert "2: roc_auc" in project("waive", "--requirement", "3", *options, status=2)
    project("export", "census@1", "out")
    assert "kept in the store" in project("waive", "./out", "--requirement", "2", *options, status=2)


def test_releases_are_listed(project: Run, make_release: MakeRelease) -> None:
    assert "No release yet" in project("releases")
    make_release()
    make_release(epochs=3, roc_auc=0.7)
    assert [one["verdict"] for one in json.loads(project("releases", "--json"))["releases"]] == ["pass", "fail"]
    assert "Next: seatrial verify census@2" in project("releases")


def test_a_difference_is_shown_part_by_part(project: Run, make_release: MakeRelease) -> None:
    make_release()
    make_release(epochs=3)
    assert "parameters\n  epochs: 8 → 3" in project("diff", "census@1", "census@2")
    assert json.loads(project("diff", "census@1", "census@2", "--json"))["changes"] == [
        {"part": "parameters", "what": "epochs", "before": "8", "after": "3"}
    ]
    assert "Nothing differs" in project("diff", "census@1", "census@1")


def test_verify_says_what_to_do_about_a_key_that_is_not_trusted(
    project: Run, make_release: MakeRelease, home: Path
) -> None:
    make_release()
    (home / "trust.toml").write_text("")
    told = project("verify", "census@1", status=1)
    assert "seatrial keys export" in told.splitlines()[-1]
    assert "who changed it" not in told


def test_names_in_a_strangers_folder_are_spelled_out(project: Run, make_release: MakeRelease, tmp_path: Path) -> None:
    make_release()
    project("export", "census@1", "exported")
    waivers = tmp_path / "exported" / "waivers"
    waivers.mkdir(exist_ok=True)
    (waivers / "x\n  signed by  the whole committee\nVerifies.json").write_text("x")
    told = project("verify", "./exported")
    assert not any(line.startswith("  signed by  the whole") for line in told.splitlines())
    Path(os.fsdecode(os.fsencode(tmp_path / "exported") + b"/\xff\x1b[2J")).write_text("x")
    told = project("verify", "./exported", status=1)
    assert "\x1b" not in told
    assert "DOES NOT VERIFY" in told
    told.encode()
