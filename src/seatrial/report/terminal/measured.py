"""What else a trial measured, and what it did not, in a terminal: a table for people, plain lines for logs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.report.calibration import METRIC as BIN_METRIC
from seatrial.report.comparisons import reference_of
from seatrial.report.gaps import gaps
from seatrial.report.overall import estimates_without_bounds
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
    required = {requirement.claim for requirement in policy.require}
    by_claim: dict[Claim, list[Evidence | NotMeasured]] = {}
    numbered: tuple[Evidence | NotMeasured, ...] = (*trial.evidence, *estimates_without_bounds(trial))
    for result in numbered:
        if result.claim not in required and result.claim.metric != BIN_METRIC:
            by_claim.setdefault(result.claim, []).append(result)
    for claim in sorted(by_claim, key=_place):
        for result in _ends(by_claim[claim]):
            yield _row(result)


def _place(claim: Claim) -> tuple[bool, bool, str]:
    return claim.family is not Family.ALL, claim.against is not None, claim.column or ""


def _ends(evidence: list[Evidence | NotMeasured]) -> list[Evidence | NotMeasured]:
    """The lowest and the highest of the groups; the widest apart of the pairs."""
    if len(evidence) == 1:
        return evidence
    if evidence[0].claim.family is Family.GROUPS:
        ordered = sorted(evidence, key=lambda result: result.estimate or 0.0)
        return [ordered[0], ordered[-1]]
    alike = 1.0 if evidence[0].claim.family is Family.RATIOS else 0.0
    return [max(evidence, key=lambda result: abs((result.estimate or 0.0) - alike))]


def _row(result: Evidence | NotMeasured) -> _Row:
    shown = numbers(result)
    title = claim_title(replace(result.claim, family=Family.ALL, column=None, against=None))
    if result.claim.against is not None:
        title = f"{title}, against {reference_of(result)}"
    where = (
        "" if result.claim.family is Family.ALL else f"{result.claim.column}: {slice_label(result.claim, result.slice)}"
    )
    return _Row(
        printable(title),
        printable(where),
        shown.estimate,
        shown.bounds,
    )
