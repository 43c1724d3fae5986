"""One metric over all slices of a claim: overall, each group, or each pair of groups; none is ever left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations

from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import conditions, unmeasured
from seatrial.assessors.contingency.grouping import Grouping, grouping, overall_grouping
from seatrial.verdicts.bounds.differences import interval_difference
from seatrial.verdicts.bounds.interval import Interval, NoInterval, half_alpha, simultaneous_confidence
from seatrial.verdicts.bounds.ratios import interval_ratio
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag, NotMeasured


@dataclass(frozen=True, slots=True)
class Measurement:
    """A metric of one slice, from `rows` independent rows, and what else its method rests on."""

    interval: Interval
    rows: int
    conditions: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()


MeasurementResult = Measurement | Unmeasurable
Of = Callable[[int, float], MeasurementResult]  # the metric of a group, by its index, at a confidence
Between = Callable[[int, int, float], MeasurementResult]  # of the first against the second group


@dataclass(frozen=True, slots=True)
class Quantity:
    """A metric within each group of a column. Without ways of their own, pairs are bounded by both groups' bounds."""

    of: Of
    difference: Between | None = None
    ratio: Between | None = None
    heeds_clusters: bool = False  # the method does not take rows of one cluster as independent


_SIGNS = {Family.PAIRS: "−", Family.RATIOS: "÷"}


def over_slices(
    subject: Subject,
    claims: Sequence[Claim],
    quantity_of: Callable[[Claim, Grouping], Quantity | Unmeasurable],
    *,
    confidence: float,
    flags: tuple[Flag, ...] = (),
    parameters: Mapping[str, str] | None = None,
) -> Iterator[Evidence | NotMeasured]:
    """Answers each claim on each of its slices; `quantity_of` says what it is about, for the groups of its column.

    Bonferroni over the slices of a claim, those that turn out unmeasurable included: their number is known before.
    """
    groupings: dict[str | None, Grouping | Unmeasurable] = {
        None: overall_grouping(subject.tables[subject.measured].num_rows)
    }
    quantities: dict[Claim, Quantity | Unmeasurable] = {}
    for claim in claims:
        if claim.column is not None and claim.column not in groupings:
            groupings[claim.column] = grouping(subject, claim.column)
        groups = groupings[claim.column]
        if claim.against is None:  # what is said of groups is part of what is said of pairs and ratios of them
            same = replace(claim, family=Family.ALL if claim.column is None else Family.GROUPS)
        else:
            same = claim
        if same not in quantities:
            quantities[same] = (
                groups if isinstance(groups, Unmeasurable) else cached_quantity(quantity_of(claim, groups))
            )
        quantity = quantities[same]
        if isinstance(groups, Unmeasurable) or isinstance(quantity, Unmeasurable):
            reason = next(item.reason for item in (groups, quantity) if isinstance(item, Unmeasurable))
            yield unmeasured(claim, reason)
            continue
        shared_conditions = conditions(subject, **(parameters or {}))
        doubts = () if quantity.heeds_clusters else flags
        yield from of_groups(
            claim, groups.names, quantity, confidence=confidence, stated=shared_conditions, flags=doubts
        )


def of_groups(
    claim: Claim,
    names: Sequence[str],
    quantity: Quantity,
    *,
    confidence: float,
    stated: Mapping[str, str],
    flags: tuple[Flag, ...] = (),
) -> Iterator[Evidence | NotMeasured]:
    """Answers one claim on each of its slices, for groups of these names; `stated` are the conditions of them all."""
    slices = tuple(_slices(claim, names))
    if not slices:
        yield unmeasured(claim, f'column "{claim.column}" has fewer than two groups')
        return
    each = simultaneous_confidence(confidence, len(slices))
    stated = {**stated, "simultaneous_slices": str(len(slices))}
    # The bounds of k groups that hold together, with half of α for either side, bound all their pairs at once.
    together = half_alpha(simultaneous_confidence(confidence, len(names)))
    measure = _measure(claim.family, quantity, names, together)
    for name, indices in slices:
        slice_name = name
        measured = measure(indices, each)
        if isinstance(measured, Unmeasurable) and claim.family is Family.RATIOS:
            # A ratio by a group that may have none is unbounded; the reciprocal says the same, and is not.
            turned = measure(indices[::-1], each)
            if isinstance(turned, Measurement):
                measured, slice_name = turned, _name(claim, names, indices[::-1])
        if isinstance(measured, Unmeasurable):
            described = {} if measured.estimate is None else {**stated, **measured.conditions}
            yield NotMeasured(claim, slice_name, measured.reason, measured.estimate, described)
        else:
            yield _evidence(claim, slice_name, measured, confidence, stated, flags)


def cached_quantity(quantity: Quantity | Unmeasurable) -> Quantity | Unmeasurable:
    """The same quantity, which computes each group once at each confidence: a group is part of many pairs."""
    return quantity if isinstance(quantity, Unmeasurable) else replace(quantity, of=cache(quantity.of))


def _measure(
    family: Family, quantity: Quantity, names: Sequence[str], together: float
) -> Callable[[tuple[int, ...], float], Measurement | Unmeasurable]:
    """The measure of one slice, by the indices of its groups."""
    of = quantity.of
    if family not in _SIGNS:
        return lambda indices, confidence: of(indices[0], confidence)
    between = quantity.difference if family is Family.PAIRS else quantity.ratio
    combine = interval_difference if family is Family.PAIRS else interval_ratio

    def measure(indices: tuple[int, ...], confidence: float) -> Measurement | Unmeasurable:
        first, second = indices
        if between is not None:
            return between(first, second, confidence)
        each = min(half_alpha(confidence), together)  # for more than three groups the second
        both = [of(index, each) for index in indices]
        measured = [measurement for measurement in both if isinstance(measurement, Measurement)]
        if len(measured) < len(both):
            return _unmeasurable(family, both, [names[index] for index in indices])
        if family is Family.RATIOS and min(measurement.interval.low for measurement in measured) < 0:
            return Unmeasurable("it can be negative, and has no ratio")
        joined = combine(measured[0].interval, measured[1].interval)
        if isinstance(joined, NoInterval):
            return Unmeasurable(f"{names[first]} by {names[second]}: {joined.reason}")
        return Measurement(joined, measured[0].rows + measured[1].rows, _shared(measured), joined_flags(measured))

    return measure


def _unmeasurable(family: Family, both: Sequence[MeasurementResult], names: Sequence[str]) -> Unmeasurable:
    """Why two groups are not compared; what is between them, where both have a number of their own rows."""
    lacking = [(name, doubt) for name, doubt in zip(names, both, strict=True) if isinstance(doubt, Unmeasurable)]
    name, first = lacking[0]
    estimates = [doubt.estimate for _, doubt in lacking if doubt.estimate is not None]
    if len(estimates) == len(both):
        if family is Family.PAIRS:
            return Unmeasurable(first.reason, estimates[0] - estimates[1])
        if min(estimates) > 0:
            return Unmeasurable(first.reason, estimates[0] / estimates[1])
    return Unmeasurable(f"{name}: {first.reason}")


def joined_flags(measured: Sequence[Measurement]) -> tuple[Flag, ...]:
    """The flags of all that something was computed from, each once."""
    return tuple(dict.fromkeys(flag for measurement in measured for flag in measurement.flags))


def _shared(measured: Sequence[Measurement]) -> dict[str, str]:
    """The conditions that hold for both groups."""
    first, second = measured
    return {name: value for name, value in first.conditions.items() if second.conditions.get(name) == value}


def _slices(claim: Claim, groups: Sequence[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name of each slice, and the indices of its groups."""
    each = combinations(range(len(groups)), 2) if claim.family in _SIGNS else ((i,) for i in range(len(groups)))
    for indices in each:
        yield _name(claim, groups, indices), indices


def _name(claim: Claim, groups: Sequence[str], indices: tuple[int, ...]) -> str:
    if claim.family is Family.ALL:
        return "all"
    first = groups[indices[0]]
    if claim.family is Family.GROUPS:
        return f"{claim.column}={first}"
    return f"{claim.column}: {first} {_SIGNS[claim.family]} {groups[indices[1]]}"


def _evidence(
    claim: Claim,
    name: str,
    measured: Measurement,
    confidence: float,
    shared_conditions: Mapping[str, str],
    flags: tuple[Flag, ...],
) -> Evidence:
    interval = measured.interval
    return Evidence(
        claim=claim,
        slice=name,
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        confidence=confidence,
        rows=measured.rows,
        method=interval.method,
        conditions={**shared_conditions, **measured.conditions},
        flags=(*flags, *measured.flags),
    )
