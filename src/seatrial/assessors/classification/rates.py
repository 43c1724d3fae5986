"""Every rate of right and wrong answers, from contingency cells alone: shares of hits among rows, by group.

Which there are, and of what each is a share, is in their records (`verdicts.metrics`): of the positive class, of one
class against the rest, or the plain mean over all classes. Differences between groups are those of demographic parity
and of equalised odds (Hardt, Price & Srebro 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.claims import MOST_CLASSES
from seatrial.assessors.quantities.means import average, measurement_of, shares
from seatrial.assessors.quantities.slices import MeasurementResult, Quantity
from seatrial.verdicts.bounds.averages import mean_of_proportions
from seatrial.verdicts.bounds.differences import Count
from seatrial.verdicts.bounds.f_score import f1
from seatrial.verdicts.bounds.interval import Interval
from seatrial.verdicts.bounds.mean_from_sums import weighted_share
from seatrial.verdicts.bounds.weighted_mean import WeightAssumption
from seatrial.verdicts.contingency import ConfusionTable, Margins
from seatrial.verdicts.evidence import Claim
from seatrial.verdicts.metrics import METRICS as KNOWN
from seatrial.verdicts.metrics import Scope, measured_by
from seatrial.verdicts.metrics.computed import MeanOverClasses, OfConfusion, Share

METRICS = measured_by("rates")


@dataclass(frozen=True, slots=True)
class RateCounts:
    """Rows by group, label and answer; where they stand for people also Σ w, Σ w² and the largest w.

    `tables` gives the whole table of each group, which only metrics that need more than the margins ask for.
    """

    margins: Margins
    classes: tuple[str, ...]
    tables: Callable[[], Sequence[ConfusionTable]]
    positive: int | None = None  # of two classes
    weights: tuple[Margins, Margins] | None = None
    supposed: WeightAssumption | None = None

    def named(self, among: str, code: int) -> str:
        """The rows that a rate is among, in words."""
        return rows_named(among, code, self.classes, self.positive)


def rows_named(among: str, code: int, classes: Sequence[str], positive: int | None) -> str:
    """The rows that a rate of a class is among, in words: "positive rows", 'rows predicted "ant"'."""
    words = among.format("positive" if code == positive else f'"{classes[code]}"')
    return "negative rows" if words == "rows that are not positive" else words


def share_of(metric: str) -> Share:
    """How a metric is computed that is a share of rows."""
    computed = KNOWN[metric].computed
    if not isinstance(computed, Share):
        raise TypeError(f"{metric} is not a share of rows")
    return computed


def metric_and_class(claim: Claim, code: int | None) -> tuple[str, int | None] | Unmeasurable:
    """The metric that a claim comes down to and its class (None: the mean over all), or why it is about none."""
    metric = KNOWN[claim.metric]
    if metric.scope is Scope.CLASSES:
        if claim.of_class is not None:
            return Unmeasurable("it is about all classes at once")
        if isinstance(metric.computed, MeanOverClasses):
            return metric.computed.metric, None
        return claim.metric, 0  # all classes at once: which one has no meaning
    if claim.metric == "selection_rate" and code is None:
        return Unmeasurable("over all classes it is the same for any model; a requirement names its class, of_class")
    return claim.metric, code


def rate_of(counted: RateCounts, metric: str, code: int | None) -> Quantity:
    """The metric of a class against the rest, or the mean over all classes, in each group."""
    computed = KNOWN[metric].computed
    if isinstance(computed, OfConfusion):
        return of_tables(computed, counted.tables(), counted.margins.names)
    share = share_of(metric)
    if code is None and share.among_is_disjoint and counted.weights is None:
        return _mean(counted, share)
    if code is None:
        return average([rate_of(counted, metric, each) for each in range(len(counted.classes))])
    if counted.weights is not None:
        weighted = _weighted(counted, share, code)
        return of_jaccard(weighted) if share.as_f1 else weighted
    if share.as_f1:
        return _f1(counted, share, code)
    hits, rows = (np.asarray(sums, dtype=np.int64) for sums in share.counts(counted.margins, code))
    return shares(hits, rows, counted.margins.names, counted.named(share.rows_named, code))


def of_tables(computed: OfConfusion, tables: Sequence[ConfusionTable], names: Sequence[str]) -> Quantity:
    """A function of the table of labels by answers, in each group."""

    def of(group: int, confidence: float) -> MeasurementResult:
        table = tables[group]
        if table.rows == 0:
            return Unmeasurable(f'no rows in group "{names[group]}"')
        return measurement_of(computed.interval(table, confidence=confidence), table.rows, {"among": "rows"})

    return Quantity(of)


def of_jaccard(share: Quantity) -> Quantity:
    """The F1 score of a Jaccard index."""

    def of(group: int, confidence: float) -> MeasurementResult:
        measured = share.of(group, confidence)
        if isinstance(measured, Unmeasurable):
            return measured
        jaccard = measured.interval
        estimate, low, high = (2 * each / (1 + each) for each in (jaccard.estimate, jaccard.low, jaccard.high))
        return measurement_of(Interval(estimate, low, high, f"{jaccard.method}-f1"), measured.rows, measured.conditions)

    return Quantity(of)


def _mean(counted: RateCounts, share: Share) -> Quantity:
    """The mean over all classes of a rate that each has among rows of its own."""
    names, codes = counted.margins.names, range(len(counted.classes))
    hits, rows = (np.stack(sums) for sums in zip(*(share.counts(counted.margins, code) for code in codes), strict=True))

    def of(group: int, confidence: float) -> MeasurementResult:
        for code in codes:
            if rows[code, group] == 0:
                return Unmeasurable(f'no {counted.named(share.rows_named, code)} in group "{names[group]}"')
        counts = [Count(int(hits[code, group]), int(rows[code, group])) for code in codes]
        conditions = {"average": "macro"}
        if len(counts) <= MOST_CLASSES:
            conditions["counts"] = ", ".join(f"{count.successes} of {count.rows}" for count in counts)
        return measurement_of(mean_of_proportions(counts, confidence=confidence), int(rows[:, group].sum()), conditions)

    return Quantity(of)


def _f1(counted: RateCounts, share: Share, code: int) -> Quantity:
    margins, among = counted.margins, counted.named(share.rows_named, code)
    right = margins.right[:, code]
    extra, lost = margins.answered[:, code] - right, margins.actual[:, code] - right

    def of(group: int, confidence: float) -> MeasurementResult:
        here = [int(each[group]) for each in (right, extra, lost)]
        counts = f"{here[0]} right among {sum(here)}"
        return measurement_of(f1(*here, confidence=confidence), sum(here), {"counts": counts, "among": among})

    return Quantity(of)


def _weighted(counted: RateCounts, share: Share, code: int) -> Quantity:
    """The share of the weight, from sums of weights and of their squares."""
    if counted.weights is None or counted.supposed is None:
        raise ValueError("nothing was weighed")
    supposed, among = counted.supposed, counted.named(share.rows_named, code)
    rows = share.counts(counted.margins, code)[1]
    both = [share.counts(margins, code) for margins in counted.weights]
    hits, misses = [hit for hit, _ in both], [among_sum - hit for hit, among_sum in both]

    def of(group: int, confidence: float) -> MeasurementResult:
        if rows[group] == 0:
            return Unmeasurable(f'no {among} in group "{counted.margins.names[group]}"')
        # What is left of a difference of equal sums may be a last digit below 0.
        right, wrong = (tuple(max(0.0, float(each[group])) for each in part) for part in (hits, misses))
        interval = weighted_share(
            int(rows[group]),
            (right[0], right[1]),
            (wrong[0], wrong[1]),
            heaviest=supposed.largest,
            confidence=confidence,
        )
        return measurement_of(interval, int(rows[group]), {"among": among}, supposed)

    return Quantity(of)
