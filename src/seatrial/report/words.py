"""Numbers and metrics as people read them, the same on the page and in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seatrial.verdicts.evidence import Claim, Family

_NOTHING = 1e-9  # what rounding leaves of a zero
_METRICS = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "roc_auc": "ROC AUC",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
    "selection_rate": "Selection rate",
    "true_positive_rate": "True positive rate",
    "false_positive_rate": "False positive rate",
    "precision": "Precision",
    "recall": "Recall",
}
_MEANINGS = {
    "accuracy": "share of answers that are right",
    "roc_auc": "chance that a positive row is ranked above a negative one",
    "log_loss": "how surprised the model is by the truth; lower is better",
    "calibration_error": "how far stated probabilities are from what happens; lower is better",
    "selection_rate": "share of rows answered positive",
    "true_positive_rate": "share of truly positive rows answered positive",
    "false_positive_rate": "share of truly negative rows answered positive",
}


def metric_title(metric: str) -> str:
    """The metric's name in words."""
    return _METRICS.get(metric, metric.replace("_", " ").capitalize())


def metric_meaning(metric: str) -> str:
    """What the metric says in one phrase, or nothing for a metric that has no entry."""
    return _MEANINGS.get(metric, "")


def claim_title(claim: Claim) -> str:
    """What a claim is about, in words."""
    title = metric_title(claim.metric)
    if claim.family is Family.ALL:
        return title
    return f"{title} {'for each' if claim.family is Family.GROUPS else 'gap by'} {claim.column}"


def slice_label(claim: Claim, name: str) -> str:
    """The slice without the column's name in front, which the heading already says."""
    if claim.family is Family.ALL and name == "all":
        return "everybody"
    for lead in (f"{claim.column}=", f"{claim.column}: "):
        if claim.column is not None and name.startswith(lead):
            return name[len(lead) :]
    return name


def number(value: float, *, signed: bool = False, digits: int = 3) -> str:
    """A value with `digits` decimals and a true minus sign; `signed` also shows the plus."""
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    if math.isnan(value):
        return "–"
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def bound(value: float) -> str:
    """A threshold as the policy states it, without trailing zeros."""
    return f"{value:g}".replace("-", "−")


def ticks_text(values: Sequence[float]) -> tuple[str, ...]:
    """Axis labels, all with as many decimals as the one that needs most."""
    plain = [f"{value:.6f}".rstrip("0") for value in values]
    decimals = max((len(text.partition(".")[2]) for text in plain), default=0)
    return tuple("0" if abs(value) < _NOTHING else number(value, digits=decimals) for value in values)


def count(value: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def confidence_percent(value: float) -> str:
    """A confidence as a percentage, without needless digits."""
    return f"{100 * value:.4g}\N{NARROW NO-BREAK SPACE}%"


def short_digest(digest: str) -> str:
    """Enough of a digest to recognise it; the page gives all of it elsewhere."""
    return digest[:12]
