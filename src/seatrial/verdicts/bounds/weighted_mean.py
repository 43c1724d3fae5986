"""Bounds on means in which a row stands for several people.

Weighted counts are not binomial, so Clopper–Pearson does not apply to them: a row of weight 100 errs once, not a
hundred times. A conditional rate (precision, a true positive rate) is `weighted_mean` on the rows that it is among.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.bounded_mean import lower_bound, scaled, shuffled
from seatrial.verdicts.bounds.interval import Interval
from seatrial.verdicts.bounds.special_functions import Floats

HEAVY_ROWS = 10


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


def weight_assumption(weights: ArrayLike) -> dict[str, str]:
    """What a bound on weighted rows supposes, as conditions beside the number: the heaviest weight, and a doubt.

    Nothing in the rows tells how heavy those not drawn are. It is doubtful that none is heavier where fewer than
    `HEAVY_ROWS` of the rows weigh at least half as much as the heaviest: of so few kinds of rows another is likely.
    """
    people = positive_weights(weights)
    heaviest = float(people.max())
    stated = {"heaviest": f"{heaviest:.6g}", "supposes": "nobody weighs more than the heaviest row seen"}
    heavy = int((people >= heaviest / 2).sum())
    if heavy < HEAVY_ROWS:
        stated["doubt"] = f"{heavy} of {people.size} rows weigh at least half as much as the heaviest"
    return stated


def positive_weights(weights: ArrayLike) -> Floats:
    """The weights as float64[n]; refused where one is not a positive number."""
    people = np.asarray(weights, dtype=np.float64).ravel()
    wrong = np.flatnonzero(~(people > 0) | np.isinf(people))
    if wrong.size:
        raise ValueError(f"weight {people[wrong[0]]} of row {wrong[0]}: a weight is a positive number")
    return people
