"""CONTRIBUTING is true: the house is as drawn, and each row of "where to change what" can be followed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "seatrial"
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
TABLE = TEXT.partition("## Where to change what")[2].partition("\n## ")[0]
ROWS = [
    tuple(cell.strip() for cell in line.strip("| ").split(" | "))
    for line in TABLE.splitlines()
    if line.startswith("| ") and "---" not in line
][1:]
PLACES = (SOURCE, ROOT)  # a path is of the package, or of the repository


def quoted(cell: str) -> list[str]:
    return [word for text in re.findall(r"`([^`]+)`", cell) for word in text.split()]


def existing(path: str, others: list[Path]) -> Path | None:
    """The file or folder; a bare file name is in or below a folder that the row has named."""
    folders = [*PLACES, *(one for one in others if one.is_dir())]
    place = next((folder / path for folder in folders if (folder / path).exists()), None)
    return place or next((below for folder in others if folder.is_dir() for below in folder.rglob(path)), None)


def paths_of(cell: str) -> tuple[list[Path], list[str]]:
    """The files and folders that a row names, and those of them that are not there."""
    found: list[Path] = []
    missing = []
    for word in quoted(cell):
        if "/" not in word and not word.endswith((".py", ".toml", ".md")):
            continue
        path = existing(word, found)
        if path is None:
            missing.append(word)
        else:
            found.append(path)
    return found, missing


@pytest.mark.parametrize(("what", "where"), ROWS)
def test_every_path_of_a_row_is_there(what: str, where: str) -> None:
    found, missing = paths_of(where)
    assert missing == []
    assert found, "a row names at least one place"


@pytest.mark.parametrize(("what", "where"), ROWS)
def test_every_name_of_a_row_is_in_a_file_that_the_row_names(what: str, where: str) -> None:
    found, _ = paths_of(where)
    files = [file for path in found for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    text = "\n".join(file.read_text() for file in files)
    names = [word for word in quoted(where) if re.fullmatch(r"[A-Z][A-Za-z_]+|seatrial\.\w+", word)]
    assert [name for name in names if not re.search(rf"\b{re.escape(name)}\b", text)] == []


def test_the_house_is_drawn_with_every_folder_and_no_other() -> None:
    drawn = re.search(r"^src/seatrial/$(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert drawn
    folders = set(re.findall(r"^  (\w+)/ ", drawn[1], re.MULTILINE))
    assert folders == {path.name for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}


def test_the_house_is_drawn_in_the_order_of_its_layers() -> None:
    layers = re.search(r"^layers = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert layers
    heights = {
        name: height for height, line in enumerate(re.findall(r'"([\w| ]+)"', layers[1])) for name in line.split(" | ")
    }
    drawn = re.findall(r"^  (\w+)(?:/|\.py) ", TEXT.partition("src/seatrial/\n")[2].partition("```")[0], re.MULTILINE)
    assert [heights[name] for name in drawn] == sorted(heights[name] for name in drawn)


@pytest.mark.simulation
def test_a_command_is_added_as_its_row_says(tmp_path: Path) -> None:
    shutil.copytree(SOURCE, tmp_path / "seatrial", ignore=shutil.ignore_patterns("__pycache__"))
    listed = tmp_path / "seatrial" / "cli" / "__init__.py"
    line = '    "hail": Verb("project.hail", "Hail a passing ship."),\n'
    listed.write_text(listed.read_text().replace("VERBS = {\n", f"VERBS = {{\n{line}", 1))
    (tmp_path / "seatrial" / "cli" / "project" / "hail.py").write_text(
        'def command(ship: str, /) -> int:\n    """Hail a passing ship."""\n    print(f"Ahoy, {ship}!")\n    return 0\n'
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    called = [sys.executable, "-m", "seatrial"]
    done = subprocess.run([*called, "hail", "Ada"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "Ahoy, Ada!\n"
    helped = subprocess.run([*called, "--help"], env=environment, capture_output=True, text=True, check=True)
    assert "Hail a passing ship." in helped.stdout
