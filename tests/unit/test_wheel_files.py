"""What a wheel holds beside the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_takes_the_example_file_by_file_and_misses_none() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    example = ROOT / "examples" / "census"
    sources = {path for kind in ("*.py", "*.toml", "*.md") for path in example.glob(kind)}
    assert {ROOT / path for path in included} == sources
    assert all(to == f"seatrial/{path}" for path, to in included.items())
