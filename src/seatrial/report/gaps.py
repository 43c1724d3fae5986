"""What was not measured, put together: one line a reason and a column, not one a number. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.report.calibration import METRIC as BIN_METRIC
from seatrial.report.words import claim_title, slice_label
from seatrial.verdicts.evidence import Family
from seatrial.verdicts.trial import Trial

_NAMED = 3  # titles or slices that are spelled out in one line


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not measured: what, for whom, and why or what it would need."""

    what: str
    where: str
    why: str


def gaps(trial: Trial) -> tuple[Gap, ...]:
    """What nobody could state, overall numbers first; a bin without rows lacks nothing, and is no gap."""
    by_reason: dict[tuple[str, str], dict[str, list[str]]] = {}
    for gap in trial.not_measured:
        if gap.claim.metric == BIN_METRIC:
            continue
        column = gap.claim.column or ""
        titles = by_reason.setdefault((column, gap.reason), {})
        where = "" if gap.claim.family is Family.ALL else slice_label(gap.claim, gap.slice)
        titles.setdefault(claim_title(gap.claim), []).append(where)
    ordered = sorted(by_reason.items(), key=lambda item: item[0][0] != "")
    return tuple(_gap(column, reason, titles) for (column, reason), titles in ordered)


def _gap(column: str, reason: str, titles: dict[str, list[str]]) -> Gap:
    slices = list(dict.fromkeys(where for several in titles.values() for where in several if where not in ("", "all")))
    where = "" if not column else f"{column}: {some(slices)}" if slices else f"by {column}"
    return Gap(some(list(titles)), where, reason)


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more."""
    shown = "; ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
