"""Whether a trial's record can be: numbers that no measurement gives are refused, whoever signed them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from seatrial.verdicts.alpha_spending import MOST_USES
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.metrics import METRICS
from seatrial.verdicts.trial import Trial

_ROUNDING = 1e-9  # relative: of sums and differences computed in another order


def impossibilities(trial: Trial) -> Iterator[str]:
    """What cannot be, each as a sentence; nothing for a record that a trial can have written."""
    use = trial.test_use
    if use is not None and not 1 <= use.use <= MOST_USES:
        yield f"the number of the use of the test data must be between 1 and {MOST_USES}, got {_short(use.use)}."
    if use is not None and use.rows < 1:
        yield f"the test data must have at least one row, got {_short(use.rows)}."
    if trial.seed < 0:
        yield f"the seed must not be negative, got {_short(trial.seed)}."
    if not 0 < trial.confidence < 1:
        yield f"the confidence of the trial must be between 0 and 1, got {trial.confidence}."
    for evidence in trial.evidence:
        if problem := _problem(evidence):
            yield f"{evidence.claim} ({evidence.slice}): {problem}."


def _problem(evidence: Evidence) -> str | None:
    if not all(math.isfinite(value) for value in (evidence.estimate, evidence.low, evidence.high)):
        return f"estimate and bounds must be finite, got {evidence.estimate}, {evidence.low} to {evidence.high}"
    if evidence.low > evidence.high:
        return f"the low bound must not lie above the high one, got {evidence.low} to {evidence.high}"
    if evidence.rows < 0:
        return f"the number of rows must not be negative, got {_short(evidence.rows)}"
    if not 0 < evidence.confidence < 1:
        return f"the confidence must be between 0 and 1, got {evidence.confidence}"
    least, most = value_range(evidence.claim)
    slack = _ROUNDING * max([1.0, *(abs(limit) for limit in (least, most) if math.isfinite(limit))])
    for value in (evidence.estimate, evidence.low, evidence.high):
        if not least - slack <= value <= most + slack:
            return f"a value must be between {least:g} and {most:g}, got {value:g}"
    return None


def value_range(claim: Claim) -> tuple[float, float]:
    """Where the quantity of a claim can lie: the metric itself, a difference of two of it, or a quotient."""
    metric = METRICS.get(claim.metric)
    if claim.family is Family.RATIOS:
        return 0.0, math.inf
    if metric is None:
        return -math.inf, math.inf
    if claim.family is Family.PAIRS or claim.against is not None:
        return metric.low - metric.high, metric.high - metric.low
    return metric.low, metric.high


def _short(value: int) -> str:
    """A number of any length in a few characters: printing an int of 4,300 digits is an error in Python."""
    return str(value) if abs(value) < 10**12 else "a number of more than twelve digits"
