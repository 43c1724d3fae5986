"""Every rate of right and wrong answers, from contingency cells alone: shares of hits among rows, by group.

Accuracy, selection rate, true and false positive rate, precision and F1: of the positive class, of one class against
the rest, or the plain mean over all classes. Differences between groups are those of demographic parity and of
equalised odds (Hardt, Price & Srebro 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.claims import MOST_CLASSES
from seatrial.assessors.quantities.means import average, found, shares
from seatrial.assessors.quantities.slices import Found, Quantity
from seatrial.verdicts.averages import mean_of_proportions
from seatrial.verdicts.contingency import Margins, Sums
from seatrial.verdicts.differences import Count
from seatrial.verdicts.evidence import Claim
from seatrial.verdicts.f_score import f1
from seatrial.verdicts.interval import Interval
from seatrial.verdicts.summed import weighted_share


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of the rows that are of one kind: both as sums over cells, [groups], for one class against the rest."""

    hits: Callable[[Margins, int], Sums]
    rows: Callable[[Margins, int], Sums]
    among: str = "rows"  # "{}" is the class


RATES = {
    "accuracy": Rate(hits=lambda cells, _c: cells.right.sum(axis=1), rows=lambda cells, _c: cells.rows),
    "selection_rate": Rate(hits=lambda cells, c: cells.answered[:, c], rows=lambda cells, _c: cells.rows),
    "true_positive_rate": Rate(
        hits=lambda cells, c: cells.right[:, c], rows=lambda cells, c: cells.actual[:, c], among="{} rows"
    ),
    "false_positive_rate": Rate(
        hits=lambda cells, c: cells.answered[:, c] - cells.right[:, c],
        rows=lambda cells, c: cells.rows - cells.actual[:, c],
        among="rows that are not {}",
    ),
    "precision": Rate(
        hits=lambda cells, c: cells.right[:, c], rows=lambda cells, c: cells.answered[:, c], among="rows predicted {}"
    ),
}
# F1 = 2 J / (1 + J), which grows with J, the share of right ones among all that are or are said to be of the class.
JACCARD = Rate(
    hits=lambda cells, c: cells.right[:, c],
    rows=lambda cells, c: cells.actual[:, c] + cells.answered[:, c] - cells.right[:, c],
    among="rows that are or are predicted {}",
)
DISJOINT = ("true_positive_rate", "precision")  # each row counts for the class of its label, or of its answer
OF_ALL = ("accuracy", "balanced_accuracy")
METRICS = (*RATES, "balanced_accuracy", "f1")


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows by group, label and answer; where they stand for people also Σ w, Σ w² and the largest w of any row."""

    margins: Margins
    classes: tuple[str, ...]
    positive: int | None = None  # of two classes
    weights: tuple[Margins, Margins] | None = None
    heaviest: float | None = None

    def named(self, among: str, code: int) -> str:
        """The rows that a rate is among, in words."""
        return rows_named(among, code, self.classes, self.positive)


def rows_named(among: str, code: int, classes: Sequence[str], positive: int | None) -> str:
    """The rows that a rate of a class is among, in words: "positive rows", 'rows predicted "ant"'."""
    words = among.format("positive" if code == positive else f'"{classes[code]}"')
    return "negative rows" if words == "rows that are not positive" else words


def plain(claim: Claim, code: int | None) -> tuple[str, int | None] | Unmeasurable:
    """The rate that a claim is about and its class (None: the mean over all), or why it is about none."""
    if claim.of_class is not None and claim.metric in OF_ALL:
        return Unmeasurable("it is about all classes at once")
    if claim.metric == "selection_rate" and code is None:
        return Unmeasurable("over all classes it is the same for any model; a requirement names its class, of_class")
    if claim.metric == "balanced_accuracy":
        return "true_positive_rate", None
    return claim.metric, 0 if claim.metric == "accuracy" else code  # all classes at once: which one has no meaning


def rate_of(counted: Counted, metric: str, code: int | None) -> Quantity:
    """The metric of a class against the rest, or the mean over all classes, in each group."""
    if code is None and metric in DISJOINT and counted.weights is None:
        return _mean(counted, RATES[metric])
    if code is None:
        return average([rate_of(counted, metric, each) for each in range(len(counted.classes))])
    rate = JACCARD if metric == "f1" else RATES[metric]
    if counted.weights is not None:
        share = _weighted(counted, rate, code)
        return of_jaccard(share) if metric == "f1" else share
    if metric == "f1":
        return _f1(counted, code)
    hits, rows = (np.asarray(sum_of(counted.margins, code), dtype=np.int64) for sum_of in (rate.hits, rate.rows))
    return shares(hits, rows, counted.margins.names, counted.named(rate.among, code))


def of_jaccard(share: Quantity) -> Quantity:
    """The F1 score of a Jaccard index."""

    def of(group: int, confidence: float) -> Found:
        measured = share.of(group, confidence)
        if isinstance(measured, Unmeasurable):
            return measured
        jaccard = measured.interval
        estimate, low, high = (2 * each / (1 + each) for each in (jaccard.estimate, jaccard.low, jaccard.high))
        return found(Interval(estimate, low, high, f"{jaccard.method}-f1"), measured.rows, measured.conditions)

    return Quantity(of)


def _mean(counted: Counted, rate: Rate) -> Quantity:
    """The mean over all classes of a rate that each has among rows of its own."""
    names, codes = counted.margins.names, range(len(counted.classes))
    hits, rows = (np.stack([sum_of(counted.margins, code) for code in codes]) for sum_of in (rate.hits, rate.rows))

    def of(group: int, confidence: float) -> Found:
        for code in codes:
            if rows[code, group] == 0:
                return Unmeasurable(f'no {counted.named(rate.among, code)} in group "{names[group]}"')
        counts = [Count(int(hits[code, group]), int(rows[code, group])) for code in codes]
        stated = {"average": "macro"}
        if len(counts) <= MOST_CLASSES:
            stated["counts"] = ", ".join(f"{one.successes} of {one.rows}" for one in counts)
        return found(mean_of_proportions(counts, confidence=confidence), int(rows[:, group].sum()), stated)

    return Quantity(of)


def _f1(counted: Counted, code: int) -> Quantity:
    margins, among = counted.margins, counted.named(JACCARD.among, code)
    right = margins.right[:, code]
    extra, lost = margins.answered[:, code] - right, margins.actual[:, code] - right

    def of(group: int, confidence: float) -> Found:
        here = [int(each[group]) for each in (right, extra, lost)]
        counts = f"{here[0]} right among {sum(here)}"
        return found(f1(*here, confidence=confidence), sum(here), {"counts": counts, "among": among})

    return Quantity(of)


def _weighted(counted: Counted, rate: Rate, code: int) -> Quantity:
    """The share of the weight, from sums of weights and of their squares."""
    if counted.weights is None or counted.heaviest is None:
        raise ValueError("nothing was weighed")
    heaviest, among = counted.heaviest, counted.named(rate.among, code)
    rows = rate.rows(counted.margins, code)
    hits = [rate.hits(margins, code) for margins in counted.weights]
    misses = [rate.rows(margins, code) - hit for margins, hit in zip(counted.weights, hits, strict=True)]

    def of(group: int, confidence: float) -> Found:
        if rows[group] == 0:
            return Unmeasurable(f'no {among} in group "{counted.margins.names[group]}"')
        # What is left of a difference of equal sums may be a last digit below 0.
        right, wrong = (tuple(max(0.0, float(each[group])) for each in part) for part in (hits, misses))
        interval = weighted_share(
            int(rows[group]), (right[0], right[1]), (wrong[0], wrong[1]), heaviest=heaviest, confidence=confidence
        )
        return found(interval, int(rows[group]), {"among": among, "heaviest": f"{heaviest:.6g}"})

    return Quantity(of)
