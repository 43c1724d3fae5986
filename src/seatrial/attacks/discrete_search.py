"""A discrete search over the changes that a table's threat allows: no gradients, and texts as well as numbers."""

from __future__ import annotations

import numpy as np

from seatrial.attacks.losses import Codes, margin
from seatrial.attacks.table_threat import TableThreat
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import Rows

_SHARES = (1.0, 0.5, 0.25, 0.1)  # of what is left of the budget: how far a number is tried to move
_CHUNK = 65_536  # rows asked at once


def greedy_search(
    target: TargetModel, origin: Rows, actual: Codes, threat: TableThreat, *, rounds: int, rng: np.random.Generator
) -> Rows:
    """In each round every allowed single change is tried, and the one that raises the margin most is kept.

    As in Kulynych et al. (2018) and Simonetto et al. (2022), greedily; a number is tried at several distances, each
    way, by one step too. Rows that are broken, or that no change helps, are left alone. `rng` orders the candidates, so
    that ties do not favour the first columns.
    """
    worst, loss = origin.copy(), margin(target.scores(origin), actual)
    active = np.flatnonzero(loss <= 0)
    for _ in range(rounds):
        if not active.size:
            break
        best, gained = worst[active].copy(), loss[active].copy()
        for tried in _candidates(worst[active], origin[active], threat, rng):
            changed = np.flatnonzero((tried != worst[active]).any(axis=1) & threat.is_allowed(tried, origin[active]))
            for start in range(0, changed.size, _CHUNK):
                part = changed[start : start + _CHUNK]
                found = margin(target.scores(tried[part]), actual[active][part])
                better = found > gained[part]
                best[part[better]], gained[part[better]] = tried[part[better]], found[better]
        moved = gained > loss[active]
        worst[active], loss[active] = best, gained
        active = active[moved & (gained <= 0)]
    return worst


def _candidates(now: Rows, origin: Rows, threat: TableThreat, rng: np.random.Generator) -> list[Rows]:
    """Every single change, as one array of rows each; what a row cannot afford is shortened by `confine`."""
    moves = threat.moves
    left = np.maximum(threat.budget - threat.cost(now, origin), 0.0)
    found = []
    for column in np.flatnonzero(moves.is_text):
        for place in moves.values[column]:
            tried = now.copy()
            tried[:, column] = place
            found.append(tried)
    for column in np.flatnonzero(moves.is_number):
        spent = np.abs(now[:, column] - origin[:, column])  # free again, if this column is moved anew
        reach = left / moves.cost[column] + spent
        distances = [share * reach for share in _SHARES]
        if moves.step[column] > 0:
            distances.append(spent + moves.step[column])
        for distance in distances:
            for way in (1.0, -1.0):
                tried = now.copy()
                tried[:, column] = origin[:, column] + way * distance
                found.append(threat.confine(tried, origin))
    order = rng.permutation(len(found))
    return [found[place] for place in order]
