"""What else a trial measured, and what it did not, in a terminal: a table for people, plain lines for logs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.report.calibration import METRIC as BIN_METRIC
from seatrial.report.comparisons import reference_of
from seatrial.report.gaps import gaps
from seatrial.report.overall import described
from seatrial.report.terminal.printable import printable
from seatrial.report.words import claim_title, numbers, slice_label
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import Trial

if TYPE_CHECKING:
    from rich.table import Table

_HEADER = ("measured", "where", "estimate", "bounds")


@dataclass(frozen=True, slots=True)
class _Row:
    what: str
    where: str
    estimate: str
    bounds: str


def measured_lines(trial: Trial, policy: Policy) -> list[str]:
    """What was measured beside the policy's requirements, as aligned lines; empty where there is nothing."""
    rows = [(row.what, row.where, row.estimate, row.bounds) for row in _rows(trial, policy)]
    if not rows:
        return []
    widths = [max(len(cells[column]) for cells in (_HEADER, *rows)) for column in range(len(_HEADER))]
    placed = any(where for _, where, _, _ in rows)  # where everything is overall, nothing says where
    return [
        (
            f"  {what:<{widths[0]}}  {f'{where:<{widths[1]}}  ' if placed else ''}"
            f"{estimate:>{widths[2]}}  {bounds:>{widths[3]}}"
        ).rstrip()
        for what, where, estimate, bounds in (_HEADER, *rows)
    ]


def measured_table(trial: Trial, policy: Policy) -> Table | None:
    """The same for a terminal, by rich; None where there is nothing."""
    from rich.table import Table
    from rich.text import Text

    rows = list(_rows(trial, policy))
    if not rows:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("measured", overflow="fold")
    placed = any(row.where for row in rows)
    if placed:
        table.add_column("where", overflow="fold", style="dim")
    table.add_column("estimate", justify="right", no_wrap=True)
    table.add_column("bounds", justify="right", no_wrap=True)
    for row in rows:
        where = [row.where] if placed else []
        table.add_row(*(Text(cell) for cell in (row.what, *where, row.estimate, row.bounds)))
    return table


def not_measured_lines(trial: Trial) -> list[str]:
    """What was not measured and what it would need, one line a reason and a column of groups."""
    return [printable(f"  {gap.what}{f' ({gap.where})' if gap.where else ''}: {gap.why}") for gap in gaps(trial)]


def _rows(trial: Trial, policy: Policy) -> Iterator[_Row]:
    """Overall first, then comparisons; of each family of groups or pairs only the two ends."""
    asked = {requirement.claim for requirement in policy.require}
    found: dict[Claim, list[Evidence | NotMeasured]] = {}
    numbered: tuple[Evidence | NotMeasured, ...] = (*trial.evidence, *described(trial))
    for one in numbered:
        if one.claim not in asked and one.claim.metric != BIN_METRIC:
            found.setdefault(one.claim, []).append(one)
    for claim in sorted(found, key=_place):
        for one in _ends(found[claim]):
            yield _row(one)


def _place(claim: Claim) -> tuple[bool, bool, str]:
    return claim.family is not Family.ALL, claim.against is not None, claim.column or ""


def _ends(evidence: list[Evidence | NotMeasured]) -> list[Evidence | NotMeasured]:
    """The lowest and the highest of the groups; the widest apart of the pairs."""
    if len(evidence) == 1:
        return evidence
    if evidence[0].claim.family is Family.GROUPS:
        ordered = sorted(evidence, key=lambda one: one.estimate or 0.0)
        return [ordered[0], ordered[-1]]
    alike = 1.0 if evidence[0].claim.family is Family.RATIOS else 0.0
    return [max(evidence, key=lambda one: abs((one.estimate or 0.0) - alike))]


def _row(one: Evidence | NotMeasured) -> _Row:
    shown = numbers(one)
    title = claim_title(replace(one.claim, family=Family.ALL, column=None, against=None))
    if one.claim.against is not None:
        title = f"{title}, against {reference_of(one)}"
    where = "" if one.claim.family is Family.ALL else f"{one.claim.column}: {slice_label(one.claim, one.slice)}"
    return _Row(
        printable(title),
        printable(where),
        shown.estimate,
        shown.bounds,
    )
