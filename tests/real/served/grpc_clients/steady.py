"""Asks each server without a pause until it is not ready: python steady.py; a line of JSON in, two lines out.

In: {"address": ADDRESS, "columns": {…}, "label": […]}. Out: "asking", then as JSON how often each outcome was met.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import tritonclient.grpc as grpc
from triton import tensor, wait  # type: ignore[import-untyped]  # the script beside this one

CLIENTS = 2
CALLS = 5  # between two looks whether it is ready


def ask_while_ready(address: str, columns: dict[str, list[Any]], label: list[str]) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    inputs = [tensor(name, values) for name, values in columns.items()]
    # A channel of its own, with a connection of its own: gRPC shares them otherwise.
    client = grpc.InferenceServerClient(address, channel_args=[("grpc.use_local_subchannel_pool", 1)])
    wait(client)
    try:
        while client.is_server_ready():
            for _ in range(CALLS):
                answer = client.infer("census", inputs, client_timeout=30)
                right = [text.decode() for text in answer.as_numpy("label")] == label
                outcomes["answered" if right else "wrong"] += 1
    except grpc.InferenceServerException as error:
        outcomes[f"{error.status()}: {error.message()}"] += 1
    finally:
        client.close()
    return outcomes


def main() -> None:
    for line in sys.stdin:
        task = json.loads(line)
        with ThreadPoolExecutor(CLIENTS) as clients:
            print("asking", flush=True)
            asking = [
                clients.submit(ask_while_ready, task["address"], task["columns"], task["label"]) for _ in range(CLIENTS)
            ]
            outcomes: Counter[str] = Counter()
            for one in asking:
                outcomes += one.result()
        print(json.dumps(outcomes), flush=True)


if __name__ == "__main__":
    main()
