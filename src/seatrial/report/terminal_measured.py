"""What else a trial measured, and what it did not, in a terminal: a table for people, plain lines for logs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from seatrial.report.calibration import METRIC as BIN_METRIC
from seatrial.report.words import claim_title, numbers, reference_title, slice_label
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import Trial

if TYPE_CHECKING:
    from rich.table import Table

_HEADER = ("measured", "where", "estimate", "bounds")
_NAMED = 2  # slices spelled out for one gap


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
    placed = any(where for _, where, _, _ in rows)  # where everything is about everybody, nothing says where
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
    """What was not measured and what it would need, one line a claim and reason."""
    gaps = sorted(trial.not_measured, key=lambda gap: (str(gap.claim), gap.reason))
    lines = []
    for (claim, reason), group in groupby(gaps, key=lambda gap: (gap.claim, gap.reason)):
        slices = [slice_label(claim, gap.slice) for gap in group]
        named = "" if slices in (["everybody"], ["all"]) else f" ({_listed(slices)})"
        lines.append(f"  {claim_title(claim)}{named}: {reason}")
    return lines


def _listed(slices: list[str]) -> str:
    shown = ", ".join(slices[:_NAMED])
    return shown if len(slices) <= _NAMED else f"{shown} and {len(slices) - _NAMED} more"


def _rows(trial: Trial, policy: Policy) -> Iterator[_Row]:
    """Everybody first, then comparisons; of each family of groups or pairs only the two ends."""
    asked = {requirement.claim for requirement in policy.require}
    found: dict[Claim, list[Evidence]] = {}
    for one in trial.evidence:
        if one.claim not in asked and one.claim.metric != BIN_METRIC:
            found.setdefault(one.claim, []).append(one)
    for claim in sorted(found, key=_place):
        for one in _ends(found[claim]):
            yield _row(one)


def _place(claim: Claim) -> tuple[bool, bool, str]:
    return claim.family is not Family.ALL, claim.against is not None, claim.column or ""


def _ends(evidence: list[Evidence]) -> list[Evidence]:
    """The lowest and the highest of the groups; the widest apart of the pairs."""
    if len(evidence) == 1:
        return evidence
    if evidence[0].claim.family is Family.GROUPS:
        ordered = sorted(evidence, key=lambda one: one.estimate)
        return [ordered[0], ordered[-1]]
    alike = 1.0 if evidence[0].claim.family is Family.RATIOS else 0.0
    return [max(evidence, key=lambda one: abs(one.estimate - alike))]


def _row(one: Evidence) -> _Row:
    said = numbers(one)
    plain = replace(one.claim, family=Family.ALL, column=None)
    against = one.conditions.get("reference")
    title = claim_title(plain)
    if one.claim.against is not None and against is not None:
        title = f"{claim_title(replace(plain, against=None))}, against {reference_title(one.claim.against)} ({against})"
    where = "" if one.claim.family is Family.ALL else f"{one.claim.column}: {slice_label(one.claim, one.slice)}"
    return _Row(
        title,
        where,
        said.estimate,
        said.bounds,
    )
