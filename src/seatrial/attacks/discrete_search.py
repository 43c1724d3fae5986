"""A discrete search over the changes that a table's threat allows: no gradients, and texts as well as numbers."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from seatrial.attacks.losses import Codes, Floats, margin
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
                tried_loss = margin(target.scores(tried[part]), actual[active][part])
                better = tried_loss > gained[part]
                best[part[better]], gained[part[better]] = tried[part[better]], tried_loss[better]
        moved = gained > loss[active]
        worst[active], loss[active] = best, gained
        active = active[moved & (gained <= 0)]
    return worst


def _candidates(now: Rows, origin: Rows, threat: TableThreat, rng: np.random.Generator) -> list[Rows]:
    """Every single change, as one array of rows each; what a row cannot afford is shortened by `confine`."""
    moves = threat.moves
    left = np.maximum(threat.budget - threat.cost(now, origin), 0.0)
    candidates = []
    for column in np.flatnonzero(moves.is_text):
        for place in moves.values[column]:
            tried = now.copy()
            tried[:, column] = place
            candidates.append(tried)
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
                candidates.append(threat.confine(tried, origin))
    order = rng.permutation(len(candidates))
    return [candidates[place] for place in order]


def pair_search(
    target: TargetModel, origin: Rows, actual: Codes, threat: TableThreat, *, rounds: int, rng: np.random.Generator
) -> Rows:
    """From where `greedy_search` ends: two columns are set at once, first over their whole reach, then step by step.

    A single move that does not pay alone can pay with another. In each round every pair of columns (at most
    `_MOST_PAIRS`, drawn by `rng`) is set to every pair of values on a grid; what raises the margin most is kept.
    """
    worst = greedy_search(target, origin, actual, threat, rounds=rounds, rng=rng)
    loss = margin(target.scores(worst), actual)
    pairs = list(combinations(np.flatnonzero(np.isfinite(threat.moves.cost)), 2))
    chosen = [pairs[place] for place in rng.permutation(len(pairs))[:_MOST_PAIRS]]
    for wide in (True, True, *(False,) * rounds):
        before = loss.copy()
        for pair in chosen:
            active = np.flatnonzero(loss <= 0)
            per_row = max(1, _CHUNK // _GRID**2)
            for start in range(0, active.size, per_row):
                part = active[start : start + per_row]
                tried = _pair_moves(worst[part], origin[part], threat, pair, wide=wide)
                here = np.repeat(part, len(tried) // len(part))
                allowed = np.flatnonzero(threat.is_allowed(tried, origin[here]))
                tried_loss = np.full(len(tried), -np.inf)
                if allowed.size:
                    tried_loss[allowed] = margin(target.scores(tried[allowed]), actual[here[allowed]])
                by_row = tried_loss.reshape(len(part), -1)
                best = by_row.argmax(axis=1) + np.arange(len(part)) * by_row.shape[1]
                better = tried_loss[best] > loss[part]
                worst[part[better]], loss[part[better]] = tried[best[better]], tried_loss[best[better]]
        if not wide and not (loss > before).any():
            break
    return worst


def _pair_moves(now: Rows, origin: Rows, threat: TableThreat, pair: tuple[int, int], *, wide: bool) -> Rows:
    """Each row with two columns set to every pair of values on a grid: float64[rows × values × values, d]."""
    first, second = (_grid(now[:, column], origin[:, column], threat, column, wide=wide) for column in pair)
    moved = np.repeat(now, first.shape[1] * second.shape[1], axis=0)
    moved[:, pair[0]] = np.repeat(first, second.shape[1], axis=1).reshape(-1)
    moved[:, pair[1]] = np.tile(second, (1, first.shape[1])).reshape(-1)
    return moved


def _grid(now: Floats, origin: Floats, threat: TableThreat, column: int, *, wide: bool) -> Floats:
    """Values of one column for each row: over all that the budget reaches, or a few steps around the present one."""
    moves = threat.moves
    if moves.is_text[column]:
        places = np.array(moves.values[column][: _GRID - 1], float)
        return np.column_stack([origin, np.tile(places, (len(origin), 1))])
    step, reach = moves.step[column], threat.budget / moves.cost[column]
    low = np.maximum(np.minimum(moves.low[column], origin), origin - reach)
    high = np.minimum(np.maximum(moves.high[column], origin), origin + reach)
    if wide:
        values = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, _GRID)
    else:
        size = step if step > 0 else reach / _FINE
        values = np.clip(now[:, None] + size * np.arange(-2, 3), low[:, None], high[:, None])
    if step > 0:
        values = origin[:, None] + np.trunc((values - origin[:, None]) / step) * step
    return np.column_stack([values, origin])


_MOST_PAIRS = 10
_GRID = 12  # values of a column on the grid
_FINE = 100.0  # parts of the reach that a column without steps is refined by
