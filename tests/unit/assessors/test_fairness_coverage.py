"""The guarantee itself, from rows to bounds: the true gaps lie within, all of them at once, often enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations, islice

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from seatrial.assessors.assessor import Subject
from seatrial.assessors.classification import confusion
from seatrial.verdicts.evidence import Claim, Evidence, Family

pytestmark = pytest.mark.simulation

CONFIDENCE = 0.9  # of the lows together, and of the highs together
DRAWS = 600
BAD_LUCK = 1e-4  # the chance that sound bounds fail one of these tests; the seeds are fixed
POSITIVES = {"a": 150, "b": 60, "c": 12}
NEGATIVES = 5

POPULATIONS = {
    "a known gap": {"a": 0.8, "b": 0.6, "c": 0.5},
    "no gap": {"a": 0.7, "b": 0.7, "c": 0.7},
    "a rate of one": {"a": 0.9, "b": 1.0, "c": 1.0},
    "rates next to zero": {"a": 0.02, "b": 0.05, "c": 0.01},
}


def draw(rates: Mapping[str, float], positives: Mapping[str, int], random: np.random.Generator) -> pa.Table:
    """A test set in which each positive of a group is found at that group's rate, and no negative is."""
    names = np.repeat(list(rates), [positives[name] + NEGATIVES for name in rates])
    actual = np.concatenate([np.repeat([True, False], [positives[name], NEGATIVES]) for name in rates])
    found = actual & (random.random(len(names)) < np.array([rates[name] for name in names]))
    columns = {"score": np.where(found, 0.9, 0.1), "income": np.where(actual, ">50K", "<=50K"), "sex": names}
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def times_covered(
    rates: Mapping[str, float], positives: Mapping[str, int], subject: Callable[..., Subject]
) -> tuple[int, int]:
    """In how many draws all lows lie at or below the true gaps, and in how many all highs at or above."""
    claim = Claim("true_positive_rate", Family.PAIRS, "sex")
    truth = {f"sex: {first} − {second}": rates[first] - rates[second] for first, second in combinations(rates, 2)}
    random = np.random.default_rng(11)
    lows = highs = 0
    for _ in range(DRAWS):
        trial = subject(draw(rates, positives, random))
        found = confusion.assess(trial, [claim], confidence=CONFIDENCE, seed=7, budget_s=60)
        evidence = [item for item in islice(found, len(truth)) if isinstance(item, Evidence)]
        assert {item.slice for item in evidence} == set(truth)
        lows += all(item.low <= truth[item.slice] for item in evidence)
        highs += all(item.high >= truth[item.slice] for item in evidence)
    return lows, highs


@pytest.mark.parametrize("rates", POPULATIONS.values(), ids=POPULATIONS)
def test_the_true_gaps_of_all_pairs_lie_within_their_bounds_together(
    rates: Mapping[str, float], subject: Callable[..., Subject]
) -> None:
    lows, highs = times_covered(rates, POSITIVES, subject)
    enough = binom.ppf(BAD_LUCK, DRAWS, CONFIDENCE)
    assert lows >= enough
    assert highs >= enough


def test_bounds_that_hold_only_one_pair_at_a_time_are_caught_by_this_count(
    subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    each = "seatrial.assessors.quantities.slices.simultaneous_confidence"
    monkeypatch.setattr(each, lambda confidence, _count: confidence)
    rates = dict.fromkeys("abcde", 0.7)
    lows, highs = times_covered(rates, dict.fromkeys("abcde", 150), subject)
    assert max(lows, highs) < binom.ppf(BAD_LUCK, DRAWS, CONFIDENCE)
