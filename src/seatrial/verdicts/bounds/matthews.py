"""The Matthews correlation coefficient of labels and answers, of two classes or more.

The delta method on Fisher's z scale, as in Itaya, Tamura, Hayashi & Yamamoto ("Asymptotic properties of Matthews
correlation coefficient", 2024), for the coefficient of several classes by Gorodkin (Computational Biology and Chemistry
28, 2004). It is asymptotic: small counts have no interval, and what is stated keeps half of α back.
"""

from __future__ import annotations

import math

from seatrial.verdicts.bounds.interval import Interval, NoInterval, half_alpha
from seatrial.verdicts.contingency import ConfusionTable

# Rows in each of the four cells of every class against the rest. Simulated over rates of 1 to 98 % and 100 to 1,000
# rows, what is stated then misses 0.59 times what it promises at 0.975, and 0.90 times at 0.9983; with nothing kept
# back it would be 1.2 and 1.6 times. Several classes, weights and ten pairs: see docs/concepts/coverage.md.
FEWEST_IN_A_CELL = 10
_SAME = 1e-9  # relative: weights within a cell that are all alike
_ROUNDING = 1e-12


def matthews_correlation(table: ConfusionTable, *, confidence: float) -> Interval | NoInterval:
    """The coefficient with bounds that are each one-sided at about `confidence`, equal to scikit-learn's estimate."""
    import numpy as np  # heavy, and records of metrics are read by commands that compute none

    from seatrial.verdicts.bounds.influence import reach_of_sums

    people = table.weights / table.weights.sum()
    answered, actual = (np.bincount(each, people, table.classes) for each in (table.answered, table.actual))
    right = table.actual == table.answered
    chance, spread_answered, spread_actual = answered @ actual, 1 - answered @ answered, 1 - actual @ actual
    spread = math.sqrt(max(0.0, float(spread_answered * spread_actual)))
    fewest = _fewest_in_a_cell(table)
    if fewest < FEWEST_IN_A_CELL or spread == 0:
        return NoInterval(f"some cell of labels by answers has {fewest} rows; its bounds need {FEWEST_IN_A_CELL}")
    if not np.allclose(table.squares * table.counts, table.weights**2, rtol=_SAME, atol=0):
        return NoInterval("weights that differ within a cell were summed before, and bounds need each of them")
    agreement = float(people @ right)
    value = (agreement - chance) / spread
    # Each row's influence on the coefficient: on its numerator, and on the spread of labels and of answers.
    above = right - agreement - actual[table.answered] - answered[table.actual] + 2 * chance
    below = (answered[table.answered] - answered @ answered) / spread_answered
    below += (actual[table.actual] - actual @ actual) / spread_actual
    each = (above / spread + value * below) / (1 - value**2) * people / table.counts
    sums = tuple(float(table.counts @ each**power) for power in (2, 3, 4))
    reach = reach_of_sums(table.rows, (sums[0], sums[1], sums[2]), _ROUNDING, half_alpha(confidence))
    if isinstance(reach, NoInterval):
        return reach
    z, method = math.atanh(value), "asymptotic-fisher-z"
    if (table.weights != table.counts).any():
        method += "-weighted"
    return Interval(float(value), math.tanh(z - reach.below), math.tanh(z + reach.above), method)


def _fewest_in_a_cell(table: ConfusionTable) -> int:
    import numpy as np

    right = table.counts * (table.actual == table.answered)
    answered, actual = (np.bincount(each, table.counts, table.classes) for each in (table.answered, table.actual))
    both = np.bincount(table.actual, right, table.classes)
    cells = (both, answered - both, actual - both, table.rows - answered - actual + both)
    return int(min(each.min() for each in cells))
