"""Sums of the errors of a regression by group: all that bounds on its mean errors need of a table, however long.

Power sums up to the fourth of the error, of its absolute value and of its square: what skewness and kurtosis are made
of. Errors count as at most a `clip`, where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.verdicts.contingency import Codes, combined

CLIPPED = "clipped"  # rows whose error is beyond the clip
# What is summed, in a table of counted rows: the powers of the error and of its absolute value.
SIGNED, ABSOLUTE = "error", "absolute"
POWERS = tuple((name, power) for name, powers in ((SIGNED, (1, 2, 3, 4, 6, 8)), (ABSOLUTE, (1, 3))) for power in powers)
_TERMS = {
    "mean_error": ((SIGNED, 1), (SIGNED, 2), (SIGNED, 3), (SIGNED, 4)),
    "mae": ((ABSOLUTE, 1), (SIGNED, 2), (ABSOLUTE, 3), (SIGNED, 4)),
    "rmse": ((SIGNED, 2), (SIGNED, 4), (SIGNED, 6), (SIGNED, 8)),  # of the squares, whose mean's root it is
}
PREFIX = "clipped_"  # of a metric whose errors count as at most the clip


def error_metrics(*, clipped: bool) -> tuple[str, ...]:
    """The metrics that sums of errors give."""
    return tuple(f"{PREFIX}{name}" if clipped else name for name in _TERMS)


def power_column(name: str, power: int) -> str:
    """The column of a sum of powers: "error 2"."""
    return f"{name} {power}"


@dataclass(frozen=True, slots=True, eq=False)
class GroupErrors:
    """The errors of each group: how many rows, how many of them clipped, and the sums of powers, [groups]."""

    names: tuple[str, ...]
    rows: Codes
    clipped: Codes
    sums: Mapping[tuple[str, int], NDArray[np.float64]]

    def powers(self, metric: str, group: int) -> tuple[float, float, float, float]:
        """Σ x to Σ x⁴ of what the metric is a mean of."""
        first, second, third, fourth = (float(self.sums[each][group]) for each in _TERMS[metric.removeprefix(PREFIX)])
        return first, second, third, fourth


@dataclass(frozen=True, slots=True, eq=False)
class ErrorSums:
    """Sums of errors by group columns, as `Cells` are counts; `clip` is the largest error that counts, or None."""

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: Codes
    rows: Codes
    clipped: Codes
    sums: Mapping[tuple[str, int], NDArray[np.float64]]
    clip: float | None = None

    @property
    def total(self) -> int:
        """All rows."""
        return int(self.rows.sum())

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that these sums give: where errors were clipped, those of clipped errors."""
        return error_metrics(clipped=self.clip is not None)

    def by(self, *columns: str) -> GroupErrors:
        """The sums of each combination of values of these columns that occurs; without columns, of all rows."""
        names, groups = combined(self.columns, self.values, self.codes, columns)

        def summed(weights: NDArray[np.float64] | Codes) -> NDArray[np.float64]:
            return np.bincount(groups, weights=weights, minlength=len(names)).astype(np.float64)

        rows, clipped = (summed(each).round().astype(np.int64) for each in (self.rows, self.clipped))
        return GroupErrors(names, rows, clipped, {each: summed(column) for each, column in self.sums.items()})
