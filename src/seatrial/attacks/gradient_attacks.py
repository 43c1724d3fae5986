"""Attacks that follow the gradient. Each takes origins with their true classes and gives the worst example it found."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.losses import Codes, Floats, Loss, among, cross_entropy
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import Rows, Threat

_PGD_STEP = 2.5  # of radius / iterations, as Madry et al. (2018) take it: the ball can be crossed with some to spare


@dataclass(slots=True)
class Best:
    """The worst example so far of each row, by the loss that was climbed."""

    rows: Rows
    loss: Floats

    def take(self, rows: Rows, loss: Floats, at: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Keeps what is worse than before; `at` are the places of `rows`. Tells which."""
        better = loss > self.loss[at]
        places = at[better]
        self.rows[places], self.loss[places] = rows[better], loss[better]
        return better


def fgsm(target: TargetModel, origin: Rows, actual: Codes, threat: Threat, *, loss: Loss = cross_entropy) -> Rows:
    """One step to the edge (Goodfellow, Shlens & Szegedy 2015)."""
    _, _, gradient = target.loss_and_gradient(origin, actual, loss)
    return threat.confine(origin + threat.radius * threat.ascend(gradient, origin), origin)


def pgd(
    target: TargetModel,
    origin: Rows,
    actual: Codes,
    threat: Threat,
    *,
    iterations: int,
    rng: np.random.Generator | None,
    loss: Loss = cross_entropy,
    stop_when_broken: bool = True,
) -> Rows:
    """Projected gradient ascent (Madry et al. 2018) from a random start, or from the origin without `rng`.

    Steps shrink as a cosine. A row that is broken on the way is left alone, but for training, which wants the worst.
    """
    moved = origin.copy() if rng is None else threat.start(origin, rng)
    active = np.arange(len(origin))
    for step in range(iterations):
        scores, _, gradient = target.loss_and_gradient(moved[active], actual[active], among(loss, active))
        if stop_when_broken:
            standing = scores.argmax(axis=1) == actual[active]
            active, gradient = active[standing], gradient[standing]
        if not active.size:
            break
        reach = _PGD_STEP * threat.radius / iterations * (1 + math.cos(math.pi * step / iterations))
        here = origin[active]
        moved[active] = threat.confine(moved[active] + reach * threat.ascend(gradient, here), here)
    return moved


def apgd(
    target: TargetModel,
    origin: Rows,
    actual: Codes,
    threat: Threat,
    *,
    iterations: int,
    rng: np.random.Generator,
    loss: Loss,
) -> Rows:
    """Auto-PGD (Croce & Hein 2020, algorithm 1): momentum, and steps that halve where a row no longer gains.

    A row that is broken on the way is left alone.
    """
    momentum, patience = 0.75, 0.75  # α and ρ of the paper
    checkpoints = set(_checkpoints(iterations))
    moved = threat.start(origin, rng)
    scores, value, gradient = target.loss_and_gradient(moved, actual, loss)
    best = Best(moved.copy(), value.copy())
    slope = gradient.copy()  # at the best example
    previous = moved.copy()
    reach = np.full(len(origin), 2.0 * threat.radius)
    gains = np.zeros(len(origin))
    halved = np.zeros(len(origin), dtype=bool)
    at_checkpoint = best.loss.copy()
    last = 0
    active = np.flatnonzero(scores.argmax(axis=1) == actual)
    for step in range(1, iterations):
        if not active.size:
            break
        here, now = origin[active], moved[active]
        pushed = now + reach[active, None] * threat.ascend(gradient[active], here)
        straight = threat.confine(pushed, here)
        carried = now + momentum * (straight - now) + (1 - momentum) * (now - previous[active])
        following = threat.confine(carried if step > 1 else straight, here)
        previous[active] = now
        moved[active] = following
        scores, new, new_gradient = target.loss_and_gradient(following, actual[active], among(loss, active))
        gains[active] += new > value[active]
        value[active], gradient[active] = new, new_gradient
        better = best.take(following, new, active)
        slope[active[better]] = new_gradient[better]
        broken = scores.argmax(axis=1) != actual[active]
        best.rows[active[broken]] = following[broken]
        active = active[~broken]
        if step in checkpoints and active.size:
            few = gains[active] < patience * (step - last)
            stuck = ~halved[active] & (at_checkpoint[active] >= best.loss[active])
            halve = active[few | stuck]
            halved[:] = False
            halved[halve] = True
            reach[halve] /= 2
            moved[halve], gradient[halve], value[halve] = best.rows[halve], slope[halve], best.loss[halve]
            previous[halve] = moved[halve]
            at_checkpoint = best.loss.copy()
            gains[:] = 0
            last = step
    return best.rows


def _checkpoints(iterations: int) -> list[int]:
    """Where steps may halve: the paper's p₀ = 0, p₁ = 0.22, pⱼ₊₁ = pⱼ + max(pⱼ − pⱼ₋₁ − 0.03, 0.06)."""
    places, before, now = [], 0.0, 0.22
    while now <= 1:
        places.append(math.ceil(now * iterations))
        before, now = now, now + max(now - before - 0.03, 0.06)
    return places


def minimum_norm(
    target: TargetModel, origin: Rows, actual: Codes, threat: Threat, *, iterations: int, loss: Loss
) -> Rows:
    """The nearest broken example, by the fast minimum-norm attack (Pintor et al. 2021, algorithm 1).

    It climbs with normalised steps and lets the radius of each row follow: smaller where the row is broken, larger
    where it is not. Returned is the last broken example within the threat, else the last example.
    """
    first, last = 0.05, 0.001  # how much a radius may change in one step, at the beginning and at the end
    moved = origin.copy()
    best = origin.copy()
    radius = np.full(len(origin), threat.radius)
    nearest = np.full(len(origin), np.inf)
    for step in range(iterations):
        scores, _, gradient = target.loss_and_gradient(moved, actual, loss)
        broken = scores.argmax(axis=1) != actual
        length = _length(moved - origin, threat)
        closer = broken & (length < nearest) & (length <= threat.radius * (1 + 1e-9))
        best[closer], nearest[closer] = moved[closer], length[closer]
        share = 0.5 * (1 + math.cos(math.pi * step / iterations))
        change = last + (first - last) * share
        radius = np.where(broken, np.minimum(radius, length) * (1 - change), radius * (1 + change))
        radius = np.minimum(radius, threat.radius)
        step_length = threat.radius * max(share, last)
        pushed = moved + step_length * threat.ascend(gradient, origin)
        moved = _shrunk(threat.confine(pushed, origin), origin, radius, threat)
    reached = np.isfinite(nearest)
    best[~reached] = moved[~reached]
    return threat.confine(best, origin)


def _length(change: Rows, threat: Threat) -> Floats:
    """How far each row moved, in the norm whose steepest step the threat takes."""
    unit = threat.ascend(change, np.zeros_like(change))
    dual: Floats = np.einsum("ij,ij->i", change, unit)
    if np.abs(unit).max(initial=0.0) < 1.0:  # a direction of Euclidean length one
        return dual
    longest: Floats = np.abs(change).max(axis=1, initial=0.0)
    return longest


def _shrunk(moved: Rows, origin: Rows, radius: Floats, threat: Threat) -> Rows:
    change = moved - origin
    length = _length(change, threat)
    factor = np.minimum(1.0, radius / np.maximum(length, np.finfo(float).tiny))
    return np.asarray(threat.confine(origin + change * factor[:, None], origin))
