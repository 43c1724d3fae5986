"""An assessment in a terminal: plain lines for logs and pipes, and the same with colours for people. Pure.

A screen holds the verdict, everybody's numbers and the widest gaps; each group's own numbers are in the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seatrial.assessors.data_claims import ONE_COLUMN_ACCURACY, OVERLAP, UNKNOWN
from seatrial.report.calibration import METRIC as BIN_METRIC
from seatrial.report.terminal import verdict_lines, verdict_table
from seatrial.report.terminal_measured import measured_lines, measured_table
from seatrial.report.words import claim_title, confidence_percent, count, number
from seatrial.tryout.assessment import Assessment, said
from seatrial.tryout.settle import listed
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.trial import Trial

if TYPE_CHECKING:
    from rich.console import Group

_GUTTER = "  "
_OF_THE_ROWS = (OVERLAP, UNKNOWN, ONE_COLUMN_ACCURACY)  # said as doubts, and beside the model's own number
_NAMED = 3  # claims of one reason that are spelled out
_MOST_DOUBTS = 8  # on a screen, the gravest first
_BESIDE = 3  # decimals of what the baselines reach


def lines(assessment: Assessment) -> Iterator[str]:
    """All that there is to say, as plain lines."""
    yield from about(assessment)
    yield from (f"{_GUTTER}{one}" for one in assessment.understood)
    yield from doubts(assessment)
    yield ""
    yield from verdict_lines(assessment.verdict, assessment.trial)
    yield from beside(assessment.trial)
    for title, part in sections(assessment.trial):
        if measured := measured_lines(part, assessment.policy):
            yield from ("", title, *measured)
    if missing := not_measured(assessment):
        yield from ("", NOT_MEASURED, *(f"{_GUTTER}{line}" for line in missing))
    yield from ("", use_line(assessment))


def drawn(assessment: Assessment) -> Group:
    """The same for a terminal, by rich."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    def indented(line: str, style: str) -> Padding:
        return Padding(Text(line, style=style), (0, 0, 0, len(_GUTTER)))

    parts: list[Any] = [Text(line) for line in about(assessment)]
    parts += [indented(line, "dim") for line in assessment.understood]
    parts += [Text(line, style="yellow") for line in doubts(assessment)]
    parts += ["", verdict_table(assessment.verdict, assessment.trial)]
    parts += [indented(line.strip(), "") for line in beside(assessment.trial)]
    for title, part in sections(assessment.trial):
        measured = measured_table(part, assessment.policy)
        if measured is not None:
            parts += ["", Text(title, style="bold"), Padding(measured, (0, 0, 0, len(_GUTTER)))]
    if missing := not_measured(assessment):
        parts += ["", Text(NOT_MEASURED, style="bold"), *(indented(line, "") for line in missing)]
    parts += ["", Text(use_line(assessment), style="dim")]
    return Group(*parts)


NOT_MEASURED = "Not measured, and what it would need"


def about(assessment: Assessment) -> Iterator[str]:
    """The model and the data as they were understood."""
    signature = assessment.signature
    inputs = len(signature.inputs)
    answers = "a number" if signature.task == "regression" else " or ".join(f'"{one}"' for one in signature.classes)
    if len(signature.classes) > 2:
        answers = f"one of {len(signature.classes)} classes: {listed(signature.classes)}"
    yield (
        f"Model {assessment.model}: {signature.task}, {count(inputs)} input{'' if inputs == 1 else 's'}, "
        f"answers {answers}."
    )
    use = assessment.trial.test_use
    rows = "" if use is None else f"{count(use.rows)} rows, "
    groups = f", groups {', '.join(assessment.groups)}" if assessment.groups else ""
    yield f"Data {assessment.data}: {rows}label {assessment.label}{groups}."


def doubts(assessment: Assessment) -> Iterator[str]:
    """What the owner of the data should know."""
    yield from (f"! {said(note)}" for note in assessment.notes[:_MOST_DOUBTS])
    if (more := len(assessment.notes) - _MOST_DOUBTS) > 0:
        yield f"! {more} more: see the report"


def sections(trial: Trial) -> Iterator[tuple[str, Trial]]:
    """What is shown on a screen, under its titles: everybody, and the widest gap between groups of each kind."""
    compared = [one for one in trial.evidence if one.claim.against is None and one.claim.metric not in _OF_THE_ROWS]
    everybody = tuple(one for one in compared if one.claim.family is Family.ALL)
    gaps = tuple(one for one in compared if one.claim.family is Family.PAIRS)
    yield "Everybody", replace(trial, evidence=everybody)
    yield "Widest gaps between groups (each group's own numbers are in the report)", replace(trial, evidence=gaps)


def beside(trial: Trial) -> Iterator[str]:
    """The model's number beside what answers without a model reach: "87 % accurate" says little next to 85 %."""
    known = {one.claim: one for one in trial.evidence if one.claim.family is Family.ALL}
    for metric in dict.fromkeys(claim.metric for claim in known if claim.against is not None):
        own = known.get(Claim(metric))
        others = [_reached(one) for claim, one in known.items() if claim.metric == metric and claim.against is not None]
        if own is not None and others:
            yield f"{_GUTTER}{metric} {number(own.estimate, digits=_BESIDE)}; {'; '.join(others)}"


def _reached(one: Evidence) -> str:
    stated = one.conditions.get("reference", "")
    described, _, value = stated.rpartition(", ")
    return f"{described or one.claim.against}: {value}"


def not_measured(assessment: Assessment) -> tuple[str, ...]:
    """What this trial could not say, a line a reason and a column of groups, and what nobody asked it."""
    everybody: dict[str, list[str]] = {}
    groups: dict[str, dict[str, int]] = {}
    for gap in assessment.trial.not_measured:
        if gap.claim.metric == BIN_METRIC:
            continue  # a bin without rows lacks nothing
        if gap.claim.column is None:
            everybody.setdefault(gap.reason, []).append(claim_title(gap.claim))
        else:
            reasons = groups.setdefault(gap.claim.column, {})
            reasons[gap.reason] = reasons.get(gap.reason, 0) + 1
    return (
        *(f"{_some(titles)}: {reason}" for reason, titles in everybody.items()),
        *(_of_groups(column, reasons) for column, reasons in groups.items()),
        *assessment.unasked,
    )


def _of_groups(column: str, reasons: Mapping[str, int]) -> str:
    count = sum(reasons.values())
    first, *others = reasons
    more = f", and {len(others)} reasons more; the report has each" if others else ""
    return f"By {column}, {count} number{'' if count == 1 else 's'}: {first}{more}"


def _some(titles: Sequence[str]) -> str:
    named = ", ".join(titles[:_NAMED])
    return named if len(titles) <= _NAMED else f"{named} and {len(titles) - _NAMED} more"


def use_line(assessment: Assessment) -> str:
    """How often this test data was looked at, and what that costs."""
    use = assessment.trial.test_use
    if use is None:
        return "Nothing was counted."
    at = confidence_percent(assessment.trial.confidence)
    return f"Use {use.use} of this test data on this machine: bounds at {at}. Each other model or policy widens them."
