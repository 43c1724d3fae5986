"""How far an estimate may be from its truth, from what each row contributed to it: the asymptotic bounds' one tool."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seatrial.verdicts.bounds.interval import NoInterval
from seatrial.verdicts.bounds.special_functions import Floats, student_quantile

FEWEST_ROWS = 30  # below that the spread of the rows says too little of the spread of their sum
FEWEST_DEGREES = 10.0  # … and so where so few rows carry it (see the coverage tests)
_RARE = 1.4
_ROUNDING = 1e-12  # of the largest contribution: sums of rows that are all alike leave last digits


@dataclass(frozen=True, slots=True)
class Reach:
    """The distances from the estimate to its bounds."""

    below: float
    above: float


def reach(contributions: Floats, scale: float, confidence: float, *, most: tuple[float, float]) -> Reach | NoInterval:
    """The distances to bounds that are each one-sided at about `confidence`, or why the rows can't tell.

    `contributions` are the rows' linearised parts of (estimate − truth), independent, summing to 0: the delta method on
    the influence function (Hampel 1974). Student's t with the degrees of freedom that the contributions' kurtosis
    leaves their variance (O'Neill 2014), and on each side no less than Hall's (1992, "On the removal of
    skewness by transformation") cubic correction for skewness asks: without it the upper bound of the mean of 100
    squared normal errors covers 0.940 at a nominal 0.975. `scale` is what the contributions are small against.

    `most` are the largest sizes that a single row's contribution can have, to lower and to raise the estimate, of rows
    of a kind that was not seen too: rare rows are allowed for (see `rare_rows`), and a bound is stated also where few
    rows, or none, carry the spread. Contributions without limits have no bound that holds.
    """
    centred = contributions - contributions.mean()
    squares = centred**2
    total, third, fourth = float(squares.sum()), float((squares * centred).sum()), float((squares**2).sum())
    if contributions.size < FEWEST_ROWS:
        return NoInterval(f"{contributions.size} rows; an asymptotic bound needs {FEWEST_ROWS}")
    below, above = (rare_rows(size, confidence) for size in most)
    if not total > (_ROUNDING * scale) ** 2:
        return Reach(below, above)
    plain = _reach(contributions.size, (total, third, fourth), confidence, fewest=FEWEST_DEGREES)
    return Reach(math.hypot(plain.below, below), math.hypot(plain.above, above))


def rare_rows(largest: float, confidence: float) -> float:
    """How far rows too rare to be seen, of which each moves the estimate by `largest`, may have moved the truth.

    Of rows that are expected λ times none is seen with probability e^−λ, so λ may be log 1/α. Added in quadrature to
    the reach of what was seen, 1.4 times as much is enough where one to six were seen too (against the exact limits of
    a Poisson count, at α from 0.025 to 0.0002); of more, skewness tells.
    """
    return _RARE * math.log(1 / (1 - confidence)) * largest


def reach_of_sums(
    rows: int, sums: tuple[float, float, float], rounding: float, confidence: float
) -> Reach | NoInterval:
    """The same from the sums of the squares, cubes and fourth powers of centred contributions.

    `rounding` is how large the root of the first may be where all contributions are alike. No row that was not seen is
    allowed for: that is the caller's.
    """
    total, _, fourth = sums
    if rows < FEWEST_ROWS:
        return NoInterval(f"{rows} rows; an asymptotic bound needs {FEWEST_ROWS}")
    if not total > rounding**2:
        return NoInterval("all rows contribute the same, which says nothing of the rows not seen")
    if _degrees(rows, total, fourth) < FEWEST_DEGREES:
        return NoInterval("a few rows carry nearly all of the spread; an asymptotic bound on it would be too tight")
    return _reach(rows, sums, confidence)


def _degrees(rows: int, total: float, fourth: float) -> float:
    kurtosis = rows * fourth / total**2
    return min(rows - 1.0, 2 * rows / (kurtosis - (rows - 3) / (rows - 1)))


def _reach(rows: int, sums: tuple[float, float, float], confidence: float, *, fewest: float = 0.0) -> Reach:
    total, third, fourth = sums
    degrees = max(_degrees(rows, total, fourth), fewest)
    quantile, error = student_quantile(confidence, degrees), math.sqrt(rows / (rows - 1) * total)
    skewness = third / total**1.5
    return Reach(
        error * max(quantile, _unskewed(quantile, skewness)), error * max(quantile, _unskewed(quantile, -skewness))
    )


def _unskewed(quantile: float, skewness: float) -> float:
    """Where Hall's transformed statistic has this quantile; `skewness` is that of the sum, γ / √n."""
    if skewness == 0:
        return quantile
    return 3 / skewness * (math.cbrt(1 + skewness * (quantile - skewness / 6)) - 1)
