"""The verdict in a terminal: a table for people, the same as plain lines for logs and pipes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.report.plots import limits
from seatrial.report.requirements import evidence_for, missing_for
from seatrial.report.terminal.printable import printable
from seatrial.report.words import bound, confidence_percent, numbers, slice_label
from seatrial.verdicts.evidence import Evidence, Family
from seatrial.verdicts.judge import Finding, Outcome, Verdict
from seatrial.verdicts.policy import Requirement
from seatrial.verdicts.trial import Trial

if TYPE_CHECKING:
    from rich.console import Group

_HEADER = ("requirement", "decided by", "estimate", "bounds", "threshold", "outcome")
_RIGHT = (False, False, True, True, True, False)
_WORDS = {
    Outcome.PASS: "✓ pass",
    Outcome.FAIL: "✗ fail",
    Outcome.INCONCLUSIVE: "? inconclusive",
    Outcome.NOT_APPLICABLE: "– not applicable",
}
_STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.NOT_APPLICABLE: "dim",
}
_GUTTER = "  "
_OVERALL = "overall"


@dataclass(frozen=True, slots=True)
class _Line:
    cells: tuple[str, ...]
    outcome: Outcome
    reasons: tuple[str, ...]


def verdict_lines(verdict: Verdict, trial: Trial) -> list[str]:
    """The verdict as plain lines: a headline, a header, one line a requirement, its reasons below it."""
    lines = _lines(verdict, trial)
    if not lines:
        return [headline(verdict, trial)]
    widths = [max(len(row[column]) for row in (_HEADER, *(line.cells for line in lines))) for column in range(6)]
    text = [headline(verdict, trial), "", _aligned(_HEADER, widths)]
    for line in lines:
        text.append(_aligned(line.cells, widths))
        text.extend(f"{_GUTTER}{_GUTTER}{reason}" for reason in line.reasons)
    return text


def verdict_table(verdict: Verdict, trial: Trial) -> Group:
    """The same for a terminal, by rich: a table that still reads at 80 columns, and the reasons below it."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column("requirement", overflow="fold")
    for name in ("estimate", "bounds", "threshold"):
        table.add_column(name, justify="right", no_wrap=True)
    lines, reasons = _lines(verdict, trial), []
    for line in lines:
        requirement, place, *numbers, outcome = line.cells
        what = Text(requirement)  # Text: names from data are no markup
        if place != _OVERALL:
            what.append(f"\n{place}", style="dim")
        table.add_row(Text(outcome, style=_STYLES[line.outcome]), what, *(Text(cell) for cell in numbers))
        if line.reasons:
            reasons.append(Padding(Text(f"{requirement}: {'; '.join(line.reasons)}"), (0, 0, 0, 2)))
    style = "bold" if verdict.outcome is None else _STYLES[verdict.outcome]
    return Group(Text(headline(verdict, trial), style=style), "", table, *([""] if reasons else []), *reasons)


def headline(verdict: Verdict, trial: Trial) -> str:
    """Verdict, count and confidence in one line."""
    if verdict.outcome is None:
        nothing = "asks for nothing" if not verdict.findings else "asks only for what does not apply yet"
        return f"No verdict: the policy {nothing}, so nothing can be deployed."
    held = sum(finding.outcome is Outcome.PASS for finding in verdict.findings)
    apart = sum(finding.outcome is Outcome.NOT_APPLICABLE for finding in verdict.findings)
    more = f", {apart} more do{'es' if apart == 1 else ''} not apply yet" if apart else ""
    use = "a rehearsal, nothing counted" if trial.test_use is None else f"use {trial.test_use.use} of this test data"
    return (
        f"Verdict: {verdict.outcome.upper()}. {held} of {len(verdict.findings) - apart} requirements hold{more} "
        f"(bounds at {confidence_percent(trial.confidence)}; {use})."
    )


def _lines(verdict: Verdict, trial: Trial) -> list[_Line]:
    return [
        _Line(
            tuple(map(printable, _cells(finding, evidence_for(finding.requirement, trial)))),
            finding.outcome,
            tuple(map(printable, missing_for(finding, trial))),
        )
        for finding in verdict.findings
    ]


def _cells(finding: Finding, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    requirement = finding.requirement
    outcome = _WORDS[finding.outcome]
    if not evidence or finding.outcome is Outcome.NOT_APPLICABLE:
        place = "" if finding.outcome is Outcome.NOT_APPLICABLE else "nothing measured"
        return (str(requirement.claim), place, "", "", _threshold(requirement), outcome)
    worst = evidence[0]
    shown = numbers(worst)
    return (
        str(requirement.claim),
        _place(worst, len(evidence)),
        shown.estimate,
        shown.bounds,
        _threshold(requirement),
        outcome,
    )


def _place(worst: Evidence, slices: int) -> str:
    place = slice_label(worst.claim, worst.slice)
    return place if worst.claim.family is Family.ALL or slices == 1 else f"{place} (worst of {slices})"


def _threshold(requirement: Requirement) -> str:
    if requirement.gap_between is not None and requirement.at_most is not None:
        return f"within ±{bound(requirement.at_most)}"
    least, most = limits(requirement)
    if least is not None and most is not None:
        return f"{bound(least)} to {bound(most)}"
    return f"≥ {bound(least)}" if least is not None else f"≤ {bound(most or 0.0)}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, _RIGHT, strict=True)
    )
    return (_GUTTER + _GUTTER.join(aligned)).rstrip()
