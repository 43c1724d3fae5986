"""Which release a model is held against is settled before anything is measured."""

from __future__ import annotations

import pytest

from seatrial.errors import InputError
from seatrial.pipeline.compared_releases import NONE, check_some_requirement_applies
from seatrial.pipeline.jobs.step_values import AgainstInput
from seatrial.pipeline.steps.builtin import compared_with
from seatrial.verdicts.policy import Policy, Requirement

NEWEST = Requirement("accuracy", no_worse_than="newest_passed")
BASELINE = Requirement("accuracy", no_worse_than="baseline")
NOBODY = AgainstInput("newest_passed", None, NONE)
SOMEBODY = AgainstInput("newest_passed", "ships@1", "1" * 64)


def test_releases_are_compared_with_once_each_and_baselines_are_none() -> None:
    policy = Policy(require=(NEWEST, BASELINE, Requirement("roc_auc", no_worse_than="ships@2"), NEWEST))
    assert compared_with(policy) == ("newest_passed", "ships@2")


def test_a_policy_of_which_nothing_applies_is_refused_before_a_use_is_counted() -> None:
    with pytest.raises(InputError, match="there is none yet") as caught:
        check_some_requirement_applies(Policy(require=(NEWEST,)), {"newest_passed": NOBODY}, "seatrial.toml")
    assert caught.value.hint is not None
    assert '"baseline"' in caught.value.hint


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        (Policy(require=(NEWEST, BASELINE)), {"newest_passed": NOBODY}),
        (Policy(require=(NEWEST,)), {"newest_passed": SOMEBODY}),
        (Policy(), {}),
    ],
)
def test_one_of_which_something_applies_is_not(policy: Policy, found: dict[str, AgainstInput]) -> None:
    check_some_requirement_applies(policy, found, "seatrial.toml")
