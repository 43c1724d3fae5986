"""Which claims an assessor answers, in which order, why one has no evidence, and what all evidence states."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import pyarrow.compute as pc

from seatrial.assessors.assessor import Subject
from seatrial.verdicts.evidence import Claim, Family, Flag, NotMeasured

BASELINE = "baseline"  # the best constant answer, as policies call it
ONE_COLUMN = "one-column rule"
MOST_CLASSES = 20  # of which each gets claims of its own; of more, those that a policy names

# What is reported of every model, whatever its policy asks. A report has to stay readable: differences are shown for
# rates and mean errors, quotients for the selection rate alone, of which the four-fifths rule speaks.
_OVERALL = {
    "binary": (
        "accuracy",
        "balanced_accuracy",
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "precision",
        "f1",
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier_score",
        "calibration_error",
        "calibration_gap",
    ),
    "multiclass": (
        "accuracy",
        "balanced_accuracy",
        "precision",
        "f1",
        "roc_auc",
        "log_loss",
        "brier_score",
        "calibration_error",
        "calibration_gap",
    ),
    "regression": ("mae", "rmse", "mean_error", "r2"),
}
_OF_CLASS = ("true_positive_rate", "precision", "f1")
_GROUPS = {
    "binary": ("accuracy", "selection_rate", "true_positive_rate", "false_positive_rate", "precision", "roc_auc"),
    "multiclass": ("accuracy", "balanced_accuracy"),
    "regression": ("mae", "mean_error"),
}
_PAIRS = {
    "binary": ("accuracy", "selection_rate", "true_positive_rate", "false_positive_rate"),
    "multiclass": ("accuracy",),
    "regression": ("mae", "mean_error"),
}
_BESIDE_BASELINES = {"binary": ("accuracy",), "multiclass": ("accuracy",), "regression": ("mae", "rmse")}
_RATIOS = {"binary": ("selection_rate",)}


def wanted(asked: Sequence[Claim], subject: Subject, metrics: Collection[str]) -> tuple[Claim, ...]:
    """The claims about these metrics: first those that are asked, then those that are always made; each once."""
    return tuple(dict.fromkeys(claim for claim in (*asked, *default_claims(subject)) if claim.metric in metrics))


def default_claims(subject: Subject) -> Iterator[Claim]:
    """The claims that are made about every model of this task."""
    task = subject.task
    for metric in _OVERALL[task]:
        yield Claim(metric)
    if task == "regression" and subject.quantile is not None:
        yield Claim("quantile_loss")
    if task == "regression" and subject.predictor.signature.interval:
        yield Claim("interval_coverage")
    if task == "multiclass" and len(subject.predictor.signature.classes) <= MOST_CLASSES:
        for metric in _OF_CLASS:
            yield from (Claim(metric, of_class=name) for name in subject.predictor.signature.classes)
    for reference in (BASELINE, ONE_COLUMN):
        yield from (Claim(metric, against=reference) for metric in _BESIDE_BASELINES[task])
    for family, metrics in ((Family.GROUPS, _GROUPS), (Family.PAIRS, _PAIRS), (Family.RATIOS, _RATIOS)):
        for metric in metrics.get(task, ()):
            yield from (Claim(metric, family, column) for column in subject.groups)


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
    clusters = pc.count_distinct(column, mode="all").as_py()
    if clusters == len(column):
        return ()
    detail = f'{len(column)} rows are {clusters} values of "{subject.cluster}"; the method takes rows as independent'
    return (Flag("dependent-rows", detail),)
