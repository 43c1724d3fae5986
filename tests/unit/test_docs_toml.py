"""Every TOML block of the docs is taken by what reads such files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seatrial.pipeline.project.project_file import parse_project
from seatrial.releases.trust import parse_trust

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = [
    (page.relative_to(DOCS).as_posix(), number, text)
    for page in sorted(DOCS.rglob("*.md"))
    for number, text in enumerate(re.findall(r"^```toml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL))
]


def around(block: str) -> str:
    """The tables that a part of a seatrial.toml needs above it, where it does not have them itself."""
    project = "" if "[project]" in block else '[project]\nname = "census"\n'
    data = '[data]\ntest = "a"\nvalidation = "b"\nlabel = "income"\ntask = "binary"\ngroups = ["sex", "sex*age:40"]\n'
    return project + ("" if "[data]" in block else data) + block


@pytest.mark.parametrize(("page", "number", "block"), BLOCKS, ids=[f"{page}-{number}" for page, number, _ in BLOCKS])
def test_a_toml_block_is_read_without_a_mistake(page: str, number: int, block: str) -> None:
    if "[[keys]]" in block:
        assert parse_trust(block, page).keys
    else:
        assert parse_project(around(block), Path("/project"), shown=page).name
