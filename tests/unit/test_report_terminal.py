"""The verdict as lines: exact numbers, aligned, and plain."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from seatrial.report.terminal.verdict import verdict_lines, verdict_table
from seatrial.verdicts.evidence import NotMeasured
from seatrial.verdicts.judge import Verdict, judge
from seatrial.verdicts.policy import Policy, Requirement
from tests.report_sample import REQUIREMENTS, census_trial, census_view


@pytest.fixture(scope="module")
def lines() -> list[str]:
    view = census_view()
    return verdict_lines(view.verdict, view.trial)


def test_the_first_line_is_the_verdict(lines: list[str]) -> None:
    assert lines[0] == "Verdict: FAIL. 3 of 6 requirements hold (bounds at 97.5\u202f%; use 1 of this test data)."


def test_a_requirement_shows_its_estimate_bounds_threshold_and_outcome(lines: list[str]) -> None:
    found = [re.split(r" {2,}", line.strip()) for line in lines]
    assert ["accuracy", "overall", "0.851", "0.843 to 0.859", "≥ 0.83", "✓ pass"] in found


def test_a_gap_is_signed_and_its_threshold_has_two_sides(lines: list[str]) -> None:
    gap = next(one for one in census_trial().evidence if str(one.claim) == "selection_rate gap between sex")
    line = next(line for line in lines if line.strip().startswith("selection_rate gap between sex"))
    assert f"−{-gap.estimate:.3f}  −{-gap.low:.3f} to −{-gap.high:.3f}  within ±0.1  ✗ fail" in line


def test_every_requirement_has_one_line_in_the_order_of_the_policy(lines: list[str]) -> None:
    starts = [str(requirement.claim) for requirement in REQUIREMENTS]
    told = [line.strip() for line in lines if line.startswith("  ") and not line.startswith("    ")][1:]
    assert len(told) == len(starts)
    assert all(line.startswith(start) for line, start in zip(told, starts, strict=True))


def test_of_many_slices_the_worst_decides(lines: list[str]) -> None:
    assert any("17–24 (worst of 6)" in line for line in lines)


def test_an_undecided_requirement_says_which_rows_it_would_take(lines: list[str]) -> None:
    assert any(re.search(r"^    a new test set would need about [\d\u202f]+ rows", line) for line in lines)


def test_what_was_not_measured_is_said_below_its_requirement() -> None:
    requirement = Requirement("true_positive_rate", at_least=0.5, by="country")
    gap = NotMeasured(requirement.claim, "country=Peru", "no positive rows")
    trial = replace(census_trial(), not_measured=(gap,))
    lines = verdict_lines(judge(Policy(0.95, (requirement,)), trial), trial)
    assert "nothing measured" in lines[-2]
    assert lines[-1] == "    Peru: not measured: no positive rows"


def test_an_empty_policy_gives_one_line() -> None:
    verdict = Verdict(None, 0.95)
    assert verdict_lines(verdict, census_trial()) == [
        "No verdict: the policy asks for nothing, so nothing can be deployed."
    ]


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_fits_the_terminal_and_takes_names_for_names(width: int) -> None:
    view = census_view()
    named = tuple(replace(one, slice=one.slice.replace("17–24", "[red]17[/red]")) for one in view.trial.evidence)
    written = io.StringIO()
    Console(file=written, width=width, force_terminal=False).print(
        verdict_table(view.verdict, replace(view.trial, evidence=named))
    )
    told = written.getvalue()
    assert all(len(line) <= width for line in told.splitlines())
    assert "[red]17[/red]" in told
    assert told.count("✓ pass") == 3
