"""An assessment in a terminal: plain lines for logs and pipes, and the same with colours for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seatrial.report.terminal import verdict_lines, verdict_table
from seatrial.report.terminal_measured import measured_lines, measured_table, not_measured_lines
from seatrial.report.words import confidence_percent, count
from seatrial.tryout.assessment import Assessment, said
from seatrial.tryout.settle import listed

if TYPE_CHECKING:
    from rich.console import Group

_GUTTER = "  "


def lines(assessment: Assessment) -> Iterator[str]:
    """All that there is to say, as plain lines."""
    yield from about(assessment)
    yield from doubts(assessment)
    yield ""
    yield from verdict_lines(assessment.verdict, assessment.trial)
    measured = measured_lines(assessment.trial, assessment.policy)
    if measured:
        yield from ("", "What else was measured:", "", *measured)
    missing = not_measured_lines(assessment.trial)
    if missing:
        yield from ("", "Not measured:", *missing)
    yield from ("", use_line(assessment))


def drawn(assessment: Assessment) -> Group:
    """The same for a terminal, by rich."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[Any] = [Text(line, style="" if place < 2 else "dim") for place, line in enumerate(about(assessment))]
    parts += [Text(line, style="yellow") for line in doubts(assessment)]
    parts += ["", verdict_table(assessment.verdict, assessment.trial)]
    measured = measured_table(assessment.trial, assessment.policy)
    if measured is not None:
        parts += ["", Text("What else was measured", style="bold"), measured]
    missing = not_measured_lines(assessment.trial)
    if missing:
        parts += [
            "",
            Text("Not measured", style="bold"),
            *(Padding(Text(line.strip()), (0, 0, 0, 2)) for line in missing),
        ]
    parts += ["", Text(use_line(assessment), style="dim")]
    return Group(*parts)


def about(assessment: Assessment) -> Iterator[str]:
    """The model and the data as they were understood."""
    signature = assessment.signature
    inputs = len(signature.inputs)
    answers = "a number" if signature.task == "regression" else listed(signature.classes)
    positive = "" if signature.positive is None else f', positive "{signature.positive}"'
    threshold = "" if signature.threshold is None else f" from a probability of {signature.threshold:g}"
    yield (
        f"Model {assessment.model}: {signature.task}, {count(inputs)} input{'' if inputs == 1 else 's'}; "
        f"answers {answers}{positive}{threshold}."
    )
    use = assessment.trial.test_use
    rows = "" if use is None else f"{count(use.rows)} rows, "
    groups = f", groups {', '.join(assessment.groups)}" if assessment.groups else ""
    yield f"Data {assessment.data}: {rows}label {assessment.label}{groups}."
    yield from (f"{_GUTTER}{one}" for one in assessment.understood)


def doubts(assessment: Assessment) -> Iterator[str]:
    """What the owner of the data should know."""
    yield from (f"! {said(note)}" for note in assessment.notes)


def use_line(assessment: Assessment) -> str:
    """How often this test data was looked at, and what that costs."""
    use = assessment.trial.test_use
    if use is None:
        return "Nothing was counted."
    at = confidence_percent(assessment.trial.confidence)
    return f"Use {use.use} of this test data on this machine: bounds at {at}. Each model or policy more widens them."
