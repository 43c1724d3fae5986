"""What a report is made from: values only, so that the page is a function of them."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.models.provenance import Provenance
from seatrial.models.signature import Signature
from seatrial.verdicts.judge import Verdict
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import Trial


@dataclass(frozen=True, slots=True)
class WaiverNote:
    """A valid waiver as the page shows it."""

    requirement: str
    reason: str
    until: str  # "2026-12-20 12:00 UTC"
    key: str  # whose key signed it, and the key's id


ON_THIS_MACHINE = "on this machine"


@dataclass(frozen=True, slots=True)
class TryInputs:
    """What a model was tried on by itself, without a project: what was asked, and what was made of it."""

    data: str
    label: str
    weight: str | None = None
    groups: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # about the data, the gravest first
    assumptions: tuple[str, ...] = ()  # of model and data, without being told
    unasked: tuple[str, ...] = ()  # what was not measured, and what it would need
    counted: str = ON_THIS_MACHINE  # where the use of the test data is


@dataclass(frozen=True, slots=True)
class ReportView:
    """Everything the page says. `version` and `digest` are None where nothing is released: rehearsed, or only tried.

    `provenance` is None for a model of which nothing is known but its answers.
    """

    name: str
    version: int | None
    digest: str | None  # of release.json
    created: str  # RFC 3339, UTC
    verdict: Verdict
    policy: Policy
    trial: Trial
    provenance: Provenance | None
    made_with: str  # Seatrial's version
    signature: Signature | None = None  # what the model takes and answers
    waivers: tuple[WaiverNote, ...] = ()
    waived: bool = False  # the waivers make it deployable
    signature_key: str | None = None  # id of the key
    signer: str | None = None  # whose it is, says the reader's trust.toml
    tried: TryInputs | None = None  # None: a project's model
    reproduce: tuple[str, ...] = ()  # commands

    @property
    def title(self) -> str:
        """How people call it."""
        if self.version is not None:
            return f"{self.name}@{self.version}"
        return f"{self.name} (rehearsal)" if self.trial.test_use is None else self.name
