"""What a policy states decides, and whatever else could change an outcome is part of the digest of the evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import parse_groups
from seatrial.assessors.evaluation_digest import DecidingColumns, evaluation_digest
from seatrial.assessors.policy_settings import groups_of_policy, settings_of_policy
from seatrial.errors import InputError
from seatrial.verdicts.policy import Policy, Requirement

BY_AGE = Requirement("accuracy", by="age", at_least=0.5)
CROSSED = Requirement("accuracy", by="sex*age", at_least=0.5)


def test_bins_are_those_of_the_policy() -> None:
    policy = Policy(require=(BY_AGE, CROSSED), bins={"age": (30.0, 50.0)})
    found = groups_of_policy(policy, parse_groups(["age", "sex*age", "sex"]))
    assert found == parse_groups(["age:30,50", "sex*age:30,50", "sex"])
    assert groups_of_policy(policy, found) == found


@pytest.mark.parametrize(("require", "groups"), [(BY_AGE, "age:70"), (CROSSED, "sex*age:70")])
def test_bins_of_the_caller_are_refused_where_a_requirement_rests_on_them(require: Requirement, groups: str) -> None:
    with pytest.raises(InputError, match="does not state their bins") as caught:
        groups_of_policy(Policy(require=(require,)), parse_groups([groups]))
    assert caught.value.hint == "Write age = [70] below [policy.bins] in the policy."
    with pytest.raises(InputError, match="states the bins 30"):
        groups_of_policy(Policy(require=(require,), bins={"age": (30.0,)}), parse_groups([groups]))


def test_bins_that_nothing_rests_on_are_free() -> None:
    groups = parse_groups(["age:70"])
    assert groups_of_policy(Policy(require=(Requirement("accuracy", at_least=0.5),)), groups) == groups


def test_clip_and_quantile_are_those_of_the_policy(of_task: Callable[..., Subject]) -> None:
    subject, policy = of_task("regression"), Policy(clip=0.5, quantile=0.5)
    asked = replace(subject, clip=0.9, quantile=0.9)
    assert settings_of_policy(policy, subject) == replace(subject, clip=0.5, quantile=0.5)
    assert settings_of_policy(Policy(), asked) == asked
    for name, other in (("clip", replace(asked, quantile=None)), ("quantile", replace(asked, clip=None))):
        with pytest.raises(InputError, match=f"states a {name} of 0.5, and 0.9 was asked for"):
            settings_of_policy(policy, other)


def of_columns(policy: Policy, table: pa.Table, groups: tuple[str, ...] = (), weight: str | None = None) -> str | None:
    columns = DecidingColumns(policy, parse_groups(groups), label="y", inputs=["x"], weight=weight)
    columns.see(table)
    return columns.hexdigest()


@pytest.fixture
def table() -> pa.Table:
    random = np.random.default_rng(1)
    columns = {"x": random.normal(size=100), "y": random.integers(0, 2, 100), "age": random.integers(18, 80, 100)}
    columns["w"] = random.integers(1, 9, 100)
    return pa.table({name: pa.array(values) for name, values in columns.items()})


@pytest.mark.parametrize(("column", "weight"), [("age", None), ("w", "w")])
def test_what_deciding_columns_hold_is_part_of_what_is_asked(table: pa.Table, column: str, weight: str | None) -> None:
    policy, place = Policy(require=(BY_AGE,)), table.column_names.index(column)
    dealt = np.random.default_rng(2).permutation(table.column(column).to_numpy())
    other = table.set_column(place, column, pa.array(dealt))
    assert of_columns(policy, table, ("age",), weight) != of_columns(policy, other, ("age",), weight)


def test_the_order_of_rows_and_columns_that_decide_nothing_are_free(table: pa.Table) -> None:
    policy, order = Policy(require=(BY_AGE,)), np.random.default_rng(2).permutation(100)
    assert of_columns(policy, table, ("age",)) == of_columns(policy, table.take(order), ("age",))
    assert of_columns(Policy(), table, ("age",)) is None


def test_a_budget_is_asked_for_where_attacks_decide(of_task: Callable[..., Subject]) -> None:
    subject = of_task("binary")

    def digest(policy: Policy, budget_s: float) -> str:
        return evaluation_digest(policy, subject, (), references={}, seed=7, budget_s=budget_s)

    robust = Policy(require=(Requirement("robust_accuracy", at_least=0.5, threat="noise"),))
    assert digest(robust, 1) != digest(robust, 60)
    assert digest(Policy(), 1) == digest(Policy(), 60)
