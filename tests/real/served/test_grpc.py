"""The protocol over gRPC, by Triton's and KServe's own clients, each in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import END_TIMEOUT_S, Sea, rows
from .test_clients import values_of

CLIENTS = Path(__file__).parent / "grpc_clients"
TABLE = rows(40, 6)
MESSAGES = 2400

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tritonclient") is None, reason="tritonclient[grpc] is not installed"
)


@pytest.fixture(scope="module")
def address(sea: Sea) -> Iterator[str]:
    process = subprocess.Popen(
        sea.command("serve", "--port", "0", "--grpc-port", "0", "--drain", "0"),
        env=sea.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        http = process.stdout.readline().removeprefix("Serving census@1 at ").strip()
        yield process.stdout.readline().removeprefix("gRPC at ").strip()
        metrics = httpx.get(f"{http}/metrics", timeout=END_TIMEOUT_S).text
        assert 'seatrial_request_duration_seconds_count{outcome="answered",route="grpc_infer"}' in metrics
        process.terminate()
        assert process.wait(END_TIMEOUT_S) == 0
    finally:
        process.kill()
        process.communicate(timeout=END_TIMEOUT_S)


def told_to(client: str, sea: Sea, address: str, *options: str) -> dict[str, Any]:
    columns = {
        column.name: values_of(TABLE, column.name, column.kind).tolist() for column in sea.predictor.signature.inputs
    }
    done = subprocess.run(
        [sys.executable, str(CLIENTS / client), address, *options],
        input=json.dumps(columns),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_tritons_client_is_answered_and_told_what_is_wrong(sea: Sea, address: str) -> None:
    told, expected = told_to("triton.py", sea, address), sea.predictor.predict(TABLE)
    assert told["label"] == list(expected.labels)
    assert expected.probabilities is not None
    assert told["probability"] == expected.probabilities.tolist()
    assert told["only"] == ["label"]
    assert (told["ready"], told["name"], told["outputs"]) == ([True, True], "seatrial", ["label", "probability"])
    assert told["missing"].startswith("StatusCode.INVALID_ARGUMENT: inputs: input 'größe' is missing")
    assert told["other"].startswith("StatusCode.NOT_FOUND: This server does not have model 'other'")
    assert told["wrong"].startswith("StatusCode.INVALID_ARGUMENT: inputs[0].datatype: input 'age' is a number")


@pytest.mark.skipif(importlib.util.find_spec("kserve") is None, reason="kserve is not installed")
def test_kserves_client_is_answered(sea: Sea, address: str) -> None:
    told, expected = told_to("kserve_client.py", sea, address), sea.predictor.predict(TABLE)
    assert told["ready"]
    assert told["label"] == list(expected.labels)
    assert expected.probabilities is not None
    assert told["probability"] == expected.probabilities.tolist()


def test_no_message_is_a_fault(sea: Sea, address: str) -> None:
    codes = told_to("mutations.py", sea, address, str(MESSAGES))
    assert codes.keys() <= {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"}, codes
    assert sum(codes.values()) == MESSAGES
    assert codes["OK"] > MESSAGES / 50
    assert codes["INVALID_ARGUMENT"] > MESSAGES / 4


def test_a_grpc_port_that_is_taken_says_so(sea: Sea, address: str) -> None:
    done = subprocess.run(
        sea.command("serve", "--port", "0", "--grpc-port", address.rsplit(":", 1)[1]),
        env=sea.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert f"{address}: the server cannot listen there" in done.stderr
