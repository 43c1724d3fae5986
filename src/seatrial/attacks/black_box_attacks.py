"""Attacks that only ask: random noise, which is the floor, and Square, which searches."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.losses import Codes, Floats, margin
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import L0, L2, Patch, Rows, Threat

# From these shares of the queries on, the share of inputs that a square covers halves (Andriushchenko et al. 2020,
# section 3.3, stated there for 10,000 queries).
_HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


def noise(
    target: TargetModel, origin: Rows, actual: Codes, threat: Threat, *, draws: int, rng: np.random.Generator
) -> Rows:
    """The worst of `draws` random allowed examples: what any attack must beat."""
    worst, loss = origin.copy(), margin(target.scores(origin), actual)
    for _ in range(draws):
        active = np.flatnonzero(loss <= 0)
        if not active.size:
            break
        tried = threat.start(origin[active], rng)
        tried_loss = margin(target.scores(tried), actual[active])
        better = tried_loss > loss[active]
        places = active[better]
        worst[places], loss[places] = tried[better], tried_loss[better]
    return worst


def square(
    target: TargetModel,
    origin: Rows,
    actual: Codes,
    threat: Threat,
    *,
    queries: int,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    share: float = 0.8,
) -> Rows:
    """The Square attack (Andriushchenko et al. 2020): random squares set to the edge of what is allowed.

    `shape` is (height, width) or (height, width, channels) of an image, or (d,) for inputs in a row; `share` is the
    share of inputs that the first squares cover (the paper's p). A change that raises the margin is kept. For L2,
    L0 and patches a square is set to random signs and confined.
    """
    if math.prod(shape) != origin.shape[1]:
        raise ValueError(f"shape {shape} must have {origin.shape[1]} inputs")
    height, width, channels = _image(shape)
    worst = _stripes(origin, threat, height, width, channels, rng)
    loss = margin(target.scores(worst), actual)
    clean = margin(target.scores(origin), actual)
    keeps_origin = clean > loss
    worst[keeps_origin], loss[keeps_origin] = origin[keeps_origin], clean[keeps_origin]
    for query in range(queries):
        active = np.flatnonzero(loss <= 0)
        if not active.size:
            break
        side = max(1, round(math.sqrt(_share(share, query / queries) * height * width)))
        windows = _windows(len(active), min(side, height), min(side, width), height, width, rng)
        signs = rng.choice((-1.0, 1.0), size=(len(active), channels))
        tried = _set(worst[active], origin[active], threat, windows, signs)
        tried_loss = margin(target.scores(tried), actual[active])
        better = tried_loss > loss[active]
        places = active[better]
        worst[places], loss[places] = tried[better], tried_loss[better]
    return worst


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) == 1:
        return 1, shape[0], 1
    return shape[0], shape[1], math.prod(shape[2:])


def _share(first: float, done: float) -> float:
    halved = sum(done >= place for place in _HALVINGS)
    return first * 0.5**halved


def _stripes(origin: Rows, threat: Threat, height: int, width: int, channels: int, rng: np.random.Generator) -> Rows:
    """The paper's start: vertical stripes of the full budget, for L∞; elsewhere a random allowed example."""
    if isinstance(threat, L2 | L0 | Patch):
        return threat.start(origin, rng)
    signs = rng.choice((-1.0, 1.0), size=(len(origin), 1, width, channels))
    stripes = np.broadcast_to(signs, (len(origin), height, width, channels)).reshape(origin.shape)
    return threat.confine(origin + threat.radius * stripes, origin)


def _windows(rows: int, tall: int, wide: int, height: int, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A random window of each row's image: bool[rows, height, width]."""
    top = rng.integers(0, height - tall + 1, size=(rows, 1))
    left = rng.integers(0, width - wide + 1, size=(rows, 1))
    down, across = np.arange(height), np.arange(width)
    vertical = (down >= top) & (down < top + tall)
    horizontal = (across >= left) & (across < left + wide)
    return np.asarray(vertical[:, :, None] & horizontal[:, None, :])


def _set(moved: Rows, origin: Rows, threat: Threat, windows: NDArray[np.bool_], signs: Floats) -> Rows:
    rows, channels = signs.shape
    inside = np.repeat(windows.reshape(rows, -1), channels, axis=1)
    pushed = np.tile(signs, (1, windows[0].size)) * threat.radius
    if isinstance(threat, L0 | L2 | Patch):  # on top of what was found, and drawn back to what is allowed
        return threat.confine(np.where(inside, moved + pushed, moved), origin)
    return threat.confine(np.where(inside, origin + pushed, moved), origin)
