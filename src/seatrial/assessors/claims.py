"""Which claims an assessor answers, in which order, why one has no evidence, and what all evidence states."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from seatrial.assessors.assessor import Subject
from seatrial.verdicts.evidence import Claim, Family, Flag, NotMeasured
from seatrial.verdicts.metrics import METRICS

BASELINE = "baseline"  # the best constant answer, as policies call it
ONE_COLUMN = "one-column rule"
MOST_CLASSES = 20  # of which each gets claims of its own; of more, those that a policy names


def claims_to_measure(required: Sequence[Claim], subject: Subject, metrics: Collection[str]) -> tuple[Claim, ...]:
    """The claims about these metrics: first those that are asked, then those that are always made; each once."""
    return tuple(dict.fromkeys(claim for claim in (*required, *default_claims(subject)) if claim.metric in metrics))


def default_claims(subject: Subject) -> Iterator[Claim]:
    """The claims that are made about every model of this task: what each metric's record says is reported."""
    task, signature = subject.task, subject.predictor.signature
    settings = {
        "quantile": subject.quantile is not None,
        "interval": signature.interval,
        "clip": subject.clip is not None,
    }
    measurable = [metric for metric in METRICS.values() if all(settings[name] for name in metric.needs)]
    for metric in measurable:
        if task in metric.reported.overall:
            yield Claim(metric.name)
    for metric in measurable:
        if task in metric.reported.each_class and len(signature.classes) <= MOST_CLASSES:
            yield from (Claim(metric.name, of_class=name) for name in signature.classes)
    for reference in (BASELINE, ONE_COLUMN):
        yield from (Claim(metric.name, against=reference) for metric in measurable if task in metric.reported.baselines)
    for family, of in ((Family.GROUPS, "groups"), (Family.PAIRS, "pairs"), (Family.RATIOS, "ratios")):
        for metric in (metric for metric in measurable if task in getattr(metric.reported, of)):
            yield from (Claim(metric.name, family, column) for column in subject.groups)


def unmeasured(claim: Claim, reason: str) -> NotMeasured:
    """The claim as a whole has no evidence."""
    return NotMeasured(claim, "all", reason)


def conditions(subject: Subject, **parameters: str) -> dict[str, str]:
    """What the evidence rests on, and the parameters of its method."""
    rows, weights = subject.tables[subject.measured].num_rows, subject.weight or "unweighted"
    return {"data": subject.measured, "rows": str(rows), "weights": weights, **parameters}


def dependence(subject: Subject) -> tuple[Flag, ...]:
    """The doubt about a method that takes rows as independent, where the cluster column says that some are not."""
    if subject.cluster is None:
        return ()
    column = subject.tables[subject.measured].column(subject.cluster)
    clusters = len(column.unique())  # texts are dictionaries, which count_distinct does not take
    if clusters == len(column):
        return ()
    detail = f'{len(column)} rows are {clusters} values of "{subject.cluster}"; the method takes rows as independent'
    return (Flag("dependent-rows", detail),)
