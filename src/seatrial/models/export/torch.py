"""PyTorch modules, by torch's own exporter."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.export.exported import Exported
from seatrial.models.export.silence import silence
from seatrial.models.graph import OPSET
from seatrial.models.safety import first_line

_EXAMPLE_ROWS = 2  # of one row, an exporter would take the number of rows for a constant


def export_torch(fitted: Any, width: int) -> Exported:  # a torch module, of a library without types
    """The module for float32 rows of this width; `InputError` where torch cannot export it."""
    import torch

    module = copy.deepcopy(fitted).cpu().eval()
    example = torch.zeros(_EXAMPLE_ROWS, width)
    try:
        with silence():
            # Not optimised: folding would change the tensors, and onnxruntime optimises when it loads.
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                optimize=False,
                verbose=False,
                opset_version=OPSET,
                input_names=["features"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("rows")},),
            )
    except Exception as error:  # noqa: BLE001  # torch raises errors of many kinds, all of them about this module
        raise InputError(
            f"torch could not export {type(fitted).__qualname__} to ONNX for float32 rows of width {width}: "
            f"{first_line(error.__cause__ or error)}",
            path="Trained.fitted",
            hint="Its forward takes one tensor, the features, and gives one; or export it to ONNX yourself and give "
            "the bytes.",
        ) from None
    tensors = {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}

    def answer(features: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.no_grad():
            return np.asarray(module(torch.from_numpy(features)).double().numpy())

    return Exported(program.model_proto, answer, tensors)
