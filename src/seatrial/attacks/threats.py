"""What an attacker may do to one example, as values: how far it may move, and within which range.

Examples are float64[n, d] rows in the units of the model's inputs. Every threat has the same four moves, so that an
attack is written once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


class Threat(Protocol):
    """A set of examples around each origin, within the range that inputs can have."""

    @property
    def text(self) -> str:
        """The threat in a few words, for conditions: "linf ≤ 0.1 within 0 to 1"."""
        ...

    def confine(self, moved: Rows, origin: Rows) -> Rows:
        """The allowed example that is nearest to each `moved` one, or near it."""
        ...

    def start(self, origin: Rows, rng: np.random.Generator) -> Rows:
        """A random allowed example for each origin."""
        ...

    def ascend(self, gradient: Rows, origin: Rows) -> Rows:
        """The step of length one, in the threat's own norm, along which a linear loss grows most."""
        ...

    @property
    def radius(self) -> float:
        """How far an example may move, in the threat's own norm."""
        ...


@dataclass(frozen=True, slots=True)
class Linf:
    """Each input may change by at most `budget`, within `low` to `high`."""

    budget: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """In a few words."""
        return f"linf ≤ {self.budget:g} within {self.low:g} to {self.high:g}"

    @property
    def radius(self) -> float:
        """The budget."""
        return self.budget

    def confine(self, moved: Rows, origin: Rows) -> Rows:
        """Clipped to the box around the origin, and to the range: the exact projection."""
        near = np.clip(moved, origin - self.budget, origin + self.budget)
        return np.clip(near, self.low, self.high)

    def start(self, origin: Rows, rng: np.random.Generator) -> Rows:
        """Uniform in the box."""
        return self.confine(origin + rng.uniform(-self.budget, self.budget, origin.shape), origin)

    def ascend(self, gradient: Rows, origin: Rows) -> Rows:  # noqa: ARG002 - the Threat contract
        """The sign of the gradient."""
        return np.sign(gradient)


@dataclass(frozen=True, slots=True)
class L2:
    """The inputs together may move by at most `budget`, in Euclidean distance, within `low` to `high`."""

    budget: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """In a few words."""
        return f"l2 ≤ {self.budget:g} within {self.low:g} to {self.high:g}"

    @property
    def radius(self) -> float:
        """The budget."""
        return self.budget

    def confine(self, moved: Rows, origin: Rows) -> Rows:
        """Clipped to the range, then drawn back to the ball: both sets are convex and hold the origin."""
        inside = np.clip(moved, self.low, self.high) - origin
        length = np.linalg.norm(inside, axis=1, keepdims=True)
        shrink = np.minimum(1.0, self.budget / np.maximum(length, np.finfo(float).tiny))
        return np.asarray(np.clip(origin + inside * shrink, self.low, self.high))

    def start(self, origin: Rows, rng: np.random.Generator) -> Rows:
        """Uniform in the ball."""
        direction = rng.standard_normal(origin.shape)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        reach = self.budget * rng.uniform(size=(len(origin), 1)) ** (1 / origin.shape[1])
        return self.confine(origin + direction * reach, origin)

    def ascend(self, gradient: Rows, origin: Rows) -> Rows:  # noqa: ARG002 - the Threat contract
        """The gradient, normalised."""
        length = np.linalg.norm(gradient, axis=1, keepdims=True)
        return np.asarray(gradient / np.maximum(length, np.finfo(float).tiny))


@dataclass(frozen=True, slots=True)
class L0:
    """At most `budget` of the inputs may change, each to anything within `low` to `high`: a few pixels of an image."""

    budget: int
    low: float
    high: float

    @property
    def text(self) -> str:
        """In a few words."""
        return f"l0 ≤ {self.budget} inputs within {self.low:g} to {self.high:g}"

    @property
    def radius(self) -> float:
        """The widest move of one input: what a step is measured in."""
        return self.high - self.low

    def confine(self, moved: Rows, origin: Rows) -> Rows:
        """The inputs that moved furthest keep their place, all others go back: the exact projection."""
        inside = np.clip(moved, self.low, self.high)
        distance = np.abs(inside - origin)
        if self.budget >= origin.shape[1]:
            return inside
        furthest = np.argpartition(-distance, self.budget - 1, axis=1)[:, : self.budget]
        confined = origin.copy()
        np.put_along_axis(confined, furthest, np.take_along_axis(inside, furthest, axis=1), axis=1)
        return confined

    def start(self, origin: Rows, rng: np.random.Generator) -> Rows:
        """Random inputs, each at one end of the range."""
        order = rng.random(origin.shape)
        ends = np.where(rng.random(origin.shape) < 1 / 2, self.low, self.high)
        chosen = np.argpartition(order, min(self.budget, origin.shape[1]) - 1, axis=1)[:, : self.budget]
        started = origin.copy()
        np.put_along_axis(started, chosen, np.take_along_axis(ends, chosen, axis=1), axis=1)
        return started

    def ascend(self, gradient: Rows, origin: Rows) -> Rows:
        """The inputs whose move to an end of the range gains most, by as much as the range lets them."""
        room = np.where(gradient > 0, self.high - origin, origin - self.low)
        gain = np.abs(gradient) * room
        chosen = np.argpartition(-gain, min(self.budget, gain.shape[1]) - 1, axis=1)[:, : self.budget]
        step = np.zeros_like(gradient)
        signs = np.take_along_axis(np.sign(gradient), chosen, axis=1)
        np.put_along_axis(step, chosen, signs, axis=1)
        return step


@dataclass(frozen=True, slots=True)
class Patch:
    """A square of `budget` × `budget` pixels may become anything within `low` to `high`: a sticker on an image.

    `shape` is (height, width) or (height, width, channels), in the order of the inputs.
    """

    budget: int
    low: float
    high: float
    shape: tuple[int, ...]

    @property
    def text(self) -> str:
        """In a few words."""
        return f"a patch of {self.budget} × {self.budget} pixels within {self.low:g} to {self.high:g}"

    @property
    def radius(self) -> float:
        """The widest move of one input: what a step is measured in."""
        return self.high - self.low

    def confine(self, moved: Rows, origin: Rows) -> Rows:
        """The square in which most changed keeps its changes, everything else goes back."""
        inside = np.clip(moved, self.low, self.high)
        return np.where(self._fullest(np.abs(inside - origin)), inside, origin)

    def start(self, origin: Rows, rng: np.random.Generator) -> Rows:
        """A random square, each input of it at one end of the range."""
        tall, wide = self.shape[0] - self.budget + 1, self.shape[1] - self.budget + 1
        squares = self._square(rng.integers(0, tall, len(origin)), rng.integers(0, wide, len(origin)))
        ends = np.where(rng.random(origin.shape) < 1 / 2, self.low, self.high)
        return np.where(squares, ends, origin)

    def ascend(self, gradient: Rows, origin: Rows) -> Rows:
        """The sign of the gradient, in the square whose move to the ends of the range gains most."""
        room = np.where(gradient > 0, self.high - origin, origin - self.low)
        return np.where(self._fullest(np.abs(gradient) * room), np.sign(gradient), 0.0)

    def _fullest(self, amount: Rows) -> NDArray[np.bool_]:
        """For each row the square that holds most of `amount`: bool[n, d]."""
        image = amount.reshape(len(amount), self.shape[0], self.shape[1], -1).sum(axis=3)
        sums = np.pad(image.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
        side = self.budget
        held = sums[:, side:, side:] - sums[:, :-side, side:] - sums[:, side:, :-side] + sums[:, :-side, :-side]
        best = held.reshape(len(held), -1).argmax(axis=1)
        return self._square(best // held.shape[2], best % held.shape[2])

    def _square(self, top: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.bool_]:
        down, across = np.arange(self.shape[0]), np.arange(self.shape[1])
        rows = (down >= top[:, None]) & (down < top[:, None] + self.budget)
        columns = (across >= left[:, None]) & (across < left[:, None] + self.budget)
        channels = int(np.prod(self.shape[2:], dtype=int))
        squares = np.repeat((rows[:, :, None] & columns[:, None, :])[..., None], channels, axis=3)
        return np.asarray(squares.reshape(len(top), -1))
