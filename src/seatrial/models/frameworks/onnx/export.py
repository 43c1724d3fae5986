"""ONNX bytes of logits that the training step exported itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.frameworks.exported_logits import ExportedModel
from seatrial.models.safety import read_model
from seatrial.models.sessions import open_session


def export_onnx(data: bytes) -> ExportedModel:
    """The bytes as they are; onnxruntime answers for them alone, without the codec and the answers behind."""
    try:
        model = read_model(data, functions=True)
    except ValueError as error:
        raise InputError(
            f"these {len(data)} bytes are not a valid ONNX model: {error}.",
            path="Trained.fitted",
            hint="Give the content of a .onnx file, in one piece.",
        ) from None
    session = open_session(data, path="Trained.fitted")

    def answer(features: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(session.run(None, {session.get_inputs()[0].name: features})[0], np.float64)

    return ExportedModel(model, answer)
