"""A project made from an example has what somebody wrote, and nothing that runs left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import pytest

from seatrial.cli.project.init import ExampleName, command
from seatrial.errors import InputError
from seatrial.pipeline.new_project import examples
from seatrial.pipeline.new_project.examples import copy_example

PROJECT = {"README.md", "pipeline.py", "seatrial.toml", "training.py"}
WRITTEN = {
    "census": PROJECT | {"features.py", "fetch.py", "retold.toml"},
    "digits": PROJECT | {"digits.py"},
    "mnist": PROJECT | {"fetch.py", "mnist.py"},
}


def test_each_example_that_can_be_named_is_copied_whole(tmp_path: Path) -> None:
    assert set(get_args(ExampleName)) == set(WRITTEN)
    for name, files in WRITTEN.items():
        copy_example(name, tmp_path / name)
        assert {path.name for path in (tmp_path / name).iterdir()} == files


@pytest.mark.parametrize(
    ("name", "words"), [("census", "python fetch.py && seatrial run"), ("digits", "&& seatrial run")]
)
def test_what_comes_next_fetches_where_there_is_something_to_fetch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: Literal["census", "digits"], words: str
) -> None:
    assert command(tmp_path / name, example=name) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith(words)
    assert ("fetch.py" in last) == (name == "census")


def test_what_runs_left_behind_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = tmp_path / "used"
    for name in ("pipeline.py", "census-2.html", ".seatrial/store/log", "__pycache__/pipeline.pyc"):
        (used / name).parent.mkdir(parents=True, exist_ok=True)
        (used / name).write_text("")
    monkeypatch.setattr(examples, "example_folder", lambda _: used)
    copy_example("census", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["pipeline.py"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="must be new or empty"):
        copy_example("census", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
