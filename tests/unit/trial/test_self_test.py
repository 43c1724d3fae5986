"""The trial on trial: every planted model is caught by the claim that should, and a trial that is blind is noticed."""

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from seatrial.trial.self_test import KINDS, people, planted_cases, run_self_test
from seatrial.trial.self_test.case import Case, try_case
from seatrial.verdicts.verdict import Outcome

pytestmark = pytest.mark.simulation

CASES: list[Case] = list(planted_cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_planted_model_is_caught_by_its_claim_and_a_good_one_passes(case: Case) -> None:
    result = try_case(case)
    assert result.right, result


def test_there_are_many_bad_ones_and_good_ones_of_each_kind() -> None:
    assert sum(case.caught_by is not None for case in CASES) >= 40
    assert sum(case.caught_by is None for case in CASES) >= 12
    assert len({case.name for case in CASES}) == len(CASES)
    for kind in KINDS:
        assert any(case.caught_by is None for case in import_module(f"seatrial.trial.self_test.{kind}").cases())


@pytest.mark.parametrize("page", ["README.md", "docs/concepts/attacks.md", "docs/how-to/robust.md"])
def test_the_pages_say_how_many_there_are(page: str) -> None:
    text = (Path(__file__).parents[3] / page).read_text(encoding="utf-8")
    assert re.search(rf"\b{len(CASES)} (of {len(CASES)} as they should be|planted\s+models)", text)


def test_a_case_that_passes_where_it_must_not_is_wrong() -> None:
    honest = next(people.cases())
    assert not try_case(replace(honest, caught_by=0)).right
    flipped = next(case for case in CASES if "flipped" in case.name)
    assert not try_case(replace(flipped, caught_by=None)).right
    assert not try_case(replace(flipped, as_=Outcome.INCONCLUSIVE)).right


def test_the_self_test_begins_with_the_first() -> None:
    assert next(run_self_test()).name == CASES[0].name


def test_another_draw_has_the_same_cases_and_other_rows() -> None:
    for first, second in zip(CASES, planted_cases(draw=1), strict=True):
        assert (second.name, second.policy) == (first.name, first.policy)
        tables = [case.make().tables["test"] for case in (first, second)]
        assert tables[0].num_rows == tables[1].num_rows
        assert not tables[0].equals(tables[1]), first.name
        assert tables[0].equals(first.make().tables["test"])
