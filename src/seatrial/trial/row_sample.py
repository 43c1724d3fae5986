"""A few of the rows that stream by, whole, for what needs more than answers: attacks start from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.trial.label_column import has_label

ATTACKED_ROWS = 1000  # ±3 points at 95 %; each may be asked about thousands of times


class RowSample:
    """A uniform sample of the labelled rows, without replacement: the rows with the smallest random keys.

    The same seed and the same rows in the same order give the same sample, whatever the tables they come in.
    """

    def __init__(self, columns: Sequence[str], *, label: str, seed: int, capacity: int = ATTACKED_ROWS) -> None:
        self._columns = list(dict.fromkeys([*columns, label]))
        self._label, self._capacity = label, capacity
        self._rng = np.random.default_rng(seed)
        self._kept: pa.Table | None = None
        self._keys = np.empty(0)
        self.seen = 0

    def see(self, table: pa.Table) -> None:
        """Looks at the next rows."""
        labelled = table.select(self._columns).filter(pa.array(has_label(table.column(self._label))))
        keys = np.concatenate([self._keys, self._rng.random(labelled.num_rows)])
        self.seen += labelled.num_rows
        both = labelled if self._kept is None else pa.concat_tables([self._kept, labelled])
        order: NDArray[np.int64] = np.sort(np.argsort(keys, kind="stable")[: self._capacity])
        self._kept, self._keys = both.take(order), keys[order]

    def rows(self) -> pa.Table:
        """The sample, in the order in which its rows came."""
        if self._kept is None:
            return pa.table({name: pa.array([], pa.null()) for name in self._columns})
        return self._kept
