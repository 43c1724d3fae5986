"""`serve --guard`: values that are out of range or unknown, told to people's own clients; a server without it."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from .conftest import END_TIMEOUT_S, RANGES, Sea, Server, rows
from .test_clients import DATATYPES, triton_inputs, values_of
from .test_grpc import TABLE, told_to
from .test_served_release import INFER, request_of

STRANGE = pa.table(
    {
        "age": [30.0, 130.0, None],
        "hours per week": [40, 40, 100],
        "sex": ["Female", "?", "Male"],
        "größe": ["klein", "大", "groß"],
    }
)
WHOLE = STRANGE.set_column(0, "age", pa.array([30.0, 130.0, 50.0]))  # clients have no word for a missing number in JSON
EXPECTED = [
    {"row": 1, "column": "age", "value": 130.0, "range": [17.0, 90.0]},
    {"row": 1, "column": "sex", "value": "?", "unknown": True},
    {"row": 2, "column": "hours per week", "value": 100.0, "range": [1.0, 99.0]},
    {"row": 2, "column": "größe", "value": "groß", "unknown": True},
]


@pytest.fixture(scope="module")
def guarded(sea: Sea) -> Iterator[tuple[str, str]]:
    """The addresses, HTTP's and gRPC's, of a server that reports."""
    process = subprocess.Popen(
        sea.command("serve", "--port", "0", "--grpc-port", "0", "--drain", "0"),
        env={**sea.environment, "SEATRIAL_SERVE_GUARD": "true"},  # as Azure ML starts it
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        http = process.stdout.readline().removeprefix("Serving census@1 at ").strip()
        yield http, process.stdout.readline().removeprefix("gRPC at ").strip()
        process.terminate()
        _, errors = process.communicate(timeout=END_TIMEOUT_S)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.communicate(timeout=END_TIMEOUT_S)


def count_by_hand(table: pa.Table, sea: Sea) -> dict[str, int]:
    counts = {
        name: int(np.sum((v := values_of(table, name, "number")) < low) + np.sum(v > high))
        for name, (low, high) in RANGES.items()
    }
    known = {"sex": {"Female", "Male"}, "größe": {"klein", "大"}}
    counts |= {
        name: sum(value not in texts for value in values_of(table, name, "text")) for name, texts in known.items()
    }
    return {name: count for name, count in counts.items() if count}


def test_rows_as_json_and_csv_are_reported_on_and_answered_the_same(
    sea: Sea, guarded: tuple[str, str], server: Server
) -> None:
    source = io.BytesIO()
    pyarrow.csv.write_csv(STRANGE, source)
    for body, kind in ((json.dumps(STRANGE.to_pylist()), "application/json"), (source.getvalue(), "text/csv")):
        headers = {"Content-Type": kind}
        unguarded = httpx.post(f"{server.address}/predict", content=body, headers=headers, timeout=60)
        unasked = httpx.post(f"{guarded[0]}/predict", content=body, headers=headers, timeout=60)
        asked = httpx.post(
            f"{guarded[0]}/predict", content=body, headers={**headers, "Seatrial-Guard": "true"}, timeout=60
        )
        assert unguarded.content == unasked.content == asked.content
        assert "seatrial-guard" not in unasked.headers
        report = json.loads(asked.headers["seatrial-guard"])
        assert (report["values"], report["total"], report["unchecked"]) == (EXPECTED, 4, [])
    refused = httpx.post(
        f"{server.address}/predict", json=STRANGE.to_pylist(), headers={"Seatrial-Guard": "true"}, timeout=60
    )
    assert (refused.status_code, "without --guard" in refused.text) == (400, True)


@pytest.mark.parametrize("binary", [False, True])
def test_tritons_client_gets_the_report_as_a_parameter(sea: Sea, guarded: tuple[str, str], binary: bool) -> None:
    http = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
    client = http.InferenceServerClient(guarded[0].removeprefix("http://"))
    try:
        inputs = triton_inputs(WHOLE, sea, binary=binary)
        asked = client.infer("census", inputs, parameters={"guard": True})
        unasked = client.infer("census", inputs)
    finally:
        client.close()
    assert json.loads(asked.get_response()["parameters"]["guard"])["values"] == EXPECTED
    assert "parameters" not in unasked.get_response()
    for name in ("label", "probability"):
        np.testing.assert_array_equal(asked.as_numpy(name), unasked.as_numpy(name))


@pytest.mark.filterwarnings("default")  # KServe's own
def test_kserves_client_gets_the_report_as_a_parameter(sea: Sea, guarded: tuple[str, str]) -> None:
    kserve = pytest.importorskip("kserve", reason="kserve is not installed")
    inputs = []
    for column in sea.predictor.signature.inputs:
        tensor = kserve.InferInput(column.name, [3], DATATYPES[column.kind])
        tensor.set_data_from_numpy(values_of(WHOLE, column.name, column.kind), binary_data=False)
        inputs.append(tensor)
    request = kserve.InferRequest(model_name="census", infer_inputs=inputs, parameters={"guard": True})

    async def ask() -> Any:
        client = kserve.InferenceRESTClient(kserve.inference_client.RESTConfig(protocol="v2"))
        try:
            return await client.infer(guarded[0], request, model_name="census")
        finally:
            await client.close()

    assert json.loads(asyncio.run(ask()).parameters["guard"])["values"] == EXPECTED


@pytest.mark.skipif(importlib.util.find_spec("tritonclient") is None, reason="tritonclient[grpc] is not installed")
def test_grpc_clients_get_the_report_as_a_parameter(sea: Sea, guarded: tuple[str, str]) -> None:
    clients = ["triton.py", *(["kserve_client.py"] if importlib.util.find_spec("kserve") else [])]
    for client in clients:
        told = told_to(client, sea, guarded[1], "guard")
        assert told["label"] == list(sea.predictor.predict(TABLE).labels)
        report = json.loads(told["report"])
        assert report["columns"] == count_by_hand(TABLE, sea)
        assert report["total"] == sum(report["columns"].values())
        assert told.get("text", "INVALID_ARGUMENT").count("INVALID_ARGUMENT") == 1


def test_requests_that_share_a_run_are_each_told_of_their_own_rows(sea: Sea, guarded: tuple[str, str]) -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(timeout=60) as client:

            async def one(seed: int) -> None:
                table = rows(3, seed)
                body = {**request_of(table, sea), "parameters": {"guard": seed % 2 == 0}}
                answer = (await client.post(f"{guarded[0]}{INFER}", json=body)).json()
                if seed % 2:
                    assert "parameters" not in answer
                else:
                    assert json.loads(answer["parameters"]["guard"])["columns"] == count_by_hand(table, sea)

            await asyncio.gather(*(one(seed) for seed in range(60)))

    asyncio.run(ask())
