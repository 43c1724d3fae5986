"""Triton's client in a process of its own: python triton.py ADDRESS < columns as JSON; prints what it was told.

`guard` behind the address asks for the report on values that are out of range or unknown. KServe's stubs and Triton's
describe the same messages: one process cannot load both.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import tritonclient.grpc as grpc

START_S = 60


def tensor(name: str, values: list[Any]) -> Any:
    text = isinstance(values[0], str)
    made = grpc.InferInput(name, [len(values)], "BYTES" if text else "FP64")
    made.set_data_from_numpy(np.array(values, object if text else np.float64))
    return made


def refusal(client: Any, model: str, inputs: list[Any], **options: Any) -> str:
    try:
        client.infer(model, inputs, **options)
    except grpc.InferenceServerException as error:
        return f"{error.status()}: {error.message()}"
    return "answered"


def wait(client: Any) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if client.is_server_live(client_timeout=1):
                return
        except grpc.InferenceServerException:
            time.sleep(0.1)
    raise SystemExit("the server is not live")


def main() -> None:
    client = grpc.InferenceServerClient(sys.argv[1])
    wait(client)
    columns = json.load(sys.stdin)
    inputs = [tensor(name, values) for name, values in columns.items()]
    if "guard" in sys.argv[2:]:
        answer = client.infer("census", inputs, parameters={"guard": True})
        told = {
            "label": [label.decode() for label in answer.as_numpy("label")],
            "report": answer.get_response().parameters["guard"].string_param,
            "text": refusal(client, "census", inputs, parameters={"guard": "yes"}),
        }
        client.close()
        json.dump(told, sys.stdout)
        return
    answer = client.infer("census", inputs)
    only = client.infer("census", inputs, outputs=[grpc.InferRequestedOutput("label")])
    wrong = grpc.InferInput("age", [1], "BYTES")
    wrong.set_data_from_numpy(np.array(["a"], object))
    told = {
        "label": [label.decode() for label in answer.as_numpy("label")],
        "probability": answer.as_numpy("probability").tolist(),
        "only": [output.name for output in only.get_response().outputs],
        "ready": [client.is_server_ready(), client.is_model_ready("census", "1")],
        "name": client.get_server_metadata().name,
        "outputs": [output.name for output in client.get_model_metadata("census").outputs],
        "missing": refusal(client, "census", inputs[:-1]),
        "other": refusal(client, "other", inputs),
        "wrong": refusal(client, "census", [wrong, *inputs[1:]]),
    }
    client.close()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
