"""Claims about rates: shares of rows, all taken from one count of rows by group, truth and answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers import Unmeasurable, measured_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.cells import Grouping, count
from seatrial.assessors.claims import dependence, unmeasured
from seatrial.assessors.slices import Measure, Measured, over_slices
from seatrial.verdicts.differences import Count, proportion_difference
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.proportions import proportion

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share: `hits` of `rows`, both taken from counts[groups, truth, answer]; `among` names the rows."""

    hits: Callable[[Counts], Counts]
    rows: Callable[[Counts], Counts]
    among: str


def assess_rates(
    subject: Subject, claims: Sequence[Claim], rates: Mapping[str, Rate], *, confidence: float
) -> Iterator[Evidence | NotMeasured]:
    """Answers each claim about one of `rates`: every group or pair of its column with evidence, or with why not."""
    answers = measured_answers(subject)
    if isinstance(answers, Unmeasurable):
        yield from (unmeasured(claim, answers.reason) for claim in claims)
        return

    @cache  # a column is counted once, whatever the number of rates
    def cells(groups: Grouping) -> Counts:
        return count(answers, groups)

    def measure_of(metric: str, groups: Grouping) -> Measure:
        return _measure(rates[metric], cells(groups), groups.names)

    yield from over_slices(subject, claims, measure_of, confidence=confidence, flags=dependence(subject))


def _measure(rate: Rate, counts: Counts, names: Sequence[str]) -> Measure:
    members = [Count(int(hits), int(rows)) for hits, rows in zip(rate.hits(counts), rate.rows(counts), strict=True)]

    def measure(indices: tuple[int, ...], confidence: float) -> Measured | Unmeasurable:
        for index in indices:
            if members[index].rows == 0:
                return Unmeasurable(f'no {rate.among} in group "{names[index]}"')
        here = [members[index] for index in indices]
        if len(here) == 1:
            interval = proportion(here[0].successes, here[0].rows, confidence=confidence)
        else:
            interval = proportion_difference(here[0], here[1], confidence=confidence)
        counted = ", ".join(f"{member.successes} of {member.rows}" for member in here)
        return Measured(interval, sum(member.rows for member in here), {"counts": counted, "among": rate.among})

    return measure
