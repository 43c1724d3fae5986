"""Writes the tables of metrics in `reference/claims.md` from the records of the metrics.

python docs/refresh_claims.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from seatrial.verdicts.evidence import Family
from seatrial.verdicts.metrics import METRICS, Metric, Scope

PAGE = Path(__file__).parent / "reference" / "claims.md"
WORDS = {Family.ALL: "overall", Family.GROUPS: "groups", Family.PAIRS: "differences", Family.RATIOS: "ratios"}


def refreshed(page: str) -> str:
    """The page, with each table behind a `<!-- metrics: SCOPE -->` written anew."""
    return re.sub(
        r"(?P<mark><!-- metrics: (?P<scope>\w+) -->\n\n).*?(?=\n\n)",
        lambda found: found["mark"] + table(one for one in METRICS.values() if one.scope is Scope(found["scope"])),
        page,
        flags=re.DOTALL,
    )


def table(metrics: Iterable[Metric]) -> str:
    """One row a metric."""
    return "\n".join(["| metric | what it is | for | bounds |", "|---|---|---|---|", *map(row, metrics)])


def row(metric: Metric) -> str:
    """What the record of a metric says, as a row of Markdown."""
    cells = (f"`{metric.name}`", metric.description.removesuffix("."), slices(metric), metric.bound)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def slices(metric: Metric) -> str:
    """For which rows the metric is measured."""
    if set(metric.families) == set(Family):
        return "all"
    return ", ".join(WORDS[family] for family in metric.families) or "bins"


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
