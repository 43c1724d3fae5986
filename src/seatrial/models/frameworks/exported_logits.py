"""What an exporter of logits behind a codec hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

Answer = Callable[[NDArray[np.float32]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A model as ONNX (float32[n, width] → logits), the tensors it was fitted to, and the framework's own answers."""

    model: onnx.ModelProto
    answer: Answer  # features float32[n, width] → logits float64, by the framework
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)
