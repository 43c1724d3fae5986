"""Scores and gradients of a PyTorch module behind an encoding of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.float64]  # [n, d]: points, a column a raw input

# Parameters of a network whose every step is over before a second thread has woken: of 100,000 parameters, two threads
# on two busy cores took three times the processor time of one, and three times as long (25 s and 8 s).
_SMALL = 1_000_000


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
        self._small = sum(weight.numel() for weight in self._module.parameters()) <= _SMALL

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """The scores float64[n, k], and the gradient of Σ loss_slope(scores) · scores in the rows."""
        import torch

        with _one_thread_if(self._small):
            return self._pull(rows, loss_slope, torch)

    def _pull(self, rows: Rows, loss_slope: Callable[[Floats], Floats], torch: Any) -> tuple[Floats, Rows]:
        features = torch.from_numpy(self._encode(rows)).requires_grad_()
        logits = self._module(features).reshape(len(rows), -1)
        scores = logits.detach().double().numpy()
        single = scores.shape[1] == 1
        if single:
            both = np.zeros((len(rows), 2))
            both[:, self._positive] = scores[:, 0]
            scores = both
        scores = scores + self._offset
        slope = loss_slope(scores)
        logit_slope = slope[:, [self._positive]] if single else slope
        (feature_slope,) = torch.autograd.grad(logits, features, torch.from_numpy(logit_slope.astype(np.float32)))
        gradient = np.zeros_like(rows)
        numbers = len(self._scale)
        gradient[:, :numbers] = feature_slope[:, :numbers].double().numpy() / self._scale
        return scores, gradient


@contextmanager
def _one_thread_if(small: bool) -> Iterator[None]:  # noqa: FBT001 - its one argument, which its name ends with
    """PyTorch on one thread, and then on as many as before."""
    import torch

    before = torch.get_num_threads()
    if not small or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
