"""What must hold, and at which confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.stores.documents import LEFT_OUT_IF_NONE
from seatrial.verdicts.evidence import Claim, Family
from seatrial.verdicts.policy.threat import ThreatModel


@dataclass(frozen=True, slots=True)
class Requirement:
    """One bound on one metric: overall, for each group of `by`, or for every pair of groups.

    A gap of at most 0.1 holds when every pairwise difference lies within ±0.1; a ratio of at least 0.8 when every
    pairwise quotient lies within 0.8 and 1 / 0.8. `no_worse_than` names a reference model: the metric may be worse
    than the reference's, on the same rows, by at most `margin`. `of_class` is one class against the rest.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    by: str | None = None
    gap_between: str | None = None
    ratio_between: str | None = None
    of_class: str | None = None
    no_worse_than: str | None = None  # "newest_passed", name@version, "baseline", or a file that `try` was given
    margin: float | None = None  # None: 0, and exactly so without `no_worse_than`
    threat: str | None = None  # a threat model of the policy

    @property
    def claim(self) -> Claim:
        """The claim whose evidence decides this requirement."""
        family, column = Family.ALL, None
        for kind, name in (
            (Family.GROUPS, self.by),
            (Family.PAIRS, self.gap_between),
            (Family.RATIOS, self.ratio_between),
        ):
            if name is not None:
                family, column = kind, name
        return Claim(self.metric, family, column, self.of_class, self.no_worse_than, self.threat)

    def __str__(self) -> str:
        if self.no_worse_than is not None:
            what = str(self.claim).removesuffix(f" against {self.no_worse_than}")
            return f"{what} no worse than {self.no_worse_than}" + (f" by {self.margin:g}" if self.margin else "")
        bound = f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"
        return f"{self.claim} {bound}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Every requirement must hold, each at `confidence`. Without requirements there is no verdict.

    What a requirement rests on is stated here, so that nobody else decides: the edges of the `bins` of a group column,
    the largest error that a clipped metric counts in full (`clip`, in the label's unit), and the `quantile` that a
    regression predicts, the largest weight that anybody has whom the rows stand for (`largest_weight`), and the column
    that says when a row was (`time`): rows of the same people later on are no copies of training rows.
    """

    confidence: float = 0.95
    require: tuple[Requirement, ...] = ()
    threat: Mapping[str, ThreatModel] = field(default_factory=dict)
    bins: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    clip: float | None = None
    quantile: float | None = None
    largest_weight: float | None = field(default=None, metadata=LEFT_OUT_IF_NONE)
    time: str | None = field(default=None, metadata=LEFT_OUT_IF_NONE)
