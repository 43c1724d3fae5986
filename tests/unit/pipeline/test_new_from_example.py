"""A project made from an example has what somebody wrote, and nothing that runs left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.pipeline import examples
from seatrial.pipeline.examples import copy_example

WRITTEN = {"README.md", "features.py", "fetch.py", "pipeline.py", "seatrial.toml", "training.py"}


def test_the_census_example_is_copied_whole(tmp_path: Path) -> None:
    copy_example("census", tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == WRITTEN


def test_what_runs_left_behind_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = tmp_path / "used"
    for name in ("pipeline.py", "census-2.html", ".seatrial/store/log", "__pycache__/pipeline.pyc"):
        (used / name).parent.mkdir(parents=True, exist_ok=True)
        (used / name).write_text("")
    monkeypatch.setattr(examples, "_example", lambda _: used)
    copy_example("census", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["pipeline.py"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="something here already"):
        copy_example("census", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
