"""What must hold, and at which confidence."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.verdicts.evidence import Claim, Family


@dataclass(frozen=True, slots=True)
class Requirement:
    """One bound on one metric: for everybody, for each group of `by`, or for every difference within `gap_between`.

    A gap of at most 0.1 holds when every pairwise difference lies within ±0.1.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    by: str | None = None
    gap_between: str | None = None

    @property
    def claim(self) -> Claim:
        """The claim whose evidence decides this requirement."""
        if self.gap_between is not None:
            return Claim(self.metric, Family.PAIRS, self.gap_between)
        if self.by is not None:
            return Claim(self.metric, Family.GROUPS, self.by)
        return Claim(self.metric)

    def __str__(self) -> str:
        bound = f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"
        return f"{self.claim} {bound}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Every requirement must hold, each at `confidence`. Without requirements there is no verdict."""

    confidence: float = 0.95
    require: tuple[Requirement, ...] = ()
