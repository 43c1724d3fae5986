"""The model under attack: black-box access (its answers) and, where its weights are known, white-box access."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.losses import Codes, Floats, Loss
from seatrial.attacks.threats import Rows
from seatrial.errors import InputError


class Differentiable(Protocol):
    """A model whose scores have a slope: a framework's module, or a surrogate."""

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """The scores float64[n, k] of `rows`, and the gradient float64[n, d] of Σ loss_slope(scores) · scores in them.

        `loss_slope` gives the slope of a loss in the scores, so one pass forward and one back serve every loss.
        """
        ...


class OutOfTime(Exception):
    """The time for attacks is spent."""


@dataclass(slots=True)
class TargetModel:
    """A model and how often it was asked.

    `black_box` gives the scores of the model that users get (of the packaged graph: log-probabilities), float64[n, k];
    `white_box` is None for a model without gradients.
    """

    black_box: Callable[[Rows], Floats]
    white_box: Differentiable | None = None
    queries: int = field(default=0)
    deadline: float = math.inf  # of `monotonic()`: what is asked later raises `OutOfTime`

    def scores(self, rows: Rows) -> Floats:
        """What the model answers."""
        if monotonic() > self.deadline:
            raise OutOfTime
        self.queries += len(rows)
        return self.black_box(rows)

    def is_broken(self, rows: Rows, actual: Codes) -> NDArray[np.bool_]:
        """Where the answer is not the true class: bool[n]."""
        return np.asarray(self.scores(rows).argmax(axis=1) != actual)

    def loss_and_gradient(self, rows: Rows, actual: Codes, loss: Loss) -> tuple[Floats, Floats, Rows]:
        """The scores, the loss and its gradient in the rows, by the module's weights."""
        if self.white_box is None:
            raise ValueError("this model has no gradients")
        if monotonic() > self.deadline:
            raise OutOfTime
        losses: list[Floats] = []

        def loss_slope(scores: Floats) -> Floats:
            value, slope = loss(scores, actual)
            losses.append(value)
            return slope

        scores, gradient = self.white_box.scores_and_gradient(rows, loss_slope)
        self.queries += len(rows)
        if not np.isfinite(gradient).all():
            raise InputError(
                "The model's gradients are NaN, so no attack can follow them.", path="model", hint="Correct the module."
            )
        return scores, losses[0], gradient
