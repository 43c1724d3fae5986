"""How many rows a new test set would need. Planning advice, not permission to peek at more of the present one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.policy import Requirement
from seatrial.verdicts.thresholds import allowed, outcome
from seatrial.verdicts.verdict import Outcome

_ROUNDING = 1e-9  # rows: keeps a whole number whole
_HOPELESS = 1e6  # times too wide: a million million times the rows are as good as none


def rows_needed(requirement: Requirement, evidence: Sequence[Evidence], test_rows: int) -> int | None:
    """Rows of a whole new test set, groups in present proportions, until the requirement would be decided.

    Supposes that the estimates stay where they are and that half-widths (of a ratio those of its logarithm) shrink
    with the square root of the rows; at an estimate of exactly 0 or 1 with its own bound there they shrink faster, so
    this is then too many. None where an estimate sits on the threshold, a flag is the reason, or nothing is undecided.

    Where an estimate breaks the requirement the first slice that can be shown to break it decides, else the last
    slice that can be shown to hold it.
    """
    undecided = [item for item in evidence if outcome(requirement, item) is Outcome.INCONCLUSIVE]
    if not undecided or any(item.flags for item in undecided):
        return None
    low, high = allowed(requirement)
    if requirement.ratio_between is not None and all(item.low > 0 for item in undecided):
        undecided, low, high = [_logarithms(item) for item in undecided], math.log(low), math.log(high)
    breaking = [item for item in undecided if not low <= item.estimate <= high]
    factors = [_breaking_factor(item, low, high) for item in breaking] or [
        _holding_factor(item, low, high) for item in undecided
    ]
    factor = min(factors) if breaking else max(factors)
    if not math.isfinite(factor):
        return None
    return max(test_rows + 1, math.ceil(test_rows * factor - _ROUNDING))


def _logarithms(evidence: Evidence) -> Evidence:
    low, estimate, high = (math.log(value) for value in (evidence.low, evidence.estimate, evidence.high))
    return replace(evidence, low=low, estimate=estimate, high=high)


def _holding_factor(evidence: Evidence, low: float, high: float) -> float:
    return max(
        _shrink(evidence.estimate - evidence.low, evidence.estimate - low),
        _shrink(evidence.high - evidence.estimate, high - evidence.estimate),
    )


def _breaking_factor(evidence: Evidence, low: float, high: float) -> float:
    if evidence.estimate < low:
        return _shrink(evidence.high - evidence.estimate, low - evidence.estimate)
    return _shrink(evidence.estimate - evidence.low, evidence.estimate - high)


def _shrink(half_width: float, room: float) -> float:
    """By how much the rows must grow for `half_width` to fit into `room`."""
    if math.isinf(room):
        return 0.0
    return (half_width / room) ** 2 if room > max(half_width / _HOPELESS, 0.0) else math.inf
