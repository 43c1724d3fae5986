"""A model that was tried, in a terminal: plain lines for logs and pipes, and the same with colours for people. Pure.

A screen holds the verdict, overall numbers and the widest gaps; each group's own numbers are in the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seatrial.report.calibration import METRIC as BIN_METRIC
from seatrial.report.comparisons import reference_sentences
from seatrial.report.gaps import some
from seatrial.report.overall import about_rows
from seatrial.report.terminal.measured import measured_lines, measured_table
from seatrial.report.terminal.printable import printable
from seatrial.report.terminal.verdict import verdict_lines, verdict_table
from seatrial.report.view import ReportView, TryInputs
from seatrial.report.words import claim_title, confidence_percent, count
from seatrial.verdicts.evidence import Evidence, Family
from seatrial.verdicts.trial import Trial

if TYPE_CHECKING:
    from rich.console import Group

_GUTTER = "  "
_SHOWN = 3  # classes named in a line
_MOST_NOTES = 8  # on a screen, the gravest first


def assessment_lines(view: ReportView, tried: TryInputs) -> Iterator[str]:
    """All that there is to say, as plain lines; names from data, files and models cannot drive the terminal."""
    yield from map(printable, _lines(view, tried))


def _lines(view: ReportView, tried: TryInputs) -> Iterator[str]:
    yield from about(view, tried)
    yield from (f"{_GUTTER}{assumption}" for assumption in tried.assumptions)
    yield from note_lines(tried.notes)
    yield ""
    yield from verdict_lines(view.verdict, view.trial)
    yield from (f"{_GUTTER}{line}" for line in reference_sentences(view.trial))
    for title, part in sections(view.trial):
        if measured := measured_lines(part, view.policy):
            yield from ("", title, *measured)
    if missing := not_measured(view.trial, tried.unasked):
        yield from ("", NOT_MEASURED, *(f"{_GUTTER}{line}" for line in missing))
    yield from ("", use_line(view.trial, tried.counted))


def assessment_text(view: ReportView, tried: TryInputs) -> Group:
    """The same for a terminal, by rich."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    def indented(line: str, style: str) -> Padding:
        return Padding(Text(printable(line), style=style), (0, 0, 0, len(_GUTTER)))

    parts: list[Any] = [Text(printable(line)) for line in about(view, tried)]
    parts += [indented(line, "dim") for line in tried.assumptions]
    parts += [Text(printable(line), style="yellow") for line in note_lines(tried.notes)]
    parts += ["", verdict_table(view.verdict, view.trial)]
    parts += [indented(line, "") for line in reference_sentences(view.trial)]
    for title, part in sections(view.trial):
        measured = measured_table(part, view.policy)
        if measured is not None:
            parts += ["", Text(title, style="bold"), Padding(measured, (0, 0, 0, len(_GUTTER)))]
    if missing := not_measured(view.trial, tried.unasked):
        parts += ["", Text(NOT_MEASURED, style="bold"), *(indented(line, "") for line in missing)]
    parts += ["", Text(use_line(view.trial, tried.counted), style="dim")]
    return Group(*parts)


NOT_MEASURED = "Not measured, and what it would need"


def about(view: ReportView, tried: TryInputs) -> Iterator[str]:
    """The model and the data as they were read."""
    signature = view.signature
    if signature is None:
        return
    inputs = len(signature.inputs)
    answers = "a number" if signature.task == "regression" else " or ".join(f'"{name}"' for name in signature.classes)
    if len(signature.classes) > 2:
        answers = f"one of {len(signature.classes)} classes: {_listed(signature.classes)}"
    yield (
        f"Model {view.name}: {signature.task}, {count(inputs)} input{'' if inputs == 1 else 's'}, answers {answers}."
    )
    use = view.trial.test_use
    rows = "" if use is None else f"{count(use.rows)} rows, "
    groups = f", groups {', '.join(tried.groups)}" if tried.groups else ""
    yield f"Data {tried.data}: {rows}label {tried.label}{groups}."


def note_lines(notes: Sequence[str]) -> Iterator[str]:
    """What the owner of the data should know."""
    yield from (f"! {note}" for note in notes[:_MOST_NOTES])
    if (more := len(notes) - _MOST_NOTES) > 0:
        yield f"! {more} more: see the report"


def sections(trial: Trial) -> Iterator[tuple[str, Trial]]:
    """What is shown on a screen, under its titles: overall, the ends of the classes, the widest gaps of each kind."""
    own = [
        evidence
        for evidence in trial.evidence
        if evidence.claim.against is None and not about_rows(evidence.claim.metric)
    ]
    overall = tuple(
        evidence for evidence in own if evidence.claim.family is Family.ALL and evidence.claim.of_class is None
    )
    gaps = tuple(evidence for evidence in own if evidence.claim.family is Family.PAIRS)
    unbound = {
        family: tuple(gap for gap in trial.not_measured if gap.claim.family is family) for family in Family
    }  # numbers of these rows alone
    yield "Overall", replace(trial, evidence=overall, not_measured=unbound[Family.ALL])
    classes = replace(trial, evidence=_ends_of_classes(own), not_measured=())
    yield "Classes, the lowest and the highest (all are in the report)", classes
    between = replace(trial, evidence=gaps, not_measured=unbound[Family.PAIRS])
    yield "Widest gaps between groups (each group's own numbers are in the report)", between


def _ends_of_classes(own: Sequence[Evidence]) -> tuple[Evidence, ...]:
    by_metric: dict[str, list[Evidence]] = {}
    for evidence in own:
        if evidence.claim.family is Family.ALL and evidence.claim.of_class is not None:
            by_metric.setdefault(evidence.claim.metric, []).append(evidence)
    ends: list[Evidence] = []
    for several in by_metric.values():
        lowest, highest = (end(several, key=lambda evidence: evidence.estimate) for end in (min, max))
        ends += [lowest] if lowest is highest else [lowest, highest]
    return tuple(ends)


def not_measured(trial: Trial, unasked: Sequence[str]) -> tuple[str, ...]:
    """What this trial could not say, a line a reason and a column of groups, and what nobody asked it."""
    overall: dict[str, list[str]] = {}
    groups: dict[str, dict[str, int]] = {}
    for gap in trial.not_measured:
        if gap.claim.metric == BIN_METRIC:
            continue  # a bin without rows lacks nothing
        if gap.claim.column is None:
            overall.setdefault(gap.reason, []).append(claim_title(gap.claim))
        else:
            reasons = groups.setdefault(gap.claim.column, {})
            reasons[gap.reason] = reasons.get(gap.reason, 0) + 1
    return (
        *(f"{some(titles)}: {reason}" for reason, titles in overall.items()),
        *(_of_groups(column, reasons) for column, reasons in groups.items()),
        *unasked,
    )


def _of_groups(column: str, reasons: Mapping[str, int]) -> str:
    count = sum(reasons.values())
    first, *others = reasons
    more = f", and {len(others)} reasons more; the report has each" if others else ""
    return f"By {column}, {count} number{'' if count == 1 else 's'}: {first}{more}"


def use_line(trial: Trial, counted: str) -> str:
    """How often this test data was looked at, and what that costs."""
    use = trial.test_use
    if use is None:
        return "Nothing was counted."
    at = confidence_percent(trial.confidence)
    return f"Use {use.use} of this test data {counted}: bounds at {at}. Each other model or policy widens them."


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
