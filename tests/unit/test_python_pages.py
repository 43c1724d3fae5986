"""The pages about the Python names and the errors: nothing is missing, and what they show is what happens."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import seatrial
from seatrial import errors
from seatrial.errors import SeatrialError

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SeatrialError)]


def test_every_public_name_has_its_section_and_no_other_has() -> None:
    headings = re.findall(r"^## `(\w+)`$", (REFERENCE / "python.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(seatrial.__all__)


def test_the_examples_of_the_python_page_answer_as_shown() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (REFERENCE / "python.md").read_text(), re.MULTILINE | re.DOTALL)
    examples = "\n".join(block for block in blocks if ">>>" in block)
    module = {"__name__": __name__}  # steps are noted in their module
    found = doctest.DocTestParser().get_doctest(examples, module, "python.md", None, 0)
    told: list[str] = []
    outcome = doctest.DocTestRunner(verbose=False).run(found, out=told.append)
    assert outcome.attempted > 0
    assert not told, "".join(told)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_on_its_page_with_its_code_and_exit_status(kind: type[SeatrialError]) -> None:
    page = (REFERENCE / "errors.md").read_text()
    row = re.search(rf"^\| `{kind.__name__}` \| `(.*?)` \| (\d) \| .+ \| .+ \|$", page, re.MULTILINE)
    assert row
    assert (row[1], int(row[2])) == (kind.code, kind.exit_status)


def test_no_error_is_on_the_page_that_is_not_there() -> None:
    page = (REFERENCE / "errors.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not SeatrialError], ids=lambda kind: kind.__name__)
def test_the_tree_on_the_page_is_the_tree_of_the_code(kind: type[SeatrialError]) -> None:
    tree = re.search(r"^SeatrialError\n(.*?)^```", (REFERENCE / "errors.md").read_text(), re.MULTILINE | re.DOTALL)
    assert tree
    above = {0: "SeatrialError"}
    parents = {}
    for line in tree[1].splitlines():
        name = line.lstrip("│├└─ ")
        depth = (len(line) - len(name)) // 4
        above[depth] = name
        parents[name] = above[depth - 1]
    assert parents[kind.__name__] == kind.__bases__[0].__name__
