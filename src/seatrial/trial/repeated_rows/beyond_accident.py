"""Whether rows share a cell because they were copied, or because such rows are common.

Where rows are alike by nature, others are nearly alike: for each that agrees in every column there are some that agree
in all but one or two, or have another label. Copies have none of these.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.rows import Rows
from seatrial.trial.data_checks.value_hashes import Hashes
from seatrial.trial.label_column import has_label
from seatrial.trial.repeated_rows.row_cells import RowCells
from seatrial.trial.test_uses.row_sketch import is_vector

CLUSTERS = 100  # looked at, drawn by the pairs of rows in each: a share is known within 5 percentage points (one sigma)
MOST_ROWS, MOST_VALUES = 20_000, 4_000_000  # that they are compared with: 32 MB
NEARLY_ALIKE = 0.1  # as many rows as this for each copy, or more, and the copies are none. Census rows: 7 to 100
MANY_COLUMNS = 5  # from so many on, two may differ: a category spread over columns of 0 and 1 differs in two


def share_beyond_accident(cells: RowCells, rows: Rows, hashes: Hashes) -> float:
    """Of all pairs of rows that share a cell, the share that are copies. `hashes` are those of the rows, in order."""
    random = np.random.default_rng(0)
    _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    pairs = counts * (counts - 1.0)
    if not pairs.any():
        return 0.0
    drawn = random.choice(len(counts), CLUSTERS, p=pairs / pairs.sum())
    chosen, weights = np.unique(drawn, return_counts=True)
    most = max(CLUSTERS, min(MOST_ROWS, MOST_VALUES // len(cells.columns)))
    among = np.sort(random.permutation(len(hashes))[:most])
    places = np.unique(np.concatenate([first[chosen], among]))
    row_cells = _cells_at(cells, rows, places)
    others = row_cells[np.searchsorted(places, among)]
    copied = [
        _is_isolated(
            row_cells[np.searchsorted(places, first[cluster])],
            others,
            copies=int(counts[cluster]) - 1,
            rows=len(hashes),
        )
        for cluster in chosen
    ]
    return float(weights[copied].sum() / CLUSTERS)


def _is_isolated(row: Hashes, others: Hashes, *, copies: int, rows: int) -> bool:
    """Whether too few rows are nearly like this one, given how many are wholly; the label stands last."""
    differing = (others[:, :-1] != row[:-1]).sum(axis=1)
    same_label = others[:, -1] == row[-1]
    inputs = others.shape[1] - 1
    nearly = 2 if inputs >= MANY_COLUMNS else 1
    other_inputs = (differing > 0) & (differing <= nearly)
    if inputs == 1:  # any row has that input or another
        other_inputs &= same_label
    near = other_inputs | ((differing == 0) & ~same_label)
    return bool(near.sum() * (rows / len(others)) < NEARLY_ALIKE * copies)


def _cells_at(cells: RowCells, rows: Rows, places: NDArray[np.int64]) -> Hashes:
    """The cells of the rows at these places, ascending, of those that have a label: uint64[places, columns].

    A vector stands as often as it takes to count as more columns than may differ.
    """
    parts: list[Hashes] = []
    start = 0
    for table in rows.tables(list(cells.columns)):
        labelled = table.filter(pa.array(has_label(table.column(cells.label))))
        here = places[(places >= start) & (places < start + labelled.num_rows)] - start
        start += labelled.num_rows
        if len(here):
            taken = labelled.take(here)
            often = [3 if is_vector(field.type) else 1 for field in taken.select(list(cells.columns)).schema]
            parts.append(np.repeat(np.stack(cells.cells(taken), axis=1), often, axis=1))
    return np.concatenate(parts)
