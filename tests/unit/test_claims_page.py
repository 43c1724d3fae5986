"""The reference page of metrics is written from their records, and lacks none that a policy may name."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from seatrial.report.words import metric_title
from seatrial.verdicts.metrics import ALIASES, METRICS, Scope

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def refresh_claims() -> ModuleType:
    spec = importlib.util.spec_from_file_location("refresh_claims", DOCS / "refresh_claims.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_the_page_are_those_of_the_records(refresh_claims: ModuleType) -> None:
    page = (DOCS / "reference" / "claims.md").read_text(encoding="utf-8")
    assert refresh_claims.refreshed(page) == page, "run python docs/refresh_claims.py"


def test_every_metric_is_in_one_table_of_the_page() -> None:
    page = (DOCS / "reference" / "claims.md").read_text(encoding="utf-8")
    marked = re.findall(r"<!-- metrics: (\w+) -->", page)
    assert sorted(marked) == sorted(scope.value for scope in Scope)
    assert all(page.count(f"\n| `{name}` |") == 1 for name in METRICS)


def test_the_reference_of_the_project_file_names_every_metric_of_a_policy() -> None:
    page = (DOCS / "reference" / "seatrial-toml.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith("| `metric` |"))
    assert {name for name, metric in METRICS.items() if metric.in_policies} <= set(re.findall(r"`(\w+)`", row))


def test_every_name_and_title_is_of_one_metric() -> None:
    assert not set(ALIASES) & set(METRICS)
    assert sum(len(metric.aliases) for metric in METRICS.values()) == len(ALIASES)
    titles = [metric_title(name) for name in METRICS]
    assert len(set(titles)) == len(titles)
