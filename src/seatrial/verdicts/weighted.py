"""Bounds on means in which a row stands for several people."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounded import LARGEST_BET, last_rejected
from seatrial.verdicts.interval import Interval
from seatrial.verdicts.special import Floats


def weighted_mean(
    values: ArrayLike, weights: ArrayLike, *, low: float, high: float, confidence: float, seed: int
) -> Interval:
    """Σ w x / Σ w with bounds on E[w x] / E[w], each one-sided at `confidence`; values within [low, high]."""
    raise NotImplementedError
