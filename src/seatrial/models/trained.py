"""What a training step hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.models.codec import Codec


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted model and what turns it into answers; the exporter is chosen by the type of `fitted`.

    With a `codec`, `fitted` takes float32[n, codec.width]; without one it takes the raw columns itself: those that it
    was fitted on by name (scikit-learn, XGBoost, LightGBM), or else the matrix of the columns `inputs`.

    `fitted` is one of these:

    - a PyTorch module that gives logits[n] (binary) or logits[n, classes], or values[n] where there are no classes
      (a regression);
    - the bytes of an ONNX model: behind a codec with the same contract, without one of any form that is tried;
    - an estimator or pipeline of scikit-learn, which may end in a model of XGBoost or LightGBM;
    - a model of XGBoost, LightGBM or CatBoost;
    - a Keras model that ends in a sigmoid (of the second class), a softmax, logits or values.

    Where it knows its classes, `classes` may name them in its order, or be left out. `threshold` is the least
    probability that is answered `positive`; it belongs to two classes.
    """

    fitted: object
    codec: Codec | None = None
    classes: tuple[str, ...] = ()
    positive: str | None = None
    threshold: float = 0.5
    inputs: tuple[str, ...] = ()
    factory: Callable[..., object] | None = None
    arguments: Mapping[str, bool | int | float | str] = field(default_factory=dict)
