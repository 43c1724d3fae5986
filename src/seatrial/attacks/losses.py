"""What an attack makes grow, from the model's scores: its value and its slope in the scores. Pure NumPy.

`scores` are float64[n, k] logits, `actual` int64[n]. Every loss grows as the answer gets more wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Loss = Callable[[Floats, Codes], tuple[Floats, Floats]]  # → loss[n], slope[n, k]


def margin(scores: Floats, actual: Codes) -> Floats:
    """The best other score minus that of the true class: positive exactly where the answer is wrong."""
    rows = np.arange(len(scores))
    others = scores.copy()
    others[rows, actual] = -np.inf
    best: Floats = others.max(axis=1) - scores[rows, actual]
    return best


def cross_entropy(scores: Floats, actual: Codes) -> tuple[Floats, Floats]:
    """−log of the true class's probability."""
    rows = np.arange(len(scores))
    shifted = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1, keepdims=True)
    slope = powers / total
    loss = np.log(total[:, 0]) - shifted[rows, actual]
    slope[rows, actual] -= 1.0
    return loss, slope


def margin_loss(scores: Floats, actual: Codes) -> tuple[Floats, Floats]:
    """The margin itself (Carlini & Wagner 2017): its slope does not vanish where the model is sure."""
    rows = np.arange(len(scores))
    others = scores.copy()
    others[rows, actual] = -np.inf
    best = others.argmax(axis=1)
    slope = np.zeros_like(scores)
    slope[rows, best] = 1.0
    slope[rows, actual] -= 1.0
    return others[rows, best] - scores[rows, actual], slope


@dataclass(frozen=True, slots=True, eq=False)
class TargetedRatio:
    """The targeted difference-of-logits ratio (Croce & Hein 2020, section 4.2) towards one class for each row.

    −(z_y − z_t) / (z_(1) − (z_(3) + z_(4)) / 2): no scaling of the scores changes it. With fewer than four classes the
    denominator is the spread of all scores. `targets` int64[n] are fixed before the climb: a target that follows the
    scores lets a row turn back on the way (3 of 300 digits stood that a fixed one broke).
    """

    targets: Codes

    def among(self, places: NDArray[np.intp]) -> TargetedRatio:
        """The loss of these rows alone."""
        return TargetedRatio(self.targets[places])

    def __call__(self, scores: Floats, actual: Codes) -> tuple[Floats, Floats]:
        """The ratio of each row, and its slope in the scores."""
        rows = np.arange(len(scores))
        order = np.argsort(-scores, axis=1, kind="stable")
        top = order[:, 0]
        low = order[:, 2:4] if scores.shape[1] > _FULL else order[:, -1:]
        spread = scores[rows, top] - np.take_along_axis(scores, low, axis=1).mean(axis=1) + _TINY
        gap = scores[rows, self.targets] - scores[rows, actual]
        slope = np.zeros_like(scores)
        np.add.at(slope, (rows, self.targets), 1 / spread)
        np.add.at(slope, (rows, actual), -1 / spread)
        pull = gap / spread**2
        np.add.at(slope, (rows, top), -pull)
        for column in range(low.shape[1]):
            np.add.at(slope, (rows, low[:, column]), pull / low.shape[1])
        return gap / spread, slope


def ranked(scores: Floats, actual: Codes, rank: int) -> Codes:
    """The `rank`-th best class of each row besides the true one, from 1: int64[n]."""
    order = np.argsort(-scores, axis=1, kind="stable")
    others = order[order != actual[:, None]].reshape(len(scores), scores.shape[1] - 1)
    return np.asarray(others[:, rank - 1], np.int64)


def among(loss: Loss, places: NDArray[np.intp]) -> Loss:
    """The loss for some of the rows that it was made for."""
    return loss.among(places) if isinstance(loss, TargetedRatio) else loss


_FULL = 3  # classes; with more there are a third and a fourth score
_TINY = 1e-12  # as in the paper's code: all scores may be equal
