"""Scores and gradients of a PyTorch module behind an encoding of its inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.losses import Floats
from seatrial.attacks.threats import Rows


class TorchGradients:
    """A `Differentiable` over a module that maps float32[n, w] features to logits [n], [n, 1] or [n, k].

    `encode` gives the features of points float64[n, d]; feature j of the first len(`scale`) is point j divided by
    `scale[j]`, whatever its centre, and no other feature has a slope in the points. `offset` float64[k] is added to
    the scores, so that the largest is the class that is answered; one logit is that of class `positive` against a 0.
    """

    def __init__(
        self,
        module: Any,
        encode: Callable[[Rows], NDArray[np.float32]],
        scale: Floats,
        *,
        offset: Floats,
        positive: int = 1,
    ) -> None:
        self._module = module.eval()
        self._encode, self._scale = encode, scale
        self._offset, self._positive = offset, positive

    def pull(self, rows: Rows, weigh: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """The scores float64[n, k], and the gradient of Σ weigh(scores) · scores in the rows."""
        import torch

        features = torch.from_numpy(self._encode(rows)).requires_grad_()
        logits = self._module(features).reshape(len(rows), -1)
        scores = logits.detach().double().numpy()
        single = scores.shape[1] == 1
        if single:
            both = np.zeros((len(rows), 2))
            both[:, self._positive] = scores[:, 0]
            scores = both
        scores = scores + self._offset
        slope = weigh(scores)
        wanted = slope[:, [self._positive]] if single else slope
        (found,) = torch.autograd.grad(logits, features, torch.from_numpy(wanted.astype(np.float32)))
        gradient = np.zeros_like(rows)
        numbers = len(self._scale)
        gradient[:, :numbers] = found[:, :numbers].double().numpy() / self._scale
        return scores, gradient
