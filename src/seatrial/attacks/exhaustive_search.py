"""Every allowed change of a table's row, tried one by one, where the allowed set is small enough for that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.losses import Codes, Floats
from seatrial.attacks.table_threat import TableThreat
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import Rows

MOST_CHANGES = 200_000  # of a row: more are not listed
MOST_QUERIES = 4_000_000  # for all rows together: 10 s of a forest on one core. A number, not a time: the outcome must
# not depend on the machine
_CHUNK = 65_536  # rows asked at once
_ROUNDING = 1e-9  # of costs and steps


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """The worst examples float64[n, d], and for which rows it is certain that no allowed one is worse: bool[n]."""

    worst: Rows
    certain: NDArray[np.bool_]


def allowed_changes(threat: TableThreat, origin: Rows) -> Floats | None:
    """Every change of the mutable columns that the budget pays for from some row: float64[changes, mutable columns].

    A number is changed by an amount; a text to a place in its vocabulary, or not (NaN). None where a number moves
    without steps, or there are more than `MOST_CHANGES`.
    """
    changes, spent = np.zeros((1, 0)), np.zeros(1)
    for column in np.flatnonzero(np.isfinite(threat.moves.cost)):
        values = _values(threat, origin, int(column))
        if values is None:
            return None
        cost = threat.moves.cost[column] * (~np.isnan(values) if threat.moves.is_text[column] else np.abs(values))
        total = spent[:, None] + cost
        before, chosen = np.nonzero(total <= threat.budget * (1 + _ROUNDING))
        if before.size > MOST_CHANGES:
            return None
        changes, spent = np.column_stack([changes[before], values[chosen]]), total[before, chosen]
    return changes


def _values(threat: TableThreat, origin: Rows, column: int) -> Floats | None:
    moves = threat.moves
    if moves.is_text[column]:
        return np.array([np.nan, *moves.values[column]])
    step = moves.step[column]
    if step <= 0:
        return None
    here = origin[:, column]
    inside = here[np.abs(here) < _HUGE]
    if not inside.size:
        return np.zeros(1)
    paid = threat.budget / moves.cost[column]
    down = min(paid, max(float(inside.max()) - moves.low[column], 0.0)) if moves.down[column] else 0.0
    up = min(paid, max(moves.high[column] - float(inside.min()), 0.0)) if moves.up[column] else 0.0
    first, last = (int(np.floor(reach / step * (1 + _ROUNDING))) for reach in (down, up))
    if first + last > MOST_CHANGES:
        return None
    return np.asarray(np.arange(-first, last + 1) * step, np.float64)


_HUGE = 1e300  # a missing number is beyond it


def changed(origin: Rows, changes: Floats, threat: TableThreat) -> Rows:
    """Each row under each change: float64[rows × changes, d], all changes of the first row first."""
    columns = np.flatnonzero(np.isfinite(threat.moves.cost))
    moved = np.repeat(origin, len(changes), axis=0)
    tiled = np.tile(changes, (len(origin), 1))
    for place, column in enumerate(columns):
        if threat.moves.is_text[column]:
            moved[:, column] = np.where(np.isnan(tiled[:, place]), moved[:, column], tiled[:, place])
        else:
            moved[:, column] += tiled[:, place]
    return moved


def exhaustive_search(
    target: TargetModel, origin: Rows, actual: Codes, threat: TableThreat, *, changes: Floats, rng: np.random.Generator
) -> SearchResult:
    """Asks about every change of every row until the row is broken; what still stands then, stands for certain.

    `rng` orders the changes: rows that break in many ways break soon.
    """
    worst, changes = origin.copy(), changes[rng.permutation(len(changes))]
    active, start = np.arange(len(origin)), 0
    while active.size and start < len(changes):
        part = changes[start : start + max(1, _CHUNK // active.size)]
        start += len(part)
        here = np.repeat(active, len(part))
        tried = changed(origin[active], part, threat)
        allowed = np.flatnonzero(threat.is_allowed(tried, origin[here]))
        if not allowed.size:
            continue
        broken = allowed[target.is_broken(tried[allowed], actual[here[allowed]])]
        worst[here[broken]] = tried[broken]
        active = np.setdiff1d(active, here[broken])
    return SearchResult(worst, np.ones(len(origin), dtype=bool))
