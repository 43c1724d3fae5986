"""The trial on trial: every planted model is caught by the claim that should, and a trial that is blind is noticed."""

from dataclasses import replace

import pytest

from seatrial.trial.self_test import company, masked, people, run_self_test, triggers
from seatrial.trial.self_test.case import Case, try_case
from seatrial.verdicts.verdict import Outcome

pytestmark = pytest.mark.simulation

CASES: list[Case] = [*people.cases(), *masked.cases(), *company.cases(), *triggers.cases()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_planted_model_is_caught_by_its_claim_and_a_good_one_passes(case: Case) -> None:
    result = try_case(case)
    assert result.right, result


def test_there_are_at_least_twelve_bad_ones_and_a_good_one_of_each_kind() -> None:
    assert sum(case.caught_by is not None for case in CASES) >= 12
    assert [case.name for case in CASES if case.caught_by is None] == [
        "an honest and fair model",
        "an honestly robust model",
        "each row answered by itself",
        "no value that turns answers",
    ]


def test_a_case_that_passes_where_it_must_not_is_wrong() -> None:
    honest = next(people.cases())
    assert not try_case(replace(honest, caught_by=0)).right
    flipped = next(case for case in CASES if "flipped" in case.name)
    assert not try_case(replace(flipped, caught_by=None)).right
    assert not try_case(replace(flipped, as_=Outcome.INCONCLUSIVE)).right


def test_the_self_test_begins_with_the_first() -> None:
    assert next(run_self_test()).name == CASES[0].name
