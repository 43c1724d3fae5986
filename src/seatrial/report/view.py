"""What a report is made from: values only, so that the page is a function of them."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.models.provenance import Provenance
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import Trial


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided about one requirement."""

    requirement: Requirement
    outcome: str
    reasons: tuple[str, ...] = ()
    rows_needed: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about all of them."""

    outcome: str
    rulings: tuple[Ruling, ...]


@dataclass(frozen=True, slots=True)
class WaiverNote:
    """A valid waiver as the page shows it."""

    requirement: str
    reason: str
    until: str  # RFC 3339, UTC
    key: str  # id of the key that signed it


@dataclass(frozen=True, slots=True)
class ReportView:
    """Everything the page says. `version` and `digest` are None for a rehearsal, which releases nothing."""

    name: str
    version: int | None
    digest: str | None  # of release.json
    created: str  # RFC 3339, UTC
    verdict: Verdict | None  # None where the policy asks for nothing
    policy: Policy
    trial: Trial
    provenance: Provenance
    made_with: str  # Seatrial's version
    waivers: tuple[WaiverNote, ...] = ()
    waived: bool = False  # the waivers make it deployable
    signature_key: str | None = None
    reproduce: tuple[str, ...] = ()  # commands
    unweighted: str | None = None  # why no row counts for more than one person; None says nothing of weights

    @property
    def title(self) -> str:
        """How people call it."""
        return f"{self.name} (rehearsal)" if self.version is None else f"{self.name}@{self.version}"
