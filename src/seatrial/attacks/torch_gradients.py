"""Scores and gradients of a PyTorch module behind a codec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seatrial.attacks.losses import Floats
from seatrial.attacks.threats import Rows


class TorchGradients:
    """A `Differentiable` over a module that maps float32[n, d] to logits [n], [n, 1] or [n, k].

    `mean` and `scale` are the codec's, so that rows and gradients are in the units of the raw inputs. One logit is
    that of the class `positive`, against a 0.
    """

    def __init__(self, module: Any, mean: Floats, scale: Floats, *, positive: int = 1) -> None:
        self._module = module.eval()
        self._mean, self._scale = mean, scale
        self._positive = positive

    def pull(self, rows: Rows, weigh: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """The scores, and the gradient of Σ weigh(scores) · scores in the rows."""
        import torch

        features = torch.from_numpy(((rows - self._mean) / self._scale).astype(np.float32)).requires_grad_()
        logits = self._module(features)
        single = logits.ndim == 1 or logits.shape[1] == 1
        flat = logits.reshape(len(rows), -1)
        scores = flat.detach().double().numpy()
        if single:
            both = np.zeros((len(rows), 2))
            both[:, self._positive] = scores[:, 0]
            scores = both
        slope = weigh(scores)
        wanted = slope[:, [self._positive]] if single else slope
        (gradient,) = torch.autograd.grad(flat, features, torch.from_numpy(wanted.astype(np.float32)))
        return scores, gradient.double().numpy() / self._scale
