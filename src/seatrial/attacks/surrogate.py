"""A model of the model: fitted to answers alone, so that gradients can be had where there are none (transfer)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seatrial.attacks.losses import Floats
from seatrial.attacks.threats import Rows

_FEATURES = 512  # random ReLU features: enough to follow a tabular model, and solved in a moment
_RIDGE = 1e-3


class Surrogate:
    """Scores as a linear map of random ReLU features (Rahimi & Recht 2008), by ridge regression on the answers."""

    def __init__(self, rows: Rows, scores: Floats, *, seed: int) -> None:
        """`rows` float64[n, d] and the target's `scores` for them, float64[n, k]."""
        rng = np.random.default_rng(seed)
        self._centre = rows.mean(axis=0)
        self._spread = np.maximum(rows.std(axis=0), np.finfo(np.float32).eps)
        standard = (rows - self._centre) / self._spread
        width = rows.shape[1]
        self._weights = rng.standard_normal((width, _FEATURES)) / np.sqrt(width)
        self._shifts = rng.standard_normal(_FEATURES)
        features = self._features(standard)
        centred = scores - scores.mean(axis=1, keepdims=True)  # only differences of scores decide
        gram = features.T @ features + _RIDGE * len(rows) * np.eye(features.shape[1])
        self._map = np.linalg.solve(gram, features.T @ centred)

    def scores_and_gradient(self, rows: Rows, loss_slope: Callable[[Floats], Floats]) -> tuple[Floats, Rows]:
        """The surrogate's scores, and the gradient of Σ loss_slope(scores) · scores in the rows."""
        standard = (rows - self._centre) / self._spread
        features = self._features(standard)
        scores = features @ self._map
        back = loss_slope(scores) @ self._map.T
        width = standard.shape[1]
        hidden = back[:, width + 1 :] * (features[:, width + 1 :] > 0)
        gradient = back[:, 1 : width + 1] + hidden @ self._weights.T
        return scores, gradient / self._spread

    def _features(self, standard: Rows) -> Floats:
        hidden = np.maximum(standard @ self._weights + self._shifts, 0.0)
        return np.concatenate([np.ones((len(standard), 1)), standard, hidden], axis=1)
