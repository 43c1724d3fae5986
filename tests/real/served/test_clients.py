"""Other people's clients, as they are installed: Triton's and KServe's, over HTTP."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from .conftest import Sea, Server, rows

DATATYPES = {"number": "FP64", "text": "BYTES"}


def values_of(table: pa.Table, name: str, kind: str) -> np.ndarray[Any, Any]:
    """The column as clients send it: they have no word for a missing value but NaN and the empty text."""
    if kind == "text":
        return np.array([value or "" for value in table[name].to_pylist()], object)
    return np.array([np.nan if value is None else value for value in table[name].to_pylist()], np.float64)


@pytest.fixture
def triton(server: Server) -> Iterator[Any]:
    http = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
    client = http.InferenceServerClient(server.address.removeprefix("http://"))
    yield client
    client.close()


def triton_inputs(table: pa.Table, sea: Sea, *, binary: bool = True) -> list[Any]:
    import tritonclient.http as http

    inputs = []
    for column in sea.predictor.signature.inputs:
        tensor = http.InferInput(column.name, [table.num_rows], DATATYPES[column.kind])
        tensor.set_data_from_numpy(values_of(table, column.name, column.kind), binary_data=binary)
        inputs.append(tensor)
    return inputs


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_tritons_client_sends_and_gets_binary_tensors(sea: Sea, triton: Any, compression: str | None) -> None:
    table = rows(40, 6)
    answer = triton.infer("census", triton_inputs(table, sea), request_compression_algorithm=compression)
    expected = sea.predictor.predict(table)
    assert [label.decode() for label in answer.as_numpy("label")] == list(expected.labels)
    np.testing.assert_array_equal(answer.as_numpy("probability"), np.asarray(expected.probabilities))


def test_tritons_client_asks_about_the_server_and_the_model(triton: Any) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("census", "1")
    assert triton.get_server_metadata()["name"] == "seatrial"
    assert triton.get_model_metadata("census")["versions"] == ["1"]
    assert triton.get_model_config("census")["backend"] == "onnxruntime"
    assert triton.get_model_repository_index() == [{"name": "census", "version": "1", "state": "READY", "reason": ""}]
    assert triton.get_inference_statistics("census")["model_stats"][0]["name"] == "census"


def test_tritons_client_hears_what_was_wrong(sea: Sea, triton: Any) -> None:
    utils = pytest.importorskip("tritonclient.utils")
    with pytest.raises(utils.InferenceServerException, match="inputs: input 'größe' is missing"):
        triton.infer("census", triton_inputs(rows(2, 6), sea)[:-1])


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.filterwarnings("default")  # KServe's own
def test_kserves_rest_client_is_answered(sea: Sea, server: Server, binary: bool) -> None:
    kserve = pytest.importorskip("kserve", reason="kserve is not installed")
    table = rows(5, 4)
    inputs = []
    for column in sea.predictor.signature.inputs:
        tensor = kserve.InferInput(column.name, [5], DATATYPES[column.kind])
        tensor.set_data_from_numpy(values_of(table, column.name, column.kind), binary_data=binary)
        inputs.append(tensor)
    request = kserve.InferRequest(
        model_name="census", infer_inputs=inputs, parameters={"binary_data_output": True} if binary else {}
    )

    async def ask() -> Any:
        client = kserve.InferenceRESTClient(kserve.inference_client.RESTConfig(protocol="v2"))
        try:
            assert await client.is_model_ready(server.address, "census")
            return await client.infer(server.address, request, model_name="census")
        finally:
            await client.close()

    label, probability = asyncio.run(ask()).outputs
    expected = sea.predictor.predict(table)
    assert [value.decode() if isinstance(value, bytes) else value for value in label.as_numpy()] == list(
        expected.labels
    )
    np.testing.assert_array_equal(probability.as_numpy(), np.asarray(expected.probabilities))


def test_rows_of_a_file_get_the_answers_that_predict_gives_them(sea: Sea, server: Server) -> None:
    table, source = rows(60, 8), io.BytesIO()
    pyarrow.csv.write_csv(table, source)
    as_csv = httpx.post(
        f"{server.address}/predict", content=source.getvalue(), headers={"Content-Type": "text/csv"}, timeout=60
    )
    as_json = httpx.post(f"{server.address}/predict", json=table.to_pylist(), timeout=60)
    expected = sea.predictor.predict(table)
    assert expected.probabilities is not None
    found = pyarrow.csv.read_csv(io.BytesIO(as_csv.content))
    for answers in (found.to_pylist(), as_json.json()):
        assert [row["predicted"] for row in answers] == list(expected.labels)
        shares = [[row["probability=<=50K"], row["probability=>50K"]] for row in answers]
        np.testing.assert_array_equal(np.array(shares), expected.probabilities)
