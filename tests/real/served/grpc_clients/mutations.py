"""Sends requests that are nearly right: mutations.py ADDRESS COUNT < columns as JSON; prints codes with counts."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc
from tritonclient.grpc import service_pb2

CALL = "/inference.GRPCInferenceService/ModelInfer"
TEXTS = ["", "x" * 300, "age", "FP16", "BYTES", "BOOL", "INT64", "\x00"]
NUMBERS = [-1, 0, 1, 2, 2**31, 2**62]
TIMEOUT_S = 30


def request_of(columns: dict[str, list[Any]], chance: random.Random) -> Any:
    request = service_pb2.ModelInferRequest(model_name="census", id="7")
    for name, values in columns.items():
        text = isinstance(values[0], str)
        tensor = request.inputs.add(name=name, datatype="BYTES" if text else "FP64", shape=[len(values)])
        if text:
            tensor.contents.bytes_contents.extend(value.encode() for value in values)
        else:
            tensor.contents.fp64_contents.extend(values)
    mutate = chance.choice(MUTATIONS)
    mutate(request, chance)
    return request


def renamed(request: Any, chance: random.Random) -> None:
    tensor = chance.choice(request.inputs)
    setattr(tensor, chance.choice(["name", "datatype"]), chance.choice(TEXTS))


def reshaped(request: Any, chance: random.Random) -> None:
    shape = chance.choice(request.inputs).shape
    if chance.random() < 0.5:
        shape.append(chance.choice(NUMBERS))
    else:
        shape[:] = [chance.choice(NUMBERS)]


def raw(request: Any, chance: random.Random) -> None:
    for tensor in request.inputs:
        tensor.ClearField("contents")
        request.raw_input_contents.append(bytes(chance.randrange(256) for _ in range(chance.choice([0, 3, 8, 24]))))


def refilled(request: Any, chance: random.Random) -> None:
    contents = chance.choice(request.inputs).contents
    contents.bytes_contents.append(chance.choice([b"\xff", b"", b"x" * 300]))
    contents.fp64_contents.append(chance.choice([float("nan"), float("inf"), 1e308]))
    contents.int64_contents.append(chance.choice(NUMBERS))


def doubled(request: Any, chance: random.Random) -> None:
    request.inputs.append(chance.choice(request.inputs))


def other_outputs(request: Any, chance: random.Random) -> None:
    request.outputs.add(name=chance.choice(["label", *TEXTS]))
    request.parameters["x"].CopyFrom(service_pb2.InferParameter(int64_param=chance.choice(NUMBERS)))
    request.id = chance.choice(TEXTS)


def unchanged(request: Any, chance: random.Random) -> None:
    pass


MUTATIONS: list[Callable[[Any, random.Random], None]] = [
    renamed,
    reshaped,
    raw,
    refilled,
    doubled,
    other_outputs,
    unchanged,
]


def mutated_bytes(data: bytes, chance: random.Random) -> bytes:
    """Cut, doubled, or overwritten."""
    at, until = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    noise = bytes(chance.randrange(256) for _ in range(min(until - at, 8)))
    return chance.choice([data[:at] + data[until:], data[:until] + data[at:], data[:at] + noise + data[at + 8 :]])


def main() -> None:
    columns, chance = json.load(sys.stdin), random.Random(17)
    codes: Counter[str] = Counter()
    with grpc.insecure_channel(sys.argv[1]) as channel:
        infer = channel.unary_unary(CALL)  # bytes as they are
        for turn in range(int(sys.argv[2])):
            body = request_of(columns, chance).SerializeToString()
            if turn % 2:
                body = mutated_bytes(body, chance)
            try:
                infer(body, timeout=TIMEOUT_S)
                codes["OK"] += 1
            except grpc.RpcError as error:
                codes[error.code().name] += 1
                if "Traceback" in error.details():
                    codes["traceback"] += 1
    json.dump(codes, sys.stdout)


if __name__ == "__main__":
    main()
