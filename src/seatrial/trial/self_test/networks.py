"""A small network with gradients in plain NumPy, and the ways in which defences have fooled their authors.

The masks are those of Athalye, Carlini & Wagner (2018), "Obfuscated gradients give a false sense of security", and of
Wong, Rice & Kolter (2020) on single-step training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from seatrial.attacks.losses import Codes, Floats, cross_entropy
from seatrial.attacks.threats import Rows, Threat
from seatrial.trial.self_test.draws import Seed

GRID = 16  # inputs are multiples of 1/16, as scanned pixels are
_HIDDEN = 64
_EPOCHS, _BATCH, _RATE = 60, 64, 5e-3
_ASCENTS = 7  # steps of the attack that a robust network is trained on, as in Madry et al. (2018)


class Model(Protocol):
    """What users get, by `ask` as log-probabilities, and what an attacker with the weights computes."""

    def ask(self, rows: Rows) -> Floats:
        """Log-probabilities, float64[n, k]."""
        scores = self._scores(rows)
        shifted = scores - scores.max(axis=1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """Scores, and the gradient of Σ loss_slope(scores) · scores in the rows."""
        ...

    def _scores(self, rows: Rows) -> Floats: ...


@dataclass(slots=True)
class Network(Model):
    """One hidden layer of ReLU."""

    first: Floats
    shift: Floats
    second: Floats
    level: Floats

    def _scores(self, rows: Rows) -> Floats:
        return np.asarray(np.maximum(rows @ self.first + self.shift, 0) @ self.second + self.level)

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """Exact."""
        hidden = np.maximum(rows @ self.first + self.shift, 0)
        scores = hidden @ self.second + self.level
        back = (loss_slope(scores) @ self.second.T) * (hidden > 0)
        return scores, back @ self.first.T


def blobs(rows: int, *, seed: Seed, inputs: int = 12, classes: int = 3) -> tuple[Rows, Codes]:
    """Classes around corners of a cube, on the grid and within 0 to 1."""
    layout = np.random.default_rng(1)  # where the classes lie: the same for every sample
    corners = 0.3 + 0.4 * (layout.random((classes, inputs)) < 1 / 2)
    rng = np.random.default_rng(seed)
    actual = rng.integers(0, classes, rows)
    noisy = corners[actual] + rng.normal(0.0, 0.12, (rows, inputs))
    return np.round(np.clip(noisy, 0, 1) * GRID) / GRID, actual.astype(np.int64)


def fitted(rows: Rows, actual: Codes, *, seed: int, threat: Threat | None = None) -> Network:
    """A network by Adam (Kingma & Ba 2015); with a threat, on the worst examples that PGD finds (Madry et al. 2018)."""
    rng = np.random.default_rng(seed)
    width, classes = rows.shape[1], int(actual.max()) + 1
    network = Network(
        rng.normal(0, np.sqrt(2 / width), (width, _HIDDEN)),
        np.zeros(_HIDDEN),
        rng.normal(0, np.sqrt(2 / _HIDDEN), (_HIDDEN, classes)),
        np.zeros(classes),
    )
    state = [(np.zeros_like(value), np.zeros_like(value)) for value in _parameters(network)]
    count = 0
    for _ in range(_EPOCHS):
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), _BATCH):
            chosen = order[start : start + _BATCH]
            batch, truth = rows[chosen], actual[chosen]
            if threat is not None:
                batch = _worst(network, batch, truth, threat, rng)
            count += 1
            _step(network, _slopes(network, batch, truth), state, count)
    return network


def _worst(network: Network, origin: Rows, actual: Codes, threat: Threat, rng: np.random.Generator) -> Rows:
    moved = threat.start(origin, rng)
    for _ in range(_ASCENTS):
        _, gradient = network.scores_and_gradient(moved, lambda scores: cross_entropy(scores, actual)[1])
        moved = threat.confine(moved + threat.radius / 2 * threat.ascend(gradient, origin), origin)
    return moved


def _parameters(network: Network) -> list[Floats]:
    return [network.first, network.shift, network.second, network.level]


def _slopes(network: Network, rows: Rows, actual: Codes) -> list[Floats]:
    hidden = np.maximum(rows @ network.first + network.shift, 0)
    _, slope = cross_entropy(hidden @ network.second + network.level, actual)
    slope = slope / len(rows)
    back = (slope @ network.second.T) * (hidden > 0)
    return [rows.T @ back, back.sum(axis=0), hidden.T @ slope, slope.sum(axis=0)]


def _step(network: Network, slopes: list[Floats], state: list[tuple[Floats, Floats]], count: int) -> None:
    mean_decay, square_decay, floor = 0.9, 0.999, 1e-8  # Adam's own
    for value, slope, (mean, square) in zip(_parameters(network), slopes, state, strict=True):
        mean += (1 - mean_decay) * (slope - mean)
        square += (1 - square_decay) * (slope**2 - square)
        unbiased = mean / (1 - mean_decay**count)
        value -= _RATE * unbiased / (np.sqrt(square / (1 - square_decay**count)) + floor)


@dataclass(slots=True)
class Quantised(Model):
    """The inputs are rounded before the network sees them: the true gradient is 0 almost everywhere."""

    inner: Network
    levels: int = 4

    def _scores(self, rows: Rows) -> Floats:
        return self.inner._scores(np.round(rows * self.levels) / self.levels)

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """Zero, as automatic differentiation has it."""
        scores = self._scores(rows)
        loss_slope(scores)
        return scores, np.zeros_like(rows)


@dataclass(slots=True)
class Saturated(Model):
    """The scores are so large that the softmax is 0 or 1, and the slope of its cross-entropy 0."""

    inner: Network
    factor: float = 1e5

    def _scores(self, rows: Rows) -> Floats:
        return self.inner._scores(rows) * self.factor

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """Exact; what vanishes is the slope of the loss."""

        def outer(scores: Floats) -> Floats:
            return loss_slope(scores * self.factor) * self.factor

        scores, gradient = self.inner.scores_and_gradient(rows, outer)
        return scores * self.factor, gradient


@dataclass(slots=True)
class Randomised(Model):
    """Each answer is for another, noisy copy of the input."""

    inner: Network
    rng: np.random.Generator
    spread: float = 0.25

    def _scores(self, rows: Rows) -> Floats:
        return self.inner._scores(rows + self.rng.normal(0, self.spread, rows.shape))

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """Of one draw."""
        return self.inner.scores_and_gradient(rows + self.rng.normal(0, self.spread, rows.shape), loss_slope)


@dataclass(slots=True)
class TableLookup(Model):
    """The first layer looks inputs up in a table of steps, and a straight line stands in for its derivative."""

    inner: Network
    steps: int = 8

    def _scores(self, rows: Rows) -> Floats:
        return self.inner._scores(np.floor(rows * self.steps) / self.steps + 0.5 / self.steps)

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """A constant: the same for every input, whatever the answer."""
        scores = self._scores(rows)
        loss_slope(scores)
        return scores, np.ones_like(rows)


@dataclass(slots=True)
class Rippled(Model):
    """A ripple on each input turns the gradient around exactly at the points of the grid: single steps go astray."""

    inner: Network
    ripples: int = 4  # a point of the grid is that many waves from the next
    depth: float = 1.6

    def _bent(self, rows: Rows) -> Rows:
        wave = 2 * np.pi * GRID * self.ripples
        return np.asarray(rows - self.depth / wave * np.sin(wave * rows))

    def _scores(self, rows: Rows) -> Floats:
        return self.inner._scores(self._bent(rows))

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """Exact."""
        wave = 2 * np.pi * GRID * self.ripples
        scores, gradient = self.inner.scores_and_gradient(self._bent(rows), loss_slope)
        return scores, gradient * (1 - self.depth * np.cos(wave * rows))
