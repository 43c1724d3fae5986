"""The verdict on a trial: pass, fail or inconclusive, requirement by requirement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.policy import Requirement


class Outcome(StrEnum):
    """What the evidence says about a requirement, or about the policy as a whole."""

    PASS = "pass"  # noqa: S105 (a verdict, not a password)
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"  # a comparison with a model that there is none of yet; never a whole verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """What came out for one requirement, and what decided it.

    `deciding` holds the slices behind the outcome: of a pass the closest one, of a fail each that failed, else each
    that is undecided (none where nothing was measured). `margin` is the smallest distance of a deciding slice's bound
    from the threshold, at least 0 exactly where the requirement holds. `rows_needed` is planning advice for an
    inconclusive one: rows of a new test set; None where no number of rows would help.
    """

    requirement: Requirement
    outcome: Outcome
    reason: str
    deciding: tuple[Evidence, ...] = ()
    margin: float | None = None
    rows_needed: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome over all requirements; None where the policy has none, which deploys nothing."""

    outcome: Outcome | None
    confidence: float  # that the policy and the use of the test data demanded of each bound
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """True exactly where every requirement of a policy that has some holds."""
        return self.outcome is Outcome.PASS
