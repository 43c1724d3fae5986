"""The largest weight: what bounds suppose of it, when that is in doubt, and what stating it changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seatrial
from seatrial.assessors.quantities.means import HEAVIER_ROWS
from seatrial.errors import InputError
from seatrial.tryout.assessment import Assessment
from seatrial.verdicts.bounds.weighted_mean import EQUAL_ROWS
from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.verdict import Outcome

ROWS = 300
POLICY = """
[policy]
confidence = 0.95
{settings}
[[policy.require]]
metric = "accuracy"
at_least = 0.5
"""


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEATRIAL_STATE", "SEATRIAL_HOME", "SEATRIAL_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name))


def survey(heavy: int, weight: float = 40.0, *, rows: int = ROWS) -> pd.DataFrame:
    """Rows that weigh 1 and are right nine times in ten; the first `heavy` weigh more, and are right."""
    random = np.random.default_rng(3)
    label = random.integers(0, 2, rows)
    weights = np.where(np.arange(rows) < heavy, weight, 1.0)
    wrong = (random.random(rows) < 0.1) & (weights == 1)
    return pd.DataFrame({"p": np.where(wrong, 1 - label, label) * 1.0, "weight": weights, "y": label})


def assessed(
    table: pd.DataFrame, tmp_path: Path, *, settings: str = "", largest_weight: float | None = None
) -> Assessment:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.format(settings=settings))
    return seatrial.assess(
        lambda rows: rows["p"].to_numpy(),
        table,
        label="y",
        weight="weight",
        inputs=["p"],
        policy=policy,
        largest_weight=largest_weight,
    )


def accuracy(of: Assessment) -> Evidence:
    return next(item for item in of.trial.evidence if str(item.claim) == "accuracy" and item.slice == "all")


@pytest.mark.parametrize("heavy", [0, 1, 9])
def test_few_heavy_rows_or_none_leave_the_verdict_open_and_say_what_would_decide(heavy: int, tmp_path: Path) -> None:
    found = assessed(survey(heavy), tmp_path)
    (flag,) = accuracy(found).flags
    assert flag.code == HEAVIER_ROWS
    assert "largest_weight" in flag.detail
    assert found.outcome is Outcome.INCONCLUSIVE
    assert f"doubtful: {flag.detail}" in str(found)


def test_few_rows_that_weigh_alike_are_told_that_weights_can_be_left_out(tmp_path: Path) -> None:
    (flag,) = accuracy(assessed(survey(0), tmp_path)).flags
    assert "name no weight column" in flag.detail


@pytest.mark.parametrize("weight", [1.0, 0.3, 250.0])
def test_equal_weights_are_judged_as_no_weights_are(
    weight: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = survey(0, rows=EQUAL_ROWS).assign(weight=weight)
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.format(settings=""))

    def of(column: str | None) -> Assessment:
        monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path / str(column)))  # the first use of both
        return seatrial.assess(
            lambda rows: rows["p"].to_numpy(), table, label="y", weight=column, inputs=["p"], policy=policy
        )

    def measured(assessment: Assessment) -> list[tuple[object, ...]]:
        return [
            (item.claim, item.slice, item.estimate, item.low, item.high, item.method, item.flags)
            for item in assessment.trial.evidence
        ]

    weighted, plain = of("weight"), of(None)
    assert measured(weighted) == measured(plain)
    assert weighted.outcome is plain.outcome is Outcome.PASS


def test_equal_weights_below_a_stated_largest_one_are_weights(tmp_path: Path) -> None:
    table = survey(0, rows=EQUAL_ROWS)
    assert accuracy(assessed(table, tmp_path, largest_weight=50.0)).low < accuracy(assessed(table, tmp_path)).low - 0.05


def test_many_heavy_rows_raise_no_doubt(tmp_path: Path) -> None:
    found = assessed(survey(30), tmp_path)
    assert accuracy(found).flags == ()
    assert accuracy(found).conditions["heaviest"] == "40"
    assert found.outcome is Outcome.PASS


@pytest.mark.parametrize("where", ["policy", "argument"])
def test_a_stated_largest_weight_is_what_bounds_rest_on(where: str, tmp_path: Path) -> None:
    table = survey(0)
    supposed = accuracy(assessed(table, tmp_path))
    stated = {"settings": "largest_weight = 5"} if where == "policy" else {"largest_weight": 5.0}
    found = assessed(table, tmp_path, **stated)
    assert accuracy(found).flags == ()
    assert accuracy(found).conditions["largest_weight"] == "5"
    assert accuracy(found).low < supposed.low
    assert not any("nobody weighs more" in line for line in found.assumptions)


def test_another_largest_weight_is_another_use_of_the_test_data(tmp_path: Path) -> None:
    table, uses = survey(0), []
    for largest in (5.0, 5.0, 6.0):
        use = assessed(table, tmp_path, largest_weight=largest).trial.test_use
        assert use is not None
        uses.append(use.use)
    assert uses == [1, 1, 2]


@pytest.mark.parametrize(
    ("settings", "largest", "message"),
    [
        ("largest_weight = 30", None, "row 0 weighs 40, more than the largest weight that was stated, 30"),
        ("", 30.0, "row 0 weighs 40, more than the largest weight that was stated, 30"),
        ("largest_weight = 50", 60.0, "the policy states a largest_weight of 50, and 60 was asked for"),
        ("largest_weight = -1", None, "largest_weight must be positive, got -1"),
        ("", 0.0, "largest_weight must be positive, got 0"),
    ],
)
def test_a_weight_that_nobody_should_have_is_named(
    settings: str, largest: float | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        assessed(survey(2), tmp_path, settings=settings, largest_weight=largest)


def test_a_largest_weight_needs_weights() -> None:
    with pytest.raises(InputError, match="largest_weight needs a weight column"):
        seatrial.assess(lambda rows: rows["p"].to_numpy(), survey(0), label="y", inputs=["p"], largest_weight=3.0)
