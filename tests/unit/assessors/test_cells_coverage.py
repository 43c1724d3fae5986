"""The guarantee from cells: the true gaps and ratios of all pairs of intersections lie within, all at once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import binom

from seatrial.assessors.contingency.assess_counts import measure_cells
from seatrial.assessors.contingency.group_specs import parse_groups
from seatrial.verdicts.bounds.interval import Interval
from seatrial.verdicts.bounds.mean_from_sums import summed_mean, weighted_share
from seatrial.verdicts.bounds.special_functions import Floats
from seatrial.verdicts.contingency import Cells, WeightSums
from seatrial.verdicts.evidence import Claim, Evidence, Family

pytestmark = pytest.mark.simulation

CONFIDENCE = 0.9
DRAWS = 400
BAD_LUCK = 1e-4  # the chance that sound bounds fail one of these tests; the seeds are fixed
SEXES, RACES = ("Female", "Male"), ("Black", "White")
SIZES = {("Female", "Black"): 12, ("Female", "White"): 60, ("Male", "Black"): 30, ("Male", "White"): 150}
SPECS = parse_groups(["sex*race"])
POPULATIONS = {
    "only the intersection is treated otherwise": {
        (s, r): 0.5 if (s, r) == ("Female", "Black") else 0.8 for s, r in SIZES
    },
    "no gap": dict.fromkeys(SIZES, 0.7),
    "rates next to one": dict.fromkeys(SIZES, 0.97),
}
PLACES = [(SEXES.index(sex), RACES.index(race)) for sex, race in SIZES]


def cells_of(hits: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Cells:
    """Positive rows alone, `hits` of them answered positive."""
    rows = np.stack([np.array(list(SIZES.values())) - hits, hits], axis=1).ravel()
    codes = np.repeat(np.array(PLACES), 2, axis=0)
    answered = np.tile([0, 1], len(SIZES))
    return Cells(("sex", "race"), (SEXES, RACES), ("no", "yes"), codes, np.ones_like(answered), answered, rows)


@pytest.mark.parametrize("family", [Family.PAIRS, Family.RATIOS])
@pytest.mark.parametrize("name", POPULATIONS)
def test_all_pairs_of_intersections_are_covered_together(name: str, family: Family) -> None:
    rates = POPULATIONS[name]
    claim = Claim("true_positive_rate", family, "sex*race")
    truth = {}
    for one, two in product(rates, rates):
        named = " × ".join(one), " × ".join(two)
        truth[f"sex*race: {named[0]} − {named[1]}"] = rates[one] - rates[two]
        truth[f"sex*race: {named[0]} ÷ {named[1]}"] = rates[one] / rates[two]
    random = np.random.default_rng(11)
    lows = highs = 0
    for _ in range(DRAWS):
        hits = random.binomial(list(SIZES.values()), list(rates.values()))
        found = list(measure_cells(cells_of(hits), [claim], SPECS, positive="yes", confidence=CONFIDENCE))
        evidence = [item for item in found if isinstance(item, Evidence)]
        assert len(found) == len(list(combinations(rates, 2)))
        lows += all(item.low <= truth[item.slice] for item in evidence)
        highs += all(item.high >= truth[item.slice] for item in evidence)
    enough = binom.ppf(BAD_LUCK, DRAWS, CONFIDENCE)
    assert lows >= enough
    assert highs >= enough


def test_bounds_that_hold_only_one_pair_at_a_time_are_caught_by_this_count(monkeypatch: pytest.MonkeyPatch) -> None:
    each = "seatrial.assessors.quantities.slices.simultaneous_confidence"
    monkeypatch.setattr(each, lambda confidence, _count: confidence)
    monkeypatch.setitem(globals(), "SIZES", dict.fromkeys(SIZES, 150))
    with pytest.raises(AssertionError):
        test_all_pairs_of_intersections_are_covered_together("no gap", Family.PAIRS)


MEANS: dict[
    str, tuple[Callable[[np.random.Generator, tuple[int, int]], Floats], float]
] = {  # values within [0, 1], and their mean
    "uniform": (lambda random, size: random.random(size), 0.5),
    "rare": (lambda random, size: (random.random(size) < 0.02).astype(np.float64), 0.02),
    "constant": (lambda random, size: np.full(size, 0.3) + 0 * random.random(size), 0.3),
}
SUM_DRAWS, SUM_CONFIDENCE = 2000, 0.95


def covered(intervals: list[Interval], truth: float) -> tuple[int, int]:
    slack = 1e-12
    lows = sum(interval.low <= truth + slack for interval in intervals)
    return lows, sum(interval.high >= truth - slack for interval in intervals)


@pytest.mark.parametrize("rows", [2, 30, 1000])
@pytest.mark.parametrize("name", MEANS)
def test_a_mean_from_sums_is_covered_at_every_size(name: str, rows: int) -> None:
    draw, truth = MEANS[name]
    values = draw(np.random.default_rng(5), (SUM_DRAWS, rows))
    sums, squares = values.sum(axis=1), (values**2).sum(axis=1)
    found = [
        summed_mean(rows, float(one), float(two), floor=0, ceiling=1, confidence=SUM_CONFIDENCE)
        for one, two in zip(sums, squares, strict=True)
    ]
    assert min(covered(found, truth)) >= binom.ppf(BAD_LUCK, SUM_DRAWS, SUM_CONFIDENCE)


@pytest.mark.parametrize("rows", [2, 30, 1000])
def test_a_weighted_share_from_sums_is_covered_though_hits_weigh_otherwise(rows: int) -> None:
    random = np.random.default_rng(6)
    hit = random.random((SUM_DRAWS, rows)) < 0.4
    weights = np.where(hit, random.choice([1.0, 2.0], hit.shape), random.choice([1.0, 10.0], hit.shape, p=[0.8, 0.2]))
    truth = 0.4 * 1.5 / (0.4 * 1.5 + 0.6 * 2.8)
    found = []
    for mask, people in zip(hit, weights, strict=True):
        parts = [(float(people[each].sum()), float((people[each] ** 2).sum())) for each in (mask, ~mask)]
        found.append(weighted_share(rows, parts[0], parts[1], heaviest=10.0, confidence=SUM_CONFIDENCE))
    assert min(covered(found, truth)) >= binom.ppf(BAD_LUCK, SUM_DRAWS, SUM_CONFIDENCE)
    assert all(0 <= interval.low <= interval.estimate <= interval.high <= 1 for interval in found)


def test_a_weighted_share_of_equal_weights_is_about_as_wide_as_a_bounded_mean() -> None:
    weighted = weighted_share(1000, (400.0, 400.0), (600.0, 600.0), heaviest=1.0, confidence=SUM_CONFIDENCE)
    plain = summed_mean(1000, 400.0, 400.0, floor=0, ceiling=1, confidence=SUM_CONFIDENCE)
    assert weighted.estimate == plain.estimate
    assert weighted.high - weighted.low == pytest.approx(plain.high - plain.low, rel=0.05)


def test_the_bounds_of_a_weighted_share_are_where_the_test_stops_to_refute() -> None:
    rows, hits, misses, heaviest = 500, (900.0, 2000.0), (600.0, 1500.0), 5.0
    found = weighted_share(rows, hits, misses, heaviest=heaviest, confidence=SUM_CONFIDENCE)

    def excess(share: float) -> float:
        mean = ((1 - share) * hits[0] - share * misses[0]) / heaviest / rows
        square = ((1 - share) ** 2 * hits[1] + share**2 * misses[1]) / heaviest**2 / rows
        logarithm = np.log(2 / (1 - SUM_CONFIDENCE))
        variance = rows / (rows - 1) * (square - mean**2)
        return float(abs(mean) - np.sqrt(2 * variance * logarithm / rows) - 7 * logarithm / (3 * (rows - 1)))

    assert excess(found.low) == pytest.approx(0, abs=1e-12)
    assert excess(found.high) == pytest.approx(0, abs=1e-12)


def test_cells_with_weights_bound_their_rates_too() -> None:
    plain = cells_of(np.array([6, 40, 20, 100]))
    weights = WeightSums(plain.rows.astype(np.float64) * 2, plain.rows.astype(np.float64) * 4, 2.0)
    weighed = Cells(
        plain.columns, plain.values, plain.classes, plain.codes, plain.actual, plain.answered, plain.rows, weights
    )
    claim = Claim("true_positive_rate", Family.PAIRS, "sex*race")
    pairs = list(
        zip(
            *(measure_cells(each, [claim], SPECS, positive="yes", confidence=0.9) for each in (plain, weighed)),
            strict=True,
        )
    )
    assert len(pairs) == 6
    for one, two in pairs:
        assert isinstance(one, Evidence)
        assert isinstance(two, Evidence)
        assert two.estimate == pytest.approx(one.estimate, abs=1e-12)
        assert two.low <= one.estimate <= two.high
