"""Bounds on means in which a row stands for several people.

Weighted counts are not binomial, so Clopper–Pearson does not apply to them: a row of weight 100 errs once, not a
hundred times. A conditional rate (precision, a true positive rate) is `weighted_mean` on the rows that it is among.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.bounded_mean import lower_bound, scaled, shuffled
from seatrial.verdicts.bounds.interval import Interval
from seatrial.verdicts.bounds.special_functions import Floats

# Fewer rows than this that weigh at least half as much as the heaviest: another kind, as rare and heavier, may not have
# been drawn. What the rule stops and what it lets through is simulated in docs/decisions/0110.
HEAVY_ROWS = 10
EQUAL_ROWS = 367  # ln 0.025 / ln 0.99: a kind of rows that is one in a hundred is among so many with 97.5 %
_ROUNDING = 1e-12  # of a sum of weights


@dataclass(frozen=True, slots=True)
class WeightAssumption:
    """The largest weight that a bound supposes, as conditions beside its number, and why that is doubtful."""

    largest: float
    stated: Mapping[str, str]
    doubt: str | None = None
    equal: bool = False  # of few rows that all weigh alike, which is the doubt


def weighted_mean(
    values: ArrayLike,
    weights: ArrayLike,
    *,
    low: float,
    high: float,
    confidence: float,
    seed: int,
    heaviest: float | None = None,
) -> Interval:
    """Σ w x / Σ w, with bounds on θ = E[w x] / E[w], each one-sided at `confidence`, for values within [low, high].

    θ is where E[w (x − θ)] = 0, and for each θ that is a statement on the mean of a bounded value, which the betting
    test of `bounded_mean.py` (Waudby-Smith & Ramdas 2024, section 4) rejects or not at every number of rows; the bounds
    are where it stops to reject.

    What is supposed: the rows, each with its weight, are independent draws from one population, in which nobody weighs
    more than `heaviest`. Without it the largest weight seen is taken, and the guarantee is as good as that. Equal
    weights give `bounded_mean`. What weights cost is seen in the width: it is about that of (Σ w)² / Σ w² rows (Kish
    1965), and of Σ w / `heaviest` rows where the values hardly vary.
    """
    data, people = np.asarray(values, dtype=np.float64).ravel(), positive_weights(weights)
    if data.size == 0 or data.size != people.size:
        raise ValueError(f"{data.size} values and {people.size} weights: need equally many, at least one")
    most = float(people.max()) if heaviest is None else heaviest
    if most < people.max():
        raise ValueError(f"a row weighs {people.max()}, more than the heaviest, {most}")
    unit, share = scaled(data, low, high), people / most
    order = np.lexsort((share, unit))  # the result must not depend on the order of the rows
    turns = shuffled(order.astype(np.float64), seed).astype(np.int64)
    share, total = (
        share[turns],
        (share * unit)[turns],
    )  # not in blocks: the bets on them are too small if weights differ
    below = lower_bound(total, share, confidence)
    above = 1 - lower_bound(share - total, share, confidence)
    estimate, width = float(people @ data / people.sum()), high - low
    return Interval(
        estimate, min(estimate, low + width * below), max(estimate, low + width * above), "betting-weighted"
    )


def has_equal_weights(weights: Floats) -> bool:
    """Whether all rows weigh alike, and are so many (`EQUAL_ROWS`) that they count as rows without weights."""
    return weights.size >= EQUAL_ROWS and bool((weights == weights[0]).all())


def weight_assumption(
    weights: ArrayLike, largest_weight: float | None = None, *, of_all: ArrayLike | None = None
) -> WeightAssumption:
    """What a bound on weighted rows supposes: that nobody weighs more than is stated, or than the heaviest row seen.

    Nothing in the rows tells how heavy those not drawn are. It is doubtful where few rows are about as heavy as the
    heaviest, and where all rows of the table (`of_all`) weigh alike and are few: heavier ones may not have been drawn.
    """
    people = positive_weights(weights)
    if largest_weight is not None:
        return WeightAssumption(largest_weight, {"largest_weight": f"{largest_weight:.6g}"})
    heaviest, table = float(people.max()), people if of_all is None else positive_weights(of_all)
    heavy = int((people >= heaviest / 2).sum())
    doubt, equal = None, bool(table.min() == table.max())
    if equal and table.size < EQUAL_ROWS:
        doubt = f"all {table.size} rows weigh {heaviest:g}"
    elif heavy < HEAVY_ROWS:
        doubt = f"{heavy} of {people.size} rows weigh at least half as much as the heaviest"
    return WeightAssumption(heaviest, _supposed(heaviest), doubt, equal and doubt is not None)


def _supposed(heaviest: float) -> dict[str, str]:
    return {"heaviest": f"{heaviest:.6g}", "supposes": "nobody weighs more than the heaviest row seen"}


def counted_assumption(
    heaviest: float, rows: int, sums: tuple[float, float], largest_weight: float | None = None
) -> WeightAssumption:
    """The same where `rows` were counted, with Σ w and Σ w² of them.

    At most 4 Σ w² / `heaviest`² rows weigh half as much as the heaviest, so a doubt here would be one of the rows, too.
    """
    if largest_weight is not None:
        return WeightAssumption(largest_weight, {"largest_weight": f"{largest_weight:.6g}"})
    most, doubt = int(4 * sums[1] / heaviest**2), None
    equal = sums_of_equal_weights(heaviest, rows, sums[0])
    if equal and rows < EQUAL_ROWS:
        doubt = f"all {rows} rows weigh {heaviest:g}"
    elif most < HEAVY_ROWS:
        doubt = f"at most {most} rows weigh at least half as much as the heaviest"
    return WeightAssumption(heaviest, _supposed(heaviest), doubt, equal and doubt is not None)


def sums_of_equal_weights(heaviest: float, rows: int, total: float) -> bool:
    """Whether rows of which only these sums are known all weigh alike."""
    return total >= heaviest * rows * (1 - _ROUNDING)


def positive_weights(weights: ArrayLike) -> Floats:
    """The weights as float64[n]; refused where one is not a positive number."""
    people = np.asarray(weights, dtype=np.float64).ravel()
    wrong = np.flatnonzero(~(people > 0) | np.isinf(people))
    if wrong.size:
        raise ValueError(f"weight {people[wrong[0]]} of row {wrong[0]}: a weight is a positive number")
    return people
