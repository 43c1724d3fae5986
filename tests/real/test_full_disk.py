"""A full disk under a project: what is told, that nothing is half there, and that the next run goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.csv
import pytest

from seatrial.pipeline.workspace import STATE_VARIABLE
from tests.real.finished_project import GOOD, linear, ships
from tests.real.small_project import LIMIT_S

KIB = 1024
PIPELINE = """
from seatrial import Files, step


@step(inputs={"raw": Files("raw/*.csv")})
def text(raw):
    return {"text": "".join(raw.read(key).decode() for key in raw.keys) * 40}


@step(inputs={"text": "text"})
def length(text):
    return len(text["text"])
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("no mount program")
    mounted = subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Project:
    """A project in a folder with room, whose state, and so its store, is on the small disk."""

    def __init__(self, folder: Path, disk: Path) -> None:
        self.folder, self.disk = folder, disk
        self.environment = {**os.environ, "SEATRIAL_HOME": str(folder / "home"), STATE_VARIABLE: str(disk / "state")}

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command, however it ends, but never with a traceback."""
        done = subprocess.run(
            [sys.executable, "-m", "seatrial", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    def fill(self, left_bytes: int) -> None:
        """Leaves so much room."""
        free = shutil.disk_usage(self.disk).free
        (self.disk / "filler").write_bytes(bytes(free - left_bytes))

    def make_room(self) -> None:
        (self.disk / "filler").unlink()

    def refused(self, *words: str) -> str:
        """What the command says, which is that the disk is full, and where."""
        done = self.call(*words)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "the disk is full. Free space there, then run again." in done.stderr, done.stderr
        assert str(self.disk) in done.stderr
        return done.stderr


def test_put_and_run_on_a_full_disk_leave_nothing_half_there_and_go_on(tmp_path: Path, disk: Path) -> None:
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "seatrial.toml").write_text('[project]\nname = "full"\n')
    (tmp_path / "small.csv").write_text("x" * 8 * KIB)
    (tmp_path / "large.csv").write_text("x" * 400 * KIB)
    project = Project(tmp_path, disk)
    assert project.call("put", "small.csv", "raw/").returncode == 0
    project.fill(100 * KIB)
    project.refused("put", "large.csv", "raw/")
    raw = disk / "state" / "local" / "raw"
    assert [path.name for path in raw.iterdir()] == ["small.csv"]
    project.refused("run")  # the step's 320 KiB have no room
    assert not list((disk / "state" / "local").glob("cache/*.json")), "no answer is visible that is not whole"
    project.make_room()
    assert project.call("run").returncode == 0
    planned = json.loads(project.call("plan", "--json").stdout)
    assert {step["name"]: step["state"] for step in planned["steps"]} == {"text": "cached", "length": "cached"}


def test_a_release_on_a_full_disk_is_whole_or_not_there(tmp_path: Path, disk: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(linear(GOOD))
    pyarrow.csv.write_csv(ships(), tmp_path / "test.csv")
    (tmp_path / "seatrial.toml").write_text(
        '[project]\nname = "ships"\n[model]\nfrom = "model.onnx"\nclasses = ["no", "yes"]\n'
        '[data]\ntest = "test.csv"\nlabel = "late"\ntask = "binary"\npositive = "yes"\n'
        '[[policy.require]]\nmetric = "accuracy"\nat_least = 0.5\n'
    )
    project = Project(tmp_path, disk)
    for room_kib in (0, 24, 72):  # at whichever step the room ends
        project.fill(room_kib * KIB)
        project.refused("run")
        for record in (disk / "state" / "local").glob("releases/*/*/release.json"):
            pytest.fail(f"{record} is visible")
        project.make_room()
    done = project.call("run")
    assert done.returncode == 0, done.stderr
    assert "Release ships@1: can be deployed." in done.stdout
    assert project.call("verify", "ships@1").returncode == 0
