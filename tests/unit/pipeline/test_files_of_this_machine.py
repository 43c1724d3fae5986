"""`Files("file:…")`: data that stays on this machine's disk, found by a pattern and pinned by what it holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.errors import InputError, ObjectChanged, StepFailed
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.jobs.job import job_for, pin_files
from seatrial.pipeline.jobs.pinned_inputs import pin_rows
from seatrial.pipeline.jobs.stored_files import StoredFiles
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.running.execute_step import execute_step
from seatrial.pipeline.steps.declaration import Files, Step
from seatrial.pipeline.workspace import STATE_VARIABLE, Workspace, open_project

PROJECT = """
[project]
name = "ships"
[profile.local]
store = { url = "file:store" }
[profile.prod]
store = { url = "file:store" }
spark = { master = "spark://ann:secret@spark.example:7077" }
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    with open_project(parse_project(PROJECT, tmp_path), "local") as opened:
        yield opened


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    for name in ("a.csv", "b.csv", ".hidden.csv", "notes.txt", "old/c.csv"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "folder.csv").mkdir()
    return folder


def reading(*patterns: str, kind: str = "python", function: object = None) -> Step:
    inputs = {f"files{index}": Files(pattern) for index, pattern in enumerate(patterns)}
    return Step("count", kind, function or count, inputs, (), (), {})  # type: ignore[arg-type]


def count(files0: StoredFiles) -> object:
    return {"bytes": sum(len(files0.read(key)) for key in files0.keys)}


def test_a_pattern_is_matched_as_a_shell_does(workspace: Workspace, raw: Path) -> None:
    for pattern, keys in (
        ("*.csv", {"a.csv", "b.csv"}),
        ("*/*.csv", {"old/c.csv"}),
        (".*.csv", {".hidden.csv"}),
        ("[ab].csv", {"a.csv", "b.csv"}),
        ("?.csv", {"a.csv", "b.csv"}),
        ("a.csv", {"a.csv"}),
    ):
        assert set(pin_files(Files(f"file:{raw}/{pattern}"), reading(), workspace).etags) == keys, pattern


def test_an_address_is_a_path_or_a_url_absolute_or_from_the_projects_folder(workspace: Workspace, raw: Path) -> None:
    spaced = raw / "two words"
    spaced.mkdir()
    (spaced / "100%.csv").write_text("x")
    for pattern in (
        f"file:{raw}/two words/*.csv",
        "file:elsewhere/two words/100%.csv",
        f"{spaced.as_uri()}/100%25.csv",
        f"{spaced.as_uri()}/*.cs?",
    ):
        assert set(pin_files(Files(pattern), reading(), workspace).etags) == {"100%.csv"}, pattern
    with pytest.raises(InputError, match="must not name another machine, got 'elsewhere'"):
        pin_files(Files("file://elsewhere/a.csv"), reading(), workspace)


def test_the_digest_is_of_names_and_content_and_not_of_the_place(workspace: Workspace, raw: Path) -> None:
    def digest(folder: Path) -> str:
        return pin_files(Files(f"file:{folder}/*.csv"), reading(), workspace).digest

    before = digest(raw)
    moved = raw.rename(raw.parent / "moved")
    assert digest(moved) == before
    os.utime(moved / "a.csv", (0, 0))
    assert digest(moved) == before
    (moved / "a.csv").write_text("A.csv")  # as long as before
    assert digest(moved) != before
    (moved / "a.csv").write_text("a.csv")
    (moved / "b.csv").rename(moved / "c.csv")
    assert digest(moved) != before


def test_a_step_is_given_the_keys_the_addresses_and_the_bytes(workspace: Workspace, raw: Path) -> None:
    (raw / "b {1} [2]*.csv").write_text("b")
    files = StoredFiles(pin_files(Files(f"file:{raw}/b*.csv"), reading(), workspace), workspace)
    assert files.keys == ("b {1} [2]*.csv", "b.csv")
    assert files.urls == (rf"file://{raw}/b \{{1\}} \[2\]\*.csv", f"file://{raw}/b.csv")
    assert files.read("b.csv") == b"b.csv"
    assert files.other_bucket is None


def test_bytes_that_are_no_longer_the_pinned_ones_are_not_given(workspace: Workspace, raw: Path) -> None:
    files = StoredFiles(pin_files(Files(f"file:{raw}/*.csv"), reading(), workspace), workspace)
    (raw / "a.csv").write_text("other")
    with pytest.raises(ObjectChanged, match="changed since the run began"):
        files.read("a.csv")
    (raw / "b.csv").unlink()
    with pytest.raises(ObjectChanged, match="cannot be read any more: No such file"):
        files.read("b.csv")


@pytest.mark.parametrize("meddle", ["other content", "old content put back", "another file", "a file less"])
def test_files_that_change_while_a_step_reads_them_drop_its_answer(
    workspace: Workspace, raw: Path, meddle: str, tmp_path: Path
) -> None:
    def read_late(files0: StoredFiles) -> object:
        path = raw / "a.csv"
        if meddle == "other content":
            path.write_text("other")
        elif meddle == "old content put back":
            path.write_text("other")
            path.write_text("a.csv")
        elif meddle == "another file":
            (raw / "new.csv").write_text("new")
        else:
            path.unlink()
        return {"urls": len(files0.urls)}

    step = reading(f"file:{raw}/*.csv", function=read_late)
    job = job_for(step, {}, {}, workspace)
    session = SharedSession(workspace, tmp_path / "spark.log")
    with pytest.raises(StepFailed, match="changed while it read them"):
        execute_step(job, step, workspace, "run", session=session, replace=False)


def test_one_that_stays_as_it_is_is_kept(workspace: Workspace, raw: Path, tmp_path: Path) -> None:
    step = reading(f"file:{raw}/*.csv")
    job = job_for(step, {}, {}, workspace)
    session = SharedSession(workspace, tmp_path / "spark.log")
    assert execute_step(job, step, workspace, "run", session=session, replace=False).key == job.key


def test_a_pattern_without_a_file_says_where_it_looked(workspace: Workspace, raw: Path) -> None:
    with pytest.raises(InputError, match=r"no file of this machine matches '.*/elsewhere/\*\.json'") as raised:
        pin_files(Files(f"file:{raw}/*.json"), reading(), workspace)
    assert raised.value.hint is not None
    assert "seatrial put" in raised.value.hint
    with pytest.raises(InputError, match="no file in the store matches") as raised:
        pin_files(Files(f"{raw}/*.csv"), reading(), workspace)
    assert raised.value.hint is not None
    assert f'Files("file:{raw}/*.csv")' in raised.value.hint


def test_spark_that_runs_elsewhere_is_refused_before_anything_runs(workspace: Workspace, raw: Path) -> None:
    elsewhere = replace(workspace, profile=workspace.project.profiles["prod"])
    pin_files(Files(f"file:{raw}/*.csv"), reading(kind="spark"), workspace)
    pin_files(Files(f"file:{raw}/*.csv"), reading(), elsewhere)  # a Python step runs here all the same
    with pytest.raises(InputError, match=r"Spark runs at spark://spark\.example:7077, and cannot read files") as raised:
        pin_files(Files(f"file:{raw}/*.csv"), reading(kind="spark"), elsewhere)
    assert raised.value.hint is not None
    assert "seatrial put" in raised.value.hint


def test_a_name_that_no_record_can_hold_is_refused(workspace: Workspace, raw: Path) -> None:
    (raw / os.fsdecode(b"caf\xe9.csv")).write_text("x")
    with pytest.raises(InputError, match="not UTF-8") as raised:
        pin_files(Files(f"file:{raw}/*.csv"), reading(), workspace)
    assert raised.value.path == "caf\ufffd.csv"
    with pytest.raises(InputError, match="not UTF-8"):
        pin_rows(f"{raw}/*.csv", workspace)
    with pytest.raises(InputError, match="null byte"):
        pin_files(Files("file:raw/\0.csv"), reading(), workspace)
