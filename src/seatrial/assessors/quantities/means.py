"""Quantities that are shares or means over rows, of a model alone or of a model minus a reference on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.contingency.grouping import Grouping, Rows
from seatrial.assessors.quantities.slices import Measurement, MeasurementResult, Quantity, joined_flags
from seatrial.verdicts.bounds.asymptotic import asymptotic_mean
from seatrial.verdicts.bounds.averages import mean_of_intervals
from seatrial.verdicts.bounds.bounded_mean import bounded_mean
from seatrial.verdicts.bounds.differences import Count, interval_difference, proportion_differences
from seatrial.verdicts.bounds.interval import Interval, NoInterval, half_alpha, simultaneous_confidence
from seatrial.verdicts.bounds.paired import paired_mean, paired_proportions
from seatrial.verdicts.bounds.proportions import proportion
from seatrial.verdicts.bounds.ratios import proportion_ratio
from seatrial.verdicts.bounds.weighted_mean import WeightAssumption, weight_assumption, weighted_mean
from seatrial.verdicts.evidence import Flag

HEAVIER_ROWS = "heavier-rows"  # the flag
MODEL, REFERENCE = "model_estimate", "reference_estimate"  # conditions of a paired difference


@dataclass(frozen=True, slots=True, eq=False)
class Among:
    """The rows that a mean is over: those where `base` (bool[n]) holds, or all of them; and what they are called."""

    base: NDArray[np.bool_] | None = None
    name: str = "rows"

    def within(self, rows: Rows) -> Rows:
        """Those of `rows` that count."""
        return rows if self.base is None else rows[self.base[rows]]


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What a mean is taken of: float64[n] within `limits`, or without any; `note` adds conditions for some rows."""

    values: NDArray[np.float64]
    limits: tuple[float, float] | None
    among: Among = Among()
    weights: NDArray[np.float64] | None = None
    largest_weight: float | None = None
    note: Callable[[Rows], Mapping[str, str]] = lambda _rows: {}


def shares(hits: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str], among: str) -> Quantity:
    """The share of `hits` in `rows`, each counted by group, with exact bounds."""
    counts = [Count(int(hit), int(row)) for hit, row in zip(hits, rows, strict=True)]

    def measured(interval: Interval | NoInterval, *indices: int) -> MeasurementResult:
        here = [counts[index] for index in indices]
        counted = ", ".join(f"{count.successes} of {count.rows}" for count in here)
        return measurement_of(interval, sum(count.rows for count in here), {"counts": counted, "among": among})

    def empty(*indices: int) -> Unmeasurable | None:
        lacking = [names[index] for index in indices if counts[index].rows == 0]
        return Unmeasurable(f'no {among} in group "{lacking[0]}"') if lacking else None

    def of(group: int, confidence: float) -> MeasurementResult:
        count = counts[group]
        return empty(group) or measured(proportion(count.successes, count.rows, confidence=confidence), group)

    @cache
    def differences(confidence: float) -> dict[tuple[int, int], Interval]:
        pairs = list(combinations([index for index, count in enumerate(counts) if count.rows], 2))
        intervals = proportion_differences([(counts[i], counts[j]) for i, j in pairs], confidence=confidence)
        return dict(zip(pairs, intervals, strict=True))

    def difference(first: int, second: int, confidence: float) -> MeasurementResult:
        return empty(first, second) or measured(differences(confidence)[first, second], first, second)

    def ratio(first: int, second: int, confidence: float) -> MeasurementResult:
        return empty(first, second) or measured(
            proportion_ratio(counts[first], counts[second], confidence=confidence), first, second
        )

    return Quantity(of, difference, ratio)


def mean(terms: Terms, groups: Grouping, *, seed: int) -> Quantity:
    """The (weighted) mean of the terms of a group."""

    def of(group: int, confidence: float) -> MeasurementResult:
        rows = terms.among.within(groups.rows[group])
        if len(rows) == 0:
            return Unmeasurable(f'no {terms.among.name} in group "{groups.names[group]}"')
        values = terms.values[rows]
        weights = None if terms.weights is None else terms.weights[rows]
        interval: Interval | NoInterval
        supposed: WeightAssumption | None = None
        if terms.limits is None:
            interval = asymptotic_mean(values, confidence=confidence, weights=weights)
        elif weights is None:
            low, high = terms.limits
            interval = bounded_mean(values, floor=low, ceiling=high, confidence=confidence, seed=seed)
        else:
            low, high = terms.limits
            supposed = weight_assumption(weights, terms.largest_weight, of_all=terms.weights)
            interval = weighted_mean(
                values, weights, low=low, high=high, confidence=confidence, seed=seed, heaviest=supposed.largest
            )
        return measurement_of(interval, len(rows), {"among": terms.among.name, **terms.note(rows)}, supposed)

    return Quantity(of)


def paired(model: Terms, reference: Terms, groups: Grouping, *, seed: int) -> Quantity:
    """The mean of the model's terms minus the reference's, row by row: both have them for the same rows."""
    differences = model.values - reference.values

    def of(group: int, confidence: float) -> MeasurementResult:
        rows = model.among.within(groups.rows[group])
        if len(rows) == 0:
            return Unmeasurable(f'no {model.among.name} in group "{groups.names[group]}"')
        values = differences[rows]
        weights = None if model.weights is None else model.weights[rows]
        interval: Interval | NoInterval
        supposed: WeightAssumption | None = None
        if model.limits is None:
            interval = asymptotic_mean(values, confidence=confidence, weights=weights)
        else:
            reach = model.limits[1] - model.limits[0]
            if weights is not None:
                supposed = weight_assumption(weights, model.largest_weight, of_all=model.weights)
                interval = weighted_mean(
                    values, weights, low=-reach, high=reach, confidence=confidence, seed=seed, heaviest=supposed.largest
                )
            else:
                interval = paired_mean(values, low=-reach, high=reach, confidence=confidence, seed=seed)
        estimates = (float(np.average(terms.values[rows], weights=weights)) for terms in (model, reference))
        return measurement_of(
            interval, len(rows), {"among": model.among.name, **estimate_conditions(*estimates)}, supposed
        )

    return Quantity(of)


def paired_shares(model: NDArray[np.bool_], reference: NDArray[np.bool_], among: Among, groups: Grouping) -> Quantity:
    """The share of rows where `model` holds minus that where `reference` does, from the rows where they differ."""

    def of(group: int, confidence: float) -> MeasurementResult:
        rows = among.within(groups.rows[group])
        if len(rows) == 0:
            return Unmeasurable(f'no {among.name} in group "{groups.names[group]}"')
        model_hits, reference_hits = model[rows], reference[rows]
        better, worse = int((model_hits & ~reference_hits).sum()), int((reference_hits & ~model_hits).sum())
        interval = paired_proportions(better, worse, len(rows), confidence=confidence)
        counts = {"only_model": str(better), "only_reference": str(worse)}
        return measurement_of(
            interval,
            len(rows),
            {"among": among.name, **counts, **estimate_conditions(model_hits.mean(), reference_hits.mean())},
        )

    return Quantity(of)


def average(quantities: Sequence[Quantity]) -> Quantity:
    """The plain mean of the quantities of all classes, by Bonferroni over them."""

    def of(group: int, confidence: float) -> MeasurementResult:
        each = simultaneous_confidence(confidence, len(quantities))
        measured = [quantity.of(group, each) for quantity in quantities]
        for measurement in measured:
            if isinstance(measurement, Unmeasurable):
                return measurement
        per_class = [measurement for measurement in measured if isinstance(measurement, Measurement)]
        estimates = {
            name: repr(float(np.mean([float(measurement.conditions[name]) for measurement in per_class])))
            for name in (MODEL, REFERENCE)
            if all(name in measurement.conditions for measurement in per_class)
        }
        rows = max(measurement.rows for measurement in per_class)
        interval = mean_of_intervals([measurement.interval for measurement in per_class])
        return Measurement(interval, rows, {"average": "macro", **estimates}, joined_flags(per_class))

    return Quantity(of, heeds_clusters=all(quantity.heeds_clusters for quantity in quantities))


def minus(model: Quantity, reference: Quantity) -> Quantity:
    """One quantity minus another in the same group, whatever binds them: by both bounds, each at half of α."""

    def of(group: int, confidence: float) -> MeasurementResult:
        own, theirs = (quantity.of(group, half_alpha(confidence)) for quantity in (model, reference))
        if isinstance(own, Unmeasurable):
            if own.estimate is None or not isinstance(theirs, Unmeasurable) or theirs.estimate is None:
                return own
            between = own.estimate - theirs.estimate
            return Unmeasurable(
                own.reason, between, {**own.conditions, **estimate_conditions(own.estimate, theirs.estimate)}
            )
        if isinstance(theirs, Unmeasurable):
            return Unmeasurable(f"of the reference: {theirs.reason}")
        conditions = {**own.conditions, **estimate_conditions(own.interval.estimate, theirs.interval.estimate)}
        conditions.pop("counts", None)
        apart = interval_difference(own.interval, theirs.interval)
        return Measurement(apart, min(own.rows, theirs.rows), conditions, joined_flags((own, theirs)))

    return Quantity(of, heeds_clusters=model.heeds_clusters and reference.heeds_clusters)


def or_else(first: Quantity, second: Quantity) -> Quantity:
    """The first where it has bounds, else the second: a tighter method that needs more rows, and one that does not."""

    def of(group: int, confidence: float) -> MeasurementResult:
        measured = first.of(group, confidence)
        return second.of(group, confidence) if isinstance(measured, Unmeasurable) else measured

    return Quantity(of, heeds_clusters=first.heeds_clusters and second.heeds_clusters)


def estimate_conditions(model: float, reference: float) -> dict[str, str]:
    """The two estimates that a difference is of, as conditions."""
    return {MODEL: repr(float(model)), REFERENCE: repr(float(reference))}


def measurement_of(
    interval: Interval | NoInterval,
    rows: int,
    conditions: Mapping[str, str] | None = None,
    supposed: WeightAssumption | None = None,
) -> MeasurementResult:
    """What a method gave, as what was measured, or why it was not; with what is supposed of weights, and a doubt."""
    if isinstance(interval, NoInterval):
        return Unmeasurable(interval.reason, interval.estimate, {} if interval.estimate is None else conditions or {})
    if supposed is None:
        return Measurement(interval, rows, conditions or {})
    return Measurement(interval, rows, {**(conditions or {}), **supposed.stated}, weight_flags(supposed))


def weight_flags(supposed: WeightAssumption) -> tuple[Flag, ...]:
    """The doubt about what is supposed of weights, where there is one."""
    if supposed.doubt is None:
        return ()
    hint = "state the largest weight that anybody has (largest_weight)"
    if supposed.equal:
        hint += ", or name no weight column if that is what everybody weighs"
    return (Flag(HEAVIER_ROWS, f"{supposed.doubt}, so heavier ones may not have been drawn: {hint}"),)
