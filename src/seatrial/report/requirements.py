"""Each requirement as the page and the terminal show it: what was found, by what margin, and what is missing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from seatrial.report.plots import IntervalPlot, interval_plot, limits
from seatrial.report.words import about, bound, claim_title, number, reference_title, slice_label
from seatrial.verdicts.evidence import Evidence, Family
from seatrial.verdicts.judge import Finding, Outcome
from seatrial.verdicts.policy import Requirement
from seatrial.verdicts.thresholds import margin, outcome
from seatrial.verdicts.trial import Trial

_GRAVITY = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.NOT_APPLICABLE)
_NAMED = 4  # gaps spelled out for one requirement; the section on what was not measured has them all


@dataclass(frozen=True, slots=True)
class RequirementCard:
    """One requirement, its outcome in words, and its plot where anything was measured."""

    title: str
    outcome: str
    summary: str
    reasons: tuple[str, ...]
    plot: IntervalPlot | None


def requirement_card(finding: Finding, trial: Trial) -> RequirementCard:
    """The requirement with its outcome and everything that led to it."""
    requirement = finding.requirement
    evidence = evidence_for(requirement, trial)
    return RequirementCard(
        title=requirement_title(requirement),
        outcome=finding.outcome.value,
        summary=_summary(finding, evidence),
        reasons=missing_for(finding, trial),
        plot=_plot(evidence, requirement) if evidence else None,
    )


def _plot(evidence: Sequence[Evidence], requirement: Requirement) -> IntervalPlot:
    """The plot; a doubt about all of it stands among the reasons, and not again below each mark."""
    plot = interval_plot(evidence, requirement)
    if len({interval.flags for interval in evidence}) > 1:
        return plot
    return replace(plot, marks=tuple(replace(mark, doubts=()) for mark in plot.marks))


def gravest_first(findings: Sequence[Finding]) -> list[Finding]:
    """What failed, then what is undecided, then what holds; each in the policy's order."""
    return sorted(findings, key=lambda finding: _GRAVITY.index(finding.outcome))


def evidence_for(requirement: Requirement, trial: Trial) -> tuple[Evidence, ...]:
    """The evidence that decides the requirement, the worst first."""
    deciding = [evidence for evidence in trial.evidence if evidence.claim == requirement.claim]
    return tuple(
        sorted(
            deciding,
            key=lambda evidence: (_GRAVITY.index(outcome(requirement, evidence)), margin(requirement, evidence)),
        )
    )


def missing_for(finding: Finding, trial: Trial) -> tuple[str, ...]:
    """What an inconclusive requirement lacks: what was not measured, what is doubted, the rows it would take."""
    if finding.outcome is not Outcome.INCONCLUSIVE:
        return ()
    gaps = [gap for gap in trial.not_measured if gap.claim == finding.requirement.claim]
    lines = [f"{slice_label(gap.claim, gap.slice)}: not measured: {gap.reason}" for gap in gaps[:_NAMED]]
    if len(gaps) > _NAMED:
        lines.append(f"and {len(gaps) - _NAMED} more that were not measured")
    doubts = {flag.detail for evidence in finding.deciding for flag in evidence.flags}
    lines += [f"doubtful: {doubt}" for doubt in sorted(doubts)]
    if finding.rows_needed is not None:
        lines.append(
            f"a new test set would need about {about(finding.rows_needed)} rows, groups in the same proportions, to "
            "decide it (planning advice, not permission to peek at this one again)"
        )
    elif not gaps and not doubts and finding.deciding:
        lines.append("the estimate lies on the threshold itself: no number of rows can be promised to decide it")
    return tuple(lines)


def requirement_title(requirement: Requirement) -> str:
    """The requirement in words."""
    if requirement.no_worse_than is not None:
        title = claim_title(replace(requirement.claim, against=None))
        margin = f" by more than {bound(requirement.margin)}" if requirement.margin else ""
        return f"{title}, no worse than {reference_title(requirement.no_worse_than)}{margin}"
    least, most = limits(requirement)
    if requirement.ratio_between is not None:
        return f"{claim_title(requirement.claim)}, within {bound(least or 0.0)} to {bound(most or 0.0)}"
    required = f"at most {bound(most)}" if most is not None else f"at least {bound(least or 0.0)}"
    return f"{claim_title(requirement.claim)}, {required}"


def _summary(finding: Finding, evidence: Sequence[Evidence]) -> str:
    requirement = finding.requirement
    if finding.outcome is Outcome.NOT_APPLICABLE:
        if requirement.no_worse_than == "newest_passed":
            return "It does not apply yet: no release has passed that it could be compared with."
        return f"It does not apply: {finding.reason}."
    if not evidence:
        return "Nothing was measured that could decide it."
    worst = evidence[0]
    where = "It" if worst.claim.family is Family.ALL else slice_label(worst.claim, worst.slice)
    alike = sum(outcome(requirement, interval) is finding.outcome for interval in evidence)
    share = f" In all, {alike} of {len(evidence)} are." if alike > 1 else ""
    if finding.outcome is Outcome.PASS:
        closest = "" if len(evidence) == 1 else f", the closest of {len(evidence)}"
        return f"{where} holds with {number(margin(requirement, worst))} to spare{closest}."
    if finding.outcome is Outcome.FAIL:
        return f"{where} is outside by at least {number(_excess(requirement, worst))}.{share}"
    if worst.flags:
        return f"{where} was measured, but with a doubt."
    if outcome(requirement, worst) is Outcome.INCONCLUSIVE:
        return f"{where} is undecided: its bounds lie on both sides of the threshold.{share}"
    return "What was measured holds; not all of it could be measured."


def _excess(requirement: Requirement, evidence: Evidence) -> float:
    """How far the whole interval is outside what is allowed, at least."""
    least, most = limits(requirement)
    over = ([] if least is None else [least - evidence.high]) + ([] if most is None else [evidence.low - most])
    return max(over)
