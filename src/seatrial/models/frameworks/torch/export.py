"""PyTorch modules, by torch's own exporter."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.agreement import probabilities_of
from seatrial.models.columns import number_column
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.frameworks.exported_logits import ExportedModel
from seatrial.models.frameworks.probability_nodes import with_probabilities
from seatrial.models.frameworks.silence import silence
from seatrial.models.graph import OPSET
from seatrial.models.safety import first_line
from seatrial.models.trained import Trained
from seatrial.models.trained_signature import signature_of

_EXAMPLE_ROWS = 2  # of one row, an exporter would take the number of rows for a constant


def is_module(value: object) -> bool:
    """Whether it is a PyTorch module: other types of PyTorch cannot be exported."""
    import torch

    return isinstance(value, torch.nn.Module)


def own_names(fitted: Any) -> None:  # noqa: ARG001  # an `Exporter`'s
    """A module knows no names of columns."""
    return


def convert(trained: Trained, rows: pa.Table, inputs: tuple[str, ...]) -> ConvertedModel:  # noqa: ARG001
    """The module for a float32 matrix of the columns `inputs`, with probabilities behind its logits."""
    exported = export_torch(trained.fitted, len(inputs))
    signature = signature_of(trained)
    count = len(signature.classes)
    place = signature.classes.index(signature.positive) if signature.positive is not None else 1

    def answer(rows: pa.Table, names: tuple[str, ...]) -> NDArray[np.float64]:
        matrix = np.column_stack([number_column(rows, name) for name in names]).astype(np.float32)
        logits = exported.answer(matrix)
        if not count:
            return logits
        return probabilities_of(logits.reshape(len(logits), -1), signature)

    return ConvertedModel(
        with_probabilities(exported.model, classes=count, place=place) if count else exported.model,
        signature.task,
        features=inputs,
        classes=signature.classes or None,
        answer=answer,
        library="PyTorch",
    )


def export_torch(fitted: Any, width: int) -> ExportedModel:  # a torch module, of a library without types
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

    return ExportedModel(program.model_proto, answer, tensors)
