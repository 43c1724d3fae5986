"""What a training step hands over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.models.codec import Codec


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted model and what turns it into answers; the exporter is chosen by the type of `fitted`.

    `fitted`: a PyTorch module that maps float32[n, codec.width] to logits[n] (binary) or logits[n, classes], or to
    values[n] where there are no classes (regression); or the bytes of an ONNX model with the same contract.
    `threshold` is the least probability that is answered `positive`; it belongs to two classes.
    """

    fitted: object
    codec: Codec
    classes: tuple[str, ...] = ()
    positive: str | None = None
    threshold: float = 0.5
