from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.verdicts.alpha_spending import MOST_USES
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.metrics import METRICS
from seatrial.verdicts.plausibility import impossibilities
from seatrial.verdicts.trial import TestUse, Trial

ACCURACY = Evidence(Claim("accuracy"), "all", 0.8, 0.7, 0.9, 0.975, 100, "exact")
GAP = replace(ACCURACY, claim=Claim("accuracy", Family.PAIRS, "sex"), slice="sex: f − m")


def trial(*evidence: Evidence, use: int = 1, rows: int = 100) -> Trial:
    return Trial("m", "p", "test", 0.975, 7, evidence or (ACCURACY,), (), TestUse("e" * 64, rows, use))


def test_a_record_that_can_be_is_not_doubted() -> None:
    below = replace(GAP, estimate=-0.9, low=-1.0, high=-0.8)
    ratio = replace(GAP, claim=Claim("selection_rate", Family.RATIOS, "sex"), estimate=12.0, low=3.0, high=900.0)
    error = replace(ACCURACY, claim=Claim("mae"), estimate=1e9, low=0.0, high=1e12)
    assert not list(impossibilities(trial(ACCURACY, GAP, below, ratio, error, use=MOST_USES)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: replace(one, estimate=math.nan), "finite"),
        (lambda one: replace(one, low=-math.inf), "finite"),
        (lambda one: replace(one, low=5.0, high=9.0, estimate=7.0), "between 0 and 1, got 7"),
        (lambda one: replace(one, high=1.01), "between 0 and 1"),
        (lambda one: replace(one, low=-0.01), "between 0 and 1"),
        (lambda one: replace(one, low=0.9, high=0.7), "above the high one"),
        (lambda one: replace(one, rows=-5), "negative"),
        (lambda one: replace(one, rows=-(10**200)), "negative"),
        (lambda one: replace(one, confidence=1.0), "confidence"),
        (lambda one: replace(one, claim=GAP.claim, low=-1.5), "between -1 and 1"),
        (lambda one: replace(one, claim=Claim("r2"), high=1.5), "between -inf and 1"),
    ],
)
def test_evidence_that_cannot_be_is_named(change: Callable[[Evidence], Evidence], words: str) -> None:
    (problem,) = impossibilities(trial(change(ACCURACY)))
    assert words in problem


@pytest.mark.parametrize("use", [0, -1, MOST_USES + 1, 10**200], ids=str)
def test_a_use_that_nobody_can_have_made_is_named(use: int) -> None:
    assert "the number of the use" in next(impossibilities(trial(use=use)))


def test_test_data_without_rows_is_named() -> None:
    assert "at least one row" in next(impossibilities(trial(rows=0)))


@given(st.sampled_from(sorted(METRICS)), st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_outside_the_range_of_its_metric_never_passes(metric: str, value: float) -> None:
    one = replace(ACCURACY, claim=Claim(metric), estimate=value, low=value, high=value)
    inside = METRICS[metric].low - 1e-6 <= value <= METRICS[metric].high + 1e-6
    assert inside or list(impossibilities(trial(one)))
