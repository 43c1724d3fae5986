"""A try asks its model about other groups too, wherever a group column is one of its inputs; no threat is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import seatrial
from seatrial.assessors.robustness.counterfactual_flips import METRIC
from seatrial.verdicts.evidence import Claim, Family
from seatrial.verdicts.verdict import Outcome


def measured(found: seatrial.Assessment) -> set[Claim]:
    return {item.claim for item in found.trial.evidence if item.claim.metric == METRIC}


def test_a_group_column_that_is_an_input_is_changed(table: Path, model: Callable[..., Path]) -> None:
    found = seatrial.assess(model(), table, label="rich", groups=["age:40", "sex"])
    assert measured(found) == {Claim(METRIC), Claim(METRIC, Family.GROUPS, "age")}
    (overall,) = (item for item in found.trial.evidence if item.claim == Claim(METRIC))
    assert overall.conditions["changed"] == "age"
    assert overall.estimate == 1  # whatever the hours, age alone can say either
    assert any(line.startswith("Robustness to attacks") for line in found.unasked)


def test_a_group_column_that_is_none_is_not(table: Path, model: Callable[..., Path]) -> None:
    assert measured(seatrial.assess(model(), table, label="rich", groups=["sex"])) == set()


@pytest.mark.parametrize(("most", "outcome"), [(0.05, Outcome.FAIL), (1.0, Outcome.PASS)])
def test_a_policy_may_require_few_flips(
    table: Path, model: Callable[..., Path], tmp_path: Path, most: float, outcome: Outcome
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f'[policy]\nbins = {{ age = [40] }}\n[[policy.require]]\nmetric = "{METRIC}"\nby = "age"\nat_most = {most}\n'
    )
    found = seatrial.assess(model(), table, label="rich", groups=["age:40"], policy=policy)
    assert found.outcome is outcome
