"""Whether two tables share so many rows that they are the same test data. Pure."""

from __future__ import annotations

import numpy as np

from seatrial.trial.data_checks.value_hashes import Hashes
from seatrial.trial.test_uses.row_sketch import Sketch

SAME_DATA = 0.4  # of the rows of either table, beyond what is shared by accident
MOST_ACCIDENTS = 0.3  # of a view in which more rows than this have a like nothing follows
_LEAST_SAMPLE = 8  # hashes to compare: below that a share says nothing
_BITS = 64


def shared_rows(first: Sketch, second: Sketch) -> float:
    """The share of the rows of either table that are rows of the other, beyond accident; the larger of the two.

    By the pair of views that shows most. In tables of the same people rows meet by accident: about as many as have a
    like in their own table (by exchangeability), so of a share c and accidents q, (c − q) / (1 − q) counts.
    """
    views = [(view.halved, view.repeated, view.numbers()) for view in second.views]
    if not views or not first.views:
        return 0.0
    anywhere = np.unique(np.concatenate([hashes for _, _, hashes in views]))
    numbers = [view.numbers() for view in first.views]
    if not np.isin(np.concatenate(numbers), anywhere).any():  # nearly always so: a ledger has many other sets of data
        return 0.0
    most = 0.0
    for view, mine in zip(first.views, numbers, strict=True):
        if not np.isin(mine, anywhere, assume_unique=True).any():
            continue
        for halved, repeated, theirs in views:
            bound = np.uint64(2**_BITS - 1 >> max(view.halved, halved))
            a, b = mine[mine <= bound], theirs[theirs <= bound]
            most = max(most, _beyond_accident(a, b, repeated), _beyond_accident(b, a, view.repeated))
    return most


def is_same_data(first: Sketch, second: Sketch) -> bool:
    """Whether looking at the one was looking at the other."""
    return shared_rows(first, second) >= SAME_DATA


def _beyond_accident(of: Hashes, within: Hashes, accident: float) -> float:
    """The share of the sampled rows `of` one table that are `within` another, of whose rows `accident` have a like."""
    if len(of) < _LEAST_SAMPLE or accident > MOST_ACCIDENTS:
        return 0.0
    share = np.isin(of, within, assume_unique=True).mean()
    return float((share - accident) / (1 - accident))
