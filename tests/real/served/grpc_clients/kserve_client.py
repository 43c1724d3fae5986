"""KServe's client in a process of its own: python kserve_client.py ADDRESS < columns as JSON; prints the answers.

`guard` behind the address asks for the report on values that are out of range or unknown.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest


def tensor(name: str, values: list[Any]) -> Any:
    text = isinstance(values[0], str)
    made = InferInput(name, [len(values)], "BYTES" if text else "FP64")
    made.set_data_from_numpy(np.array(values, object if text else np.float64), binary_data=False)
    return made


async def main() -> None:
    columns = json.load(sys.stdin)
    client = InferenceGRPCClient(sys.argv[1])
    try:
        ready = await client.is_model_ready("census")
        inputs = [tensor(name, values) for name, values in columns.items()]
        parameters = {"guard": True} if "guard" in sys.argv[2:] else {}
        answer = await client.infer(InferRequest(model_name="census", infer_inputs=inputs, parameters=parameters))
    finally:
        await client.close()
    label, probability = answer.outputs
    labels = [value.decode() if isinstance(value, bytes) else value for value in label.as_numpy()]
    told = {"ready": ready, "label": labels, "probability": probability.as_numpy().tolist()}
    if parameters:
        report = answer.parameters["guard"]
        told["report"] = getattr(report, "string_param", report)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
