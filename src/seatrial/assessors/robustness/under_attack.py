"""What attacks need besides answers: the model itself, rows to start from, and what an attacker may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.attacks.input_space import InputSpace
from seatrial.attacks.target_model import Differentiable
from seatrial.attacks.tree_search import TreeSearch
from seatrial.models.predictor import Predictor
from seatrial.models.signature import Signature
from seatrial.verdicts.policy.threat import ThreatModel

Differentiated = Callable[[InputSpace], Differentiable]
_LEAST = 1e-300  # of a probability: its logarithm stays finite


@dataclass(frozen=True, slots=True)
class UnderAttack:
    """A model with rows that are attacked: a sample of the measured ones, with label and groups.

    `seen` are rows of another role that fix the ranges which a threat leaves open (None: the attacked ones). Without
    `differentiated` the model is a black box, for the reason given.
    """

    predictor: Predictor
    rows: pa.Table
    of_rows: int  # measured rows that `rows` are a sample of
    threats: Mapping[str, ThreatModel]
    seen: pa.Table | None = None
    differentiated: Differentiated | None = None
    gradients_exist: bool = False  # although none are here: with its framework installed, attacks could follow them
    trees: Callable[[InputSpace], TreeSearch | None] = field(default=lambda _space: None)  # the model as trees
    why_black_box: str = "only the model's answers are known"
    on_progress: Callable[[str], None] = field(default=lambda _doing: None)


def scores_of(signature: Signature, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-probabilities whose largest is the class that the model answers, whatever its threshold: float64[n, k]."""
    return np.asarray(np.log(np.maximum(probabilities, _LEAST)) + offset_of(signature))


def offset_of(signature: Signature) -> NDArray[np.float64]:
    """What makes the largest score that of the answered class: the log-odds of the threshold, taken from the positive.

    p ≥ t exactly where log p − log t ≥ log (1 − p) − log (1 − t).
    """
    offset = np.zeros(len(signature.classes))
    if signature.threshold is not None and signature.positive is not None and 0 < signature.threshold < 1:
        place = signature.classes.index(signature.positive)
        offset[place] = -np.log(signature.threshold)
        offset[1 - place] = -np.log1p(-signature.threshold)
    return offset
