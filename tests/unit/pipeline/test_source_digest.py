"""The code digest follows what a step can reach, and nothing else."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from seatrial.pipeline.steps.source_digest import code_digest

PIPELINE = """
import math
import other
from package.inner import helper

LIMIT = 3
UNUSED = 4

def shared(x):
    return x + LIMIT

def first():
    import lazy
    return shared(1) + other.value

def second():
    return helper()
"""
FILES = {
    "pipeline.py": PIPELINE,
    "other.py": "import deeper\nvalue = deeper.value",
    "deeper.py": "value = 1",
    "lazy.py": "value = 1",
    "package/__init__.py": "",
    "package/inner.py": "from . import sibling\ndef helper(): return sibling.value",
    "package/sibling.py": "value = 1",
    "stranger.py": "value = 1",
}
_names = itertools.count()


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Digest of a function of the project above, with some files replaced."""

    def compute(function: str, replaced: Mapping[str, str] = MappingProxyType({})) -> str:
        folder = tmp_path / str(next(_names))
        for name, text in {**FILES, **replaced}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        for name in FILES:
            module_name = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            monkeypatch.delitem(sys.modules, module_name, raising=False)  # another project's
        before = set(sys.modules)
        monkeypatch.syspath_prepend(str(folder))
        importlib.invalidate_caches()
        try:
            module: Any = importlib.import_module("pipeline")
            return code_digest(getattr(module, function), folder)
        finally:
            for name in set(sys.modules) - before:
                del sys.modules[name]
            sys.path.remove(str(folder))

    return compute


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def test_the_same_code_has_the_same_digest_wherever_it_lies(digest: Callable[..., str]) -> None:
    assert digest("first") == digest("first")


def test_comments_and_layout_do_not_count(digest: Callable[..., str]) -> None:
    commented = changed(PIPELINE, "def first():", "# why\n\ndef first():  # how")
    assert digest("first", {"pipeline.py": commented}) == digest("first")


@pytest.mark.parametrize(
    ("old", "new"),
    [("x + LIMIT", "x - LIMIT"), ("LIMIT = 3", "LIMIT = 30"), ("shared(1)", "shared(2)")],
)
def test_what_the_function_reaches_in_its_module_counts(digest: Callable[..., str], old: str, new: str) -> None:
    assert digest("first", {"pipeline.py": changed(PIPELINE, old, new)}) != digest("first")


@pytest.mark.parametrize(("old", "new"), [("UNUSED = 4", "UNUSED = 5"), ("return helper()", "return 1 + helper()")])
def test_what_it_does_not_reach_does_not_count(digest: Callable[..., str], old: str, new: str) -> None:
    assert digest("first", {"pipeline.py": changed(PIPELINE, old, new)}) == digest("first")


@pytest.mark.parametrize("module", ["other", "deeper", "lazy"])
def test_project_modules_count_however_deep_or_late_they_are_imported(digest: Callable[..., str], module: str) -> None:
    assert digest("first", {f"{module}.py": FILES[f"{module}.py"] + "\nmore = 2"}) != digest("first")


@pytest.mark.parametrize("path", ["package/__init__.py", "package/inner.py", "package/sibling.py"])
def test_packages_and_relative_imports_count(digest: Callable[..., str], path: str) -> None:
    assert digest("second", {path: FILES[path] + "\nmore = 2"}) != digest("second")


def test_modules_that_nobody_imports_do_not_count(digest: Callable[..., str]) -> None:
    assert digest("first", {"stranger.py": "value = 2"}) == digest("first")


def test_a_call_at_the_top_of_the_module_counts_for_every_step(digest: Callable[..., str]) -> None:
    assert digest("first", {"pipeline.py": PIPELINE + "\nmath.sqrt(2)\n"}) != digest("first")


@pytest.mark.parametrize(
    "statement",
    [
        "SETTINGS['a'] = 1",
        "SETTINGS.part = 1",
        "SETTINGS.part['a'].b = 1",
        "if LIMIT: SETTINGS.update(a=1)",
        "for name in ('a', 'b'): SETTINGS[name] = 1",
        "try:\n    pass\nfinally:\n    SETTINGS.update(a=1)",
        "assert SETTINGS.update(a=1)",
        "del LIMIT",
    ],
)
def test_whatever_changes_what_the_function_reaches_counts(digest: Callable[..., str], statement: str) -> None:
    setting = "from unittest.mock import MagicMock\nSETTINGS = MagicMock()"
    without = changed(changed(PIPELINE, "UNUSED = 4", setting), "return shared(1)", "return SETTINGS, shared(1)")
    with_it = changed(without, setting, f"{setting}\n{statement}")
    assert digest("first", {"pipeline.py": with_it}) != digest("first", {"pipeline.py": without})


def test_the_files_of_a_star_import_count(digest: Callable[..., str]) -> None:
    text = changed(PIPELINE, "import other", "import other\nfrom stranger import *")
    before = digest("first", {"pipeline.py": text})
    assert digest("first", {"pipeline.py": text, "stranger.py": "value = 2"}) != before


def test_imports_for_types_alone_do_not_count(digest: Callable[..., str]) -> None:
    text = changed(PIPELINE, "import math", "import math\nif math.pi < 3:\n    from stranger import value")
    before = digest("first", {"pipeline.py": text})
    assert digest("first", {"pipeline.py": text, "stranger.py": "value = 2"}) == before
