"""The model under attack: what anybody can ask of it, and what only who has its weights can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.losses import Codes, Floats, Loss
from seatrial.attacks.threats import Rows
from seatrial.errors import InputError


class Differentiable(Protocol):
    """A model whose scores have a slope: a framework's module, or a surrogate."""

    def pull(self, rows: Rows, weigh: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """The scores float64[n, k] of `rows`, and the gradient of Σ weigh(scores) · scores in the rows, float64[n, d].

        `weigh` gives the slope of a loss in the scores, so one pass forward and one back serve every loss.
        """
        ...


@dataclass(slots=True)
class Victim:
    """A model and how often it was asked.

    `ask` gives the scores of the model that users get (of the packaged graph: log-probabilities), float64[n, k];
    `white` is None for a model without gradients.
    """

    ask: Callable[[Rows], Floats]
    white: Differentiable | None = None
    queries: int = field(default=0)

    def scores(self, rows: Rows) -> Floats:
        """What the model answers."""
        self.queries += len(rows)
        return self.ask(rows)

    def is_broken(self, rows: Rows, actual: Codes) -> NDArray[np.bool_]:
        """Where the answer is not the true class: bool[n]."""
        return np.asarray(self.scores(rows).argmax(axis=1) != actual)

    def climb(self, rows: Rows, actual: Codes, loss: Loss) -> tuple[Floats, Floats, Rows]:
        """The scores, the loss and its gradient in the rows, by the module's weights."""
        if self.white is None:
            raise ValueError("this model has no gradients")
        found: list[Floats] = []

        def weigh(scores: Floats) -> Floats:
            value, slope = loss(scores, actual)
            found.append(value)
            return slope

        scores, gradient = self.white.pull(rows, weigh)
        self.queries += len(rows)
        if not np.isfinite(gradient).all():
            raise InputError("its gradients are NaN: nothing can follow them.", path="model", hint="Mend the module.")
        return scores, found[0], gradient
