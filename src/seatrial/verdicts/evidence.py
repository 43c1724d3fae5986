"""Claims about a model, the evidence for them, and honest gaps. Values only: nothing here measures or decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Family(StrEnum):
    """What a claim is made for: overall, each group of a column, or each pair of its groups."""

    ALL = "all"
    GROUPS = "groups"
    PAIRS = "pairs"  # the difference, first minus second
    RATIOS = "ratios"  # the quotient, first by second


@dataclass(frozen=True, slots=True)
class Claim:
    """A metric and the family of slices it is stated for. Bounds are simultaneous within one claim."""

    metric: str
    family: Family = Family.ALL
    column: str | None = None  # the group column; None exactly for Family.ALL
    of_class: str | None = None  # that class against the rest; None: the positive one of two, all of more
    against: str | None = None  # a reference model, as the policy names it: the quantity is model minus reference
    threat: str | None = None  # the threat model that it is made for, as the policy names it

    def __str__(self) -> str:
        what = self.metric if self.of_class is None else f"{self.metric} of {self.of_class}"
        what = what if self.threat is None else f"{what} under {self.threat}"
        if self.family is not Family.ALL:
            what = f"{what} {_WORDS[self.family]} {self.column}"
        return what if self.against is None else f"{what} against {self.against}"


_WORDS = {Family.GROUPS: "by", Family.PAIRS: "gap between", Family.RATIOS: "ratio between"}


@dataclass(frozen=True, slots=True)
class Flag:
    """A doubt about a measurement. Any flag makes a requirement that rests on it inconclusive."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured claim about one slice, with its bounds.

    `estimate`, `low` and `high` are fractions unless the metric's name carries a unit. Each bound is one-sided at
    `confidence`, simultaneous over the slices of its claim.
    """

    claim: Claim
    slice: str  # "all", "sex=Female", "sex: Female − Male", "sex: Female ÷ Male"
    estimate: float
    low: float
    high: float
    confidence: float
    rows: int  # independent rows behind the estimate
    method: str  # "clopper-pearson"; the method's docstring names its source
    conditions: Mapping[str, str] = field(default_factory=dict)  # data role, seed, clip, bins, threat model
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A claim about a slice that nobody can state from this data or model, and why.

    `estimate` describes the measured rows, where they have such a number: it decides nothing, since no bound on it
    holds for rows that were not drawn. `conditions` are those of `Evidence`.
    """

    claim: Claim
    slice: str
    reason: str
    estimate: float | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
