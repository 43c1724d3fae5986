"""The examples that ship with Seatrial: copied, to be changed."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from seatrial.pipeline.new_project.new_folder import folder_mistake


def copy_example(name: str, folder: Path) -> None:
    """Copies an example into a folder that is new or empty; else an `InputError`, and nothing is written."""
    if (mistake := folder_mistake(folder)) is not None:
        raise mistake
    made_by_runs = shutil.ignore_patterns("__pycache__", ".*", "*.html")
    shutil.copytree(example_folder(name), folder, dirs_exist_ok=True, ignore=made_by_runs)


def example_folder(name: str) -> Path:
    """Its folder: inside the installed package, or beside `src` in a checkout."""
    installed = Path(str(files("seatrial"))) / "examples" / name
    checkout = Path(str(files("seatrial"))).parents[1] / "examples" / name
    return installed if installed.is_dir() else checkout
