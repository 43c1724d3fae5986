"""What came of trying a model: the verdict, what it rests on, and how it shows itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from pathlib import Path

from seatrial.assessors.regression.error_metrics import SUGGESTED_CLIP
from seatrial.errors import InputError
from seatrial.models.provenance import Provenance
from seatrial.models.signature import Signature
from seatrial.report.view import ON_THIS_MACHINE, ReportView, TryInputs
from seatrial.trial.data_checks.note import Note
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import Trial
from seatrial.verdicts.verdict import Finding, Outcome, Verdict

UNWEIGHTED = "unweighted"
_FRAME_HEIGHT_PX = 720  # of a report in a notebook: the verdict and its requirements, and more by scrolling


@dataclass(frozen=True, slots=True)
class Assessment:
    """A verdict on a model and the trial it was judged from; nothing is released, and nothing can be deployed by it.

    Prints as a table; in a notebook it is the report. `notes` are doubts about the data, `assumptions` what was taken
    for granted of model and data.
    """

    model: str  # as it was called
    data: str
    label: str
    verdict: Verdict
    policy: Policy
    trial: Trial
    signature: Signature
    provenance: Provenance | None
    notes: tuple[Note, ...]
    assumptions: tuple[str, ...]
    unasked: tuple[str, ...]  # what could have been measured, had it been asked for
    groups: tuple[str, ...]
    created: str  # RFC 3339, UTC
    reproduce: tuple[str, ...] = ()  # commands
    counted: str = ON_THIS_MACHINE  # where the use of the test data is counted

    @property
    def passed(self) -> bool:
        """Whether every requirement holds."""
        return self.verdict.passed

    @property
    def understood(self) -> tuple[str, ...]:
        """The former name of `assumptions`."""
        warnings.warn("Assessment.understood is called assumptions now.", DeprecationWarning, stacklevel=2)
        return self.assumptions

    @property
    def outcome(self) -> Outcome | None:
        """Pass, fail or inconclusive; None where nothing was required."""
        return self.verdict.outcome

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What came out, requirement by requirement."""
        return self.verdict.findings

    def suggested_clip(self) -> str | None:
        """A clip to think from, where nothing that is required can be measured without one."""
        required = {requirement.claim for requirement in self.policy.require}
        lacking = [item for item in self.trial.not_measured if item.claim in required]
        return next((item.conditions[SUGGESTED_CLIP] for item in lacking if SUGGESTED_CLIP in item.conditions), None)

    def view(self) -> ReportView:
        """What the report is made from."""
        return ReportView(
            name=self.model,
            version=None,
            digest=None,
            created=self.created,
            verdict=self.verdict,
            policy=self.policy,
            trial=self.trial,
            provenance=self.provenance,
            made_with=version("seatrial"),
            signature=self.signature,
            tried=self.tried(),
            reproduce=self.reproduce,
        )

    def tried(self) -> TryInputs:
        """What the model was tried on, and what was made of it, as the report shows it."""
        return TryInputs(
            data=self.data,
            label=self.label,
            weight=self._weight(),
            groups=self.groups,
            notes=tuple(map(str, self.notes)),
            assumptions=self.assumptions,
            unasked=self.unasked,
            counted=self.counted,
        )

    def _weight(self) -> str | None:
        """The column that says how many people a row stands for, as the evidence states it."""
        weights = {evidence.conditions.get("weights", UNWEIGHTED) for evidence in self.trial.evidence}
        return next(iter(weights - {UNWEIGHTED}), None)

    def page(self) -> str:
        """The report: one HTML page that needs nothing else."""
        from seatrial.report.html import render_report

        return render_report(self.view())

    def save(self, path: str | Path) -> Path:
        """Writes the report, one HTML file that needs nothing else; returns where it is."""
        target = Path(path)
        try:
            target.write_text(self.page(), encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"the report cannot be written: {error.strerror}.", path=str(target), hint="Name another file."
            ) from None
        return target

    def __str__(self) -> str:
        from seatrial.report.terminal.assessment import assessment_lines

        return "\n".join(assessment_lines(self.view(), self.tried()))

    def _repr_html_(self) -> str:
        # In a frame of its own: the page's style must not reach into the notebook, nor the notebook's into the page.
        return (
            f'<iframe title="Seatrial report" sandbox srcdoc="{escape(self.page())}" '
            f'style="width: 100%; height: {_FRAME_HEIGHT_PX}px; border: 0"></iframe>'
        )
