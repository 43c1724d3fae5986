"""What a wheel holds beside the package."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

from seatrial.cli.project.init import ExampleName

ROOT = Path(__file__).parents[2]


def test_the_wheel_takes_the_examples_file_by_file_and_misses_none() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    examples = [ROOT / "examples" / name for name in (*get_args(ExampleName), "starter")]
    sources = {path for folder in examples for kind in ("*.py", "*.toml", "*.md") for path in folder.glob(kind)}
    tried = {ROOT / "examples" / "try" / name for name in ("README.md", "census.onnx", "census.parquet")}
    assert {ROOT / path for path in included} == sources | tried
    assert all(to == f"seatrial/{path}" for path, to in included.items())


def test_what_try_tries_by_itself_is_small_and_names_its_source() -> None:
    folder = ROOT / "examples" / "try"
    assert (folder / "census.onnx").stat().st_size <= 50_000
    assert (folder / "census.parquet").stat().st_size <= 150_000
    assert "Becker, B. and Kohavi, R. (1996)" in (folder / "README.md").read_text()
    assert "CC BY 4.0" in (folder / "README.md").read_text()
