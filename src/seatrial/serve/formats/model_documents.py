"""What the server says of its model: metadata, configuration, index and statistics of the Open Inference Protocol.

https://github.com/triton-inference-server/server/blob/main/docs/protocol (model configuration, repository, statistics)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from seatrial.models.signature import Signature, output_names
from seatrial.serve.formats.open_inference import ANNOUNCED
from seatrial.serve.observation.counts import Counts, Timing

PLATFORM, BACKEND = "onnxruntime_onnx", "onnxruntime"


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


def model_config(signature: Signature, *, model: str) -> dict[str, object]:
    """The model's configuration, in the terms of Triton's; the batch is the only dimension of a column."""

    def tensor(item: dict[str, Any]) -> dict[str, object]:
        datatype = "STRING" if item["datatype"] == "BYTES" else item["datatype"]
        return {"name": item["name"], "data_type": f"TYPE_{datatype}", "dims": item["shape"]}

    metadata: dict[str, Any] = model_metadata(signature, model=model, version="")
    return {
        "name": model,
        "platform": PLATFORM,
        "backend": BACKEND,
        "max_batch_size": 0,  # the shapes name the batch themselves
        "input": [tensor(item) for item in metadata["inputs"]],
        "output": [tensor(item) for item in metadata["outputs"]],
    }


def repository_index(*, model: str, version: str, ready: bool) -> list[dict[str, object]]:
    """The one model there is, and its state."""
    state = "READY" if ready else "UNAVAILABLE"
    return [{"name": model, "version": version, "state": state, "reason": "" if ready else "the server is ending"}]


def model_statistics(counts: Counts, *, model: str, version: str) -> dict[str, object]:
    """The model's statistics since the server began."""

    def timing(value: Timing) -> dict[str, int]:
        return {"count": value.count, "ns": round(value.seconds * 1e9)}

    return {
        "model_stats": [
            {
                "name": model,
                "version": version,
                "last_inference": round(counts.last_run * 1000),
                "inference_count": counts.rows,
                "execution_count": counts.runs.count,
                "inference_stats": {
                    "success": timing(counts.answered),
                    "fail": timing(counts.failed),
                    "compute_infer": timing(counts.runs),
                },
            }
        ]
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
