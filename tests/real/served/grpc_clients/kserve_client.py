"""KServe's client in a process of its own: python kserve_client.py ADDRESS < columns as JSON; prints the answers."""

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
        answer = await client.infer(InferRequest(model_name="census", infer_inputs=inputs))
    finally:
        await client.close()
    label, probability = answer.outputs
    labels = [value.decode() if isinstance(value, bytes) else value for value in label.as_numpy()]
    json.dump({"ready": ready, "label": labels, "probability": probability.as_numpy().tolist()}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
