"""What is asked of a reader, and the order of an epoch: row groups shuffled, then the rows of a window of them.

Everything here follows from the table, the seed, the epoch and the window alone: world size, threads and memory change
when a row is read, never where it comes. Cost of a window: reading it once, and mixing its rows at random. Quality:
two rows of one row group stay within one window of each other; the larger the window, the nearer to a perfect shuffle
(see `tests/unit/test_batches_shuffle.py` for rank correlation and surviving pairs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.batches.plan.permutation import permutation
from seatrial.batches.plan.window_size import WINDOW_MIB
from seatrial.errors import InputError


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a reader; checked when it is made."""

    batch_rows: int
    seed: int
    epoch: int
    rank: int
    world: int
    memory_mib: int
    window_mib: int = WINDOW_MIB

    def __post_init__(self) -> None:
        least = {"batch_rows": 1, "epoch": 0, "world": 1, "rank": 0, "memory_mib": 1, "window_mib": 1}
        for name in (*least, "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
                raise InputError(f"{name} must be a whole number, got {value!r}.", hint=f"For example {name}=1.")
            if name in least and value < least[name]:
                raise InputError(f"{name} must be at least {least[name]}, got {value}.", hint=f"Raise {name}.")
            object.__setattr__(self, name, int(value))  # of NumPy's, too: the cursor is JSON
        if self.rank >= self.world:
            raise InputError(f"rank must be below world ({self.world}), got {self.rank}.", hint="Ranks count from 0.")


@dataclass(frozen=True, slots=True)
class Epoch:
    """The row groups of an epoch in their order, cut into windows. Rows are counted in the epoch's order."""

    order_key: str
    plan: Plan
    groups: NDArray[np.int64]  # numbers of row groups
    bounds: NDArray[np.int64]  # window k has groups[bounds[k] : bounds[k + 1]]
    starts: NDArray[np.int64]  # and the rows from starts[k] to starts[k + 1]

    @property
    def rows(self) -> int:
        """Of the whole epoch, over all ranks."""
        return int(self.starts[-1])

    @property
    def windows(self) -> int:
        """How many."""
        return len(self.starts) - 1

    def members(self, window: int) -> NDArray[np.int64]:
        """The row groups of a window."""
        return self.groups[self.bounds[window] : self.bounds[window + 1]]

    def mixed(self, window: int) -> NDArray[np.int64]:
        """Which row of a window comes first, second, …: its rows being those of its groups, one after the other."""
        rows = int(self.starts[window + 1] - self.starts[window])
        return permutation(rows, self.order_key, self.plan.seed, self.plan.epoch, window)

    def window_of(self, row: int) -> int:
        """The window that has this row."""
        return int(np.searchsorted(self.starts, row, side="right")) - 1


def epoch_of(rows: NDArray[np.int64], size_bytes: NDArray[np.int64], order_key: str, plan: Plan) -> Epoch:
    """The epoch's order of row groups with so many `rows` and `size_bytes` (all columns, before compression).

    A window ends with the row group that fills `plan.window_mib`; the size counts every column, so that the order is
    the same whichever columns are asked for.
    """
    groups = permutation(len(rows), order_key, plan.seed, plan.epoch, "row groups")
    groups = groups[rows[groups] > 0]
    filled = np.concatenate([[0], np.cumsum(size_bytes[groups])])
    bounds = [0]
    while bounds[-1] < len(groups):
        full = filled[bounds[-1]] + plan.window_mib * 2**20
        bounds.append(max(min(int(np.searchsorted(filled, full)), len(groups)), bounds[-1] + 1))
    cut = np.array(bounds, np.int64)
    return Epoch(order_key, plan, groups, cut, np.concatenate([[0], np.cumsum(rows[groups])])[cut])
