"""One metric over all slices of a claim: everybody, each group, or each pair of groups; none is ever left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers import Unmeasurable
from seatrial.assessors.assessor import Subject
from seatrial.assessors.cells import Grouping, everybody, grouping
from seatrial.assessors.claims import conditions, unmeasured
from seatrial.verdicts.differences import interval_difference
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag, NotMeasured
from seatrial.verdicts.interval import Interval, half_alpha, simultaneous_confidence

Rows = NDArray[np.int64]  # indices of the rows of one group


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of one slice, from `rows` independent rows, and what else its method rests on."""

    interval: Interval
    rows: int
    conditions: Mapping[str, str] = field(default_factory=dict)


# The metric of one group (one index), or of the first minus the second of a pair (two), at a confidence.
Measure = Callable[[tuple[int, ...], float], Measured | Unmeasurable]


def over_slices(
    subject: Subject,
    claims: Sequence[Claim],
    measure_of: Callable[[str, Grouping], Measure],
    *,
    confidence: float,
    flags: tuple[Flag, ...] = (),
    parameters: Mapping[str, str] | None = None,
) -> Iterator[Evidence | NotMeasured]:
    """Answers each claim on each of its slices; `measure_of` gives the measure of a metric for a column's groups.

    Bonferroni over the slices of a claim, those that turn out unmeasurable included: their number is known before.
    """
    rows = subject.tables[subject.measured].num_rows
    known: dict[str | None, Grouping | Unmeasurable] = {None: everybody(rows)}
    for claim in claims:
        if claim.column is not None and claim.column not in known:
            known[claim.column] = grouping(subject, claim.column)
        groups = known[claim.column]
        if isinstance(groups, Unmeasurable):
            yield unmeasured(claim, groups.reason)
            continue
        slices = tuple(_slices(claim, groups.names))
        if not slices:
            yield unmeasured(claim, f'column "{claim.column}" has fewer than two groups')
            continue
        measure = measure_of(claim.metric, groups)
        each = simultaneous_confidence(confidence, len(slices))
        stated = {**conditions(subject, **(parameters or {})), "simultaneous_slices": str(len(slices))}
        for name, indices in slices:
            measured = measure(indices, each)
            if isinstance(measured, Unmeasurable):
                yield NotMeasured(claim, name, measured.reason)
            else:
                yield _evidence(claim, name, measured, confidence, stated, flags)


def of_rows(groups: Grouping, metric: Callable[[Rows, float], Measured | Unmeasurable]) -> Measure:
    """The measure of a metric that is computed from rows; a difference is bounded by the two groups' own bounds."""

    def measure(indices: tuple[int, ...], confidence: float) -> Measured | Unmeasurable:
        each = confidence if len(indices) == 1 else half_alpha(confidence)
        found = []
        for index in indices:
            measured = metric(np.flatnonzero(groups.codes == index), each)
            if isinstance(measured, Unmeasurable):
                return Unmeasurable(
                    f"{groups.names[index]}: {measured.reason}" if len(indices) > 1 else measured.reason
                )
            found.append(measured)
        if len(found) == 1:
            return found[0]
        first, second = found
        return Measured(interval_difference(first.interval, second.interval), first.rows + second.rows)

    return measure


def _slices(claim: Claim, groups: Sequence[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name of each slice, and the indices of its groups."""
    if claim.family is Family.PAIRS:
        for first, second in combinations(range(len(groups)), 2):
            yield f"{claim.column}: {groups[first]} − {groups[second]}", (first, second)
    else:
        for index, group in enumerate(groups):
            yield "all" if claim.family is Family.ALL else f"{claim.column}={group}", (index,)


def _evidence(
    claim: Claim, name: str, measured: Measured, confidence: float, stated: Mapping[str, str], flags: tuple[Flag, ...]
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
        conditions={**stated, **measured.conditions},
        flags=flags,
    )
