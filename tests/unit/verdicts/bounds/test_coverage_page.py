"""The table of coverage in the docs is what the stored results say, and nothing is claimed that it does not show."""

import ast
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import seatrial.verdicts.bounds

ROOT = Path(__file__).parents[4]
STATISTICS = ROOT / "docs/concepts/statistics.md"
BOUNDS = Path(seatrial.verdicts.bounds.__path__[0])
SHAPED_LIKE_A_METHOD = re.compile(r"betting|[a-z0-9]+(-[a-z0-9]+)+")


def _page_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_page", ROOT / "benchmarks/coverage_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page() -> ModuleType:
    return _page_module()


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "benchmarks/results/coverage.json").read_text())
    return document


def test_the_page_is_made_of_the_stored_results(page: ModuleType, results: dict[str, Any]) -> None:
    assert (ROOT / "docs/concepts/coverage.md").read_text() == page.render(results)


def test_statistics_claims_what_the_results_show(page: ModuleType, results: dict[str, Any]) -> None:
    between = STATISTICS.read_text().split(page.MARKS[0])[1].split(page.MARKS[1])[0]
    assert between.strip().splitlines() == page.summary_lines(results)


def test_bounds_that_are_said_to_hold_by_proof_missed_no_more_than_they_promise(
    page: ModuleType, results: dict[str, Any]
) -> None:
    for name, method in results["rows"].items():
        if method["kind"] == "proved":
            assert not [row for row in method["rows"] if page.exceeds(row)], name


def test_every_method_of_interval_is_in_the_table(results: dict[str, Any]) -> None:
    written = {
        node.value
        for source in BOUNDS.glob("*.py")
        if "Interval(" in source.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SHAPED_LIKE_A_METHOD.fullmatch(node.value)
    }
    listed = {name for method in results["rows"].values() for name in method["methods"]}
    listed |= {name for names in results["unmeasured"].values() for name in names}  # the page says so
    assert len(written) > 20
    assert not written - listed


def test_statistics_states_no_coverage_of_its_own(page: ModuleType) -> None:
    """How often a bound misses stands in the table alone: numbers in the words would grow old."""
    text = STATISTICS.read_text()
    words = text.split(page.MARKS[0])[0] + text.split(page.MARKS[1])[1]
    section = words.split("## The methods")[1].split("## Using the same test data again")[0]
    of_misses = re.compile(r"\b(?:miss|missed|misses)\b[^|\n]*\d[^|\n]*\btimes\b")
    assert not of_misses.findall(section)
    assert "| missed" not in section


def test_a_method_that_misses_more_than_it_says_is_seen(page: ModuleType) -> None:
    row = {"confidence": 0.975, "missed": 0.05, "draws": 3_000}
    assert page.exceeds(row)
    assert not page.exceeds({**row, "missed": 0.03})
    assert page.exceeds({**row, "missed": 0.0251, "draws": 0})
