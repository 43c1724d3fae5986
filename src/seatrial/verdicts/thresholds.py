"""One piece of evidence against one requirement: the decision, and how far the bound is from the threshold."""

from __future__ import annotations

from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.metrics import METRICS, Better
from seatrial.verdicts.policy import Requirement
from seatrial.verdicts.verdict import Outcome


def outcome(requirement: Requirement, evidence: Evidence) -> Outcome:
    """Whether `evidence` decides its requirement.

    At least t: pass where low ≥ t, fail where high < t. At most t: the other way about. A gap |d| ≤ t passes where
    both low ≥ −t and high ≤ t: two one-sided tests, each at the confidence of the bounds, and a false pass needs the
    one on the true side to err, so the pair keeps that confidence (Berger 1982; the TOST of Schuirmann 1987). It
    fails where low > t or high < −t: for one true d only one of the two can be wrong. A ratio within [t, 1/t] likewise.
    """
    if evidence.flags or not evidence.low <= evidence.high:  # also where a bound is NaN
        return Outcome.INCONCLUSIVE
    low, high = allowed(requirement)
    if low <= evidence.low and evidence.high <= high:
        return Outcome.PASS
    if evidence.high < low or evidence.low > high:
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE


def margin(requirement: Requirement, evidence: Evidence) -> float:
    """How far the bound that has to hold is inside the threshold; negative by how much it misses."""
    low, high = allowed(requirement)
    return min(evidence.low - low, high - evidence.high)


def allowed(requirement: Requirement) -> tuple[float, float]:
    """The values that meet the requirement, as (lowest, highest); infinite where it sets no bound."""
    if requirement.no_worse_than is not None:
        margin = requirement.margin or 0.0
        higher = METRICS[requirement.metric].better is Better.HIGHER
        return (-margin, float("inf")) if higher else (float("-inf"), margin)
    if requirement.ratio_between is not None and requirement.at_least is not None:
        return requirement.at_least, 1 / requirement.at_least
    if requirement.at_least is not None:
        return requirement.at_least, float("inf")
    if requirement.at_most is None:
        raise ValueError(f"{requirement.metric}: a requirement sets at_least or at_most")
    return (-requirement.at_most if requirement.gap_between is not None else float("-inf")), requirement.at_most
