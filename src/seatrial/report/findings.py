"""Each requirement as the page and the terminal show it: what was found, by what margin, and what is missing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.report.plots import IntervalPlot, Stands, interval_plot, limits, stands
from seatrial.report.view import Ruling
from seatrial.report.words import bound, claim_title, count, number, slice_label
from seatrial.verdicts.evidence import Evidence, Family
from seatrial.verdicts.policy import Requirement
from seatrial.verdicts.trial import Trial

_GRAVITY = (Stands.OUTSIDE, Stands.ACROSS, Stands.INSIDE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement, its outcome in words, and its plot where anything was measured."""

    title: str
    outcome: str
    said: str
    reasons: tuple[str, ...]
    plot: IntervalPlot | None


def evidence_for(requirement: Requirement, trial: Trial) -> tuple[Evidence, ...]:
    """The evidence that decides the requirement, the worst first."""
    found = [one for one in trial.evidence if one.claim == requirement.claim]
    return tuple(sorted(found, key=lambda one: (_GRAVITY.index(stands(one, requirement)), margin(one, requirement))))


def margin(evidence: Evidence, requirement: Requirement) -> float:
    """How far the nearer bound is inside what is allowed; negative where it is outside."""
    least, most = limits(requirement)
    rooms = ([] if least is None else [evidence.low - least]) + ([] if most is None else [most - evidence.high])
    return min(rooms, default=0.0)


def excess(evidence: Evidence, requirement: Requirement) -> float:
    """How far the whole interval is outside what is allowed, at least; negative where some of it is inside."""
    least, most = limits(requirement)
    over = ([] if least is None else [least - evidence.high]) + ([] if most is None else [evidence.low - most])
    return max(over, default=0.0)


def finding(ruling: Ruling, trial: Trial) -> Finding:
    """The requirement with its outcome and everything that led to it."""
    requirement = ruling.requirement
    evidence = evidence_for(requirement, trial)
    return Finding(
        title=requirement_title(requirement),
        outcome=ruling.outcome,
        said=_said(ruling, evidence),
        reasons=(*ruling.reasons, *_rows_wanted(ruling)),
        plot=interval_plot(evidence, requirement) if evidence else None,
    )


def requirement_title(requirement: Requirement) -> str:
    """The requirement in words."""
    least, most = limits(requirement)
    if requirement.gap_between is not None and most is not None:
        return f"{claim_title(requirement.claim)}, at most {bound(most)}"
    required = f"at least {bound(least)}" if least is not None else ""
    if most is not None:
        required += f"{' and ' if required else ''}at most {bound(most)}"
    return f"{claim_title(requirement.claim)}, {required}"


def _said(ruling: Ruling, evidence: Sequence[Evidence]) -> str:
    requirement = ruling.requirement
    if not evidence:
        return "Nothing was measured that could decide it."
    worst = evidence[0]
    place = slice_label(worst.claim, worst.slice)
    where = "It" if worst.claim.family is Family.ALL else place
    if ruling.outcome == "pass":
        closest = "" if len(evidence) == 1 else f", the closest of {len(evidence)}"
        return f"{where} holds with {number(margin(worst, requirement))} to spare{closest}."
    if ruling.outcome == "fail":
        failing = sum(stands(one, requirement) is Stands.OUTSIDE for one in evidence)
        share = "" if len(evidence) == 1 else f" {failing} of {len(evidence)} are outside."
        return f"{where} is outside by at least {number(excess(worst, requirement))}.{share}"
    if worst.flags:
        return f"{where} was measured, but with a doubt."
    if stands(worst, requirement) is Stands.ACROSS:
        unsure = sum(stands(one, requirement) is Stands.ACROSS for one in evidence)
        share = "" if len(evidence) == 1 else f" So are {unsure} of {len(evidence)}." if unsure > 1 else ""
        return f"{where} has its bounds on both sides of the threshold: the data cannot tell.{share}"
    return "What was measured holds; not all of it could be measured."


def _rows_wanted(ruling: Ruling) -> tuple[str, ...]:
    if ruling.rows_needed is None:
        return ()
    needed = f"To decide it, a new test set would need about {count(ruling.rows_needed)} rows. "
    return (f"{needed}That is planning advice, not permission to look again at this one.",)
