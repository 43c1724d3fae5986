"""Exact bounds on the F1 score."""

from __future__ import annotations

from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.proportions import clopper_pearson


def f1(true_positives: int, false_positives: int, false_negatives: int, *, confidence: float) -> Interval | NoInterval:
    """F1 = 2 TP / (2 TP + FP + FN) of independent rows, each bound one-sided at `confidence`.

    F1 = 2 J / (1 + J) with J = TP / (TP + FP + FN), the Jaccard index: the two grow together. J is the share of true
    positives among the rows that are positive or are called so, and given how many those are their count is binomial:
    each of those rows is independently one of them with the probability that the population's J is. Clopper & Pearson
    (1934) bound it exactly, and the bounds carry over. (F1 as a growing function of J: Hand, Christen & Kirielle 2021.)
    """
    union = true_positives + false_positives + false_negatives
    if union == 0:
        return NoInterval("no row is positive or predicted positive")
    low, high = clopper_pearson(true_positives, union, confidence=confidence)
    estimate = 2 * true_positives / (true_positives + union)
    return Interval(estimate, _of_jaccard(float(low)), _of_jaccard(float(high)), "clopper-pearson-f1")


def _of_jaccard(index: float) -> float:
    return 2 * index / (1 + index)
