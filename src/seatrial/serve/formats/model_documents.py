"""What the server says of its model: metadata, configuration and statistics of the Open Inference Protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence

from seatrial.models.signature import Signature, output_names
from seatrial.serve.formats.open_inference import ANNOUNCED

PLATFORM = "onnxruntime_onnx"


def model_metadata(signature: Signature, *, model: str, version: str) -> dict[str, object]:
    """The metadata of the model: names, datatypes and shapes of what it takes and gives.

    The classes, in the order of the probabilities, are a parameter of that output.
    """
    return {
        "name": model,
        "versions": [version],
        "platform": PLATFORM,
        "inputs": [
            {"name": column.name, "datatype": ANNOUNCED[column.kind], "shape": [-1]} for column in signature.inputs
        ],
        "outputs": _outputs(signature),
    }


def _outputs(signature: Signature) -> Sequence[dict[str, object]]:
    outputs: list[dict[str, object]] = []
    for name in output_names(signature):
        output: dict[str, object] = {"name": name, "datatype": "FP64", "shape": [-1]}
        if name == "label":
            output["datatype"] = "BYTES"
        if name == "probability":
            output["shape"] = [-1, len(signature.classes)]
            output["parameters"] = {"classes": json.dumps(signature.classes, ensure_ascii=False)}
        outputs.append(output)
    return outputs
