"""What every assessor does with claims: puts them in order, says why one has no evidence, and states conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow.compute as pc

from seatrial.assessors.assessor import Subject
from seatrial.verdicts.evidence import Claim, Family, Flag, NotMeasured


def in_order(asked: Sequence[Claim], own: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims asked about these metrics first, then an assessor's own; each once."""
    own = tuple(own)
    metrics = {claim.metric for claim in own}
    return tuple(dict.fromkeys([*(claim for claim in asked if claim.metric in metrics), *own]))


def claims_of(metric: str, subject: Subject, *families: Family) -> Iterator[Claim]:
    """The claims about `metric` for these families, over each group column of the subject."""
    for family in families:
        if family is Family.ALL:
            yield Claim(metric)
        else:
            yield from (Claim(metric, family, column) for column in subject.groups)


def unmeasured(claim: Claim, reason: str) -> NotMeasured:
    """The claim as a whole has no evidence."""
    return NotMeasured(claim, "all", reason)


def conditions(subject: Subject, **parameters: str) -> dict[str, str]:
    """What the evidence rests on, and the parameters of its method."""
    rows = subject.tables[subject.measured].num_rows
    return {"data": subject.measured, "rows": str(rows), "weights": "unweighted", **parameters}


def dependence(subject: Subject) -> tuple[Flag, ...]:
    """The doubt about a method that takes rows as independent, where the cluster column says that some are not."""
    if subject.cluster is None:
        return ()
    column = subject.tables[subject.measured].column(subject.cluster)
    clusters = pc.count_distinct(column, mode="all").as_py()
    if clusters == len(column):
        return ()
    detail = f'{len(column)} rows are {clusters} values of "{subject.cluster}"; the method takes rows as independent'
    return (Flag("dependent-rows", detail),)
