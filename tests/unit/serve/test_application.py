from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.models.predictor import ArrayPredictor, Predictions
from seatrial.models.signature import Signature
from seatrial.serve.application import Application
from seatrial.serve.inference import Limits
from seatrial.serve.model_server import create_app
from tests.unit.serve.conftest import running

P = {"name": "p", "datatype": "FP64", "shape": [3], "data": [0.25, 0.5, 1.0]}
SIZE = {"name": "größe", "datatype": "BYTES", "shape": [3], "data": ["日本", "b", "c"]}
REQUEST = {"id": "42", "inputs": [P, SIZE]}
INFER = "/v2/models/census/infer"


def ask(app: Application, use: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    async def within() -> Any:
        # What the application raises is answered by it, never thrown at the client.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            running(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            return await use(client)

    return asyncio.run(within())


def get(app: Application, path: str) -> tuple[int, Any]:
    response = ask(app, lambda client: client.get(path))
    return response.status_code, response.json()


def post(app: Application, path: str, content: bytes, **headers: str) -> tuple[int, Any]:
    response = ask(app, lambda client: client.post(path, content=content, headers=headers))
    assert response.headers["content-type"] == "application/json"
    return response.status_code, response.json()


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/census/ready", {"name": "census", "ready": True}),
        ("/v2/models/census/versions/2/ready", {"name": "census", "ready": True}),
    ],
)
def test_health_is_told(echo: ArrayPredictor, path: str, answer: object) -> None:
    assert get(create_app(echo, "census", "2"), path) == (200, answer)


def test_the_server_describes_itself(echo: ArrayPredictor) -> None:
    status, answer = get(create_app(echo, "census", "2"), "/v2")
    assert (status, answer["name"], answer["extensions"]) == (
        200,
        "seatrial",
        ["binary_tensor_data", "model_configuration", "model_repository", "statistics"],
    )


@pytest.mark.parametrize("path", ["/v2/models/census", "/v2/models/census/versions/2"])
def test_the_model_describes_itself(echo: ArrayPredictor, path: str) -> None:
    status, answer = get(create_app(echo, "census", "2"), path)
    assert (status, answer["name"], answer["versions"]) == (200, "census", ["2"])


@pytest.mark.parametrize("path", [INFER, "/v2/models/census/versions/2/infer"])
def test_rows_are_answered_in_their_order(echo: ArrayPredictor, path: str) -> None:
    status, answer = post(create_app(echo, "census", "2"), path, json.dumps(REQUEST).encode())
    assert status == 200
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("42", "census", "2")
    assert [output["data"] for output in answer["outputs"]] == [
        ["no", "yes", "yes"],
        [0.75, 0.25, 0.5, 0.5, 0.0, 1.0],
    ]


def test_a_row_that_the_model_has_no_answer_for_gets_no_label(echo: ArrayPredictor) -> None:
    body = json.dumps({"inputs": [{**P, "data": [0.25, None, None]}, SIZE]}).encode()
    status, answer = post(create_app(echo, "census", "2"), INFER, body)
    assert status == 422
    assert "the model does not answer row 1, where 'p' has no value. Send a value" in answer["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/other",
        "/v2/models/census/versions/1",
        "/v2/models/other/ready",
        "/v2/models/census/versions/1/ready",
        "/v1/models/census",
        "/v2/models",
    ],
)
def test_what_is_not_here_is_a_404_in_json(echo: ArrayPredictor, path: str) -> None:
    status, answer = get(create_app(echo, "census", "2"), path)
    assert status == 404
    assert set(answer) == {"error"}


def test_inference_of_another_model_is_a_404(echo: ArrayPredictor) -> None:
    app = create_app(echo, "census", "2")
    assert post(app, "/v2/models/other/infer", json.dumps(REQUEST).encode())[0] == 404
    assert post(app, "/v2/models/census/versions/3/infer", json.dumps(REQUEST).encode())[0] == 404


def test_another_method_is_a_405(echo: ArrayPredictor) -> None:
    status, answer = get(create_app(echo, "census", "2"), INFER)
    assert (status, answer) == (405, {"error": f"{INFER} takes POST, not GET."})


def test_bad_input_names_the_input_and_the_mend(echo: ArrayPredictor) -> None:
    body = json.dumps({"inputs": [P, {**SIZE, "name": "grösse"}]}).encode()
    status, answer = post(create_app(echo, "census", "2"), INFER, body)
    assert (status, answer) == (
        400,
        {"error": "inputs[1].name: the model does not have an input 'grösse'. Did you mean 'größe'?"},
    )


def test_a_body_that_is_too_large_is_a_413(echo: ArrayPredictor) -> None:
    body = json.dumps(REQUEST).encode()
    assert post(create_app(echo, "census", "2", body_limit_bytes=len(body)), INFER, body)[0] == 200
    status, answer = post(create_app(echo, "census", "2", body_limit_bytes=len(body) - 1), INFER, body)
    assert status == 413
    assert "Send fewer rows" in answer["error"]


def test_a_body_that_comes_too_slowly_is_a_408(echo: ArrayPredictor) -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    app = create_app(echo, "census", "2", limits=Limits(timeout_s=0.1))
    response = ask(app, lambda client: client.post(INFER, content=drip()))
    assert response.status_code == 408


class Gate:
    """A predictor that answers once it is let."""

    def __init__(self, inner: ArrayPredictor) -> None:
        self.signature: Signature = inner.signature
        self.started, self.open = threading.Event(), threading.Event()
        self._inner = inner

    def predict_arrays(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        self.started.set()
        assert self.open.wait(30)
        return self._inner.predict_arrays(columns)


def test_a_full_queue_is_a_429_and_empties_again(echo: ArrayPredictor) -> None:
    gate = Gate(echo)
    body = json.dumps(REQUEST).encode()

    async def use(client: httpx.AsyncClient) -> list[int]:
        held = [asyncio.create_task(client.post(INFER, content=body)) for _ in range(2)]
        await asyncio.to_thread(gate.started.wait, 30)
        refused = await client.post(INFER, content=body)
        assert refused.headers["retry-after"] == "1"
        health = await client.get("/v2/health/live")  # the event loop is free all the while
        gate.open.set()
        answered = [(await task).status_code for task in held]
        again = await client.post(INFER, content=body)
        return [refused.status_code, health.status_code, *answered, again.status_code]

    assert ask(create_app(gate, "census", "2", limits=Limits(requests=2)), use) == [429, 200, 200, 200, 200]


def test_an_answer_that_takes_too_long_is_a_503(echo: ArrayPredictor) -> None:
    gate = Gate(echo)

    async def use(client: httpx.AsyncClient) -> httpx.Response:
        try:
            return await client.post(INFER, content=json.dumps(REQUEST).encode())
        finally:
            gate.open.set()

    response = ask(create_app(gate, "census", "2", limits=Limits(timeout_s=0.1)), use)
    assert response.status_code == 503
    assert "the model did not answer within 0.1 s" in response.json()["error"]


class Broken:
    """A predictor with a fault of its own."""

    def __init__(self, inner: ArrayPredictor) -> None:
        self.signature: Signature = inner.signature

    def predict_arrays(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        raise RuntimeError("secret detail")


def test_a_fault_is_a_500_without_its_trace(echo: ArrayPredictor, caplog: pytest.LogCaptureFixture) -> None:
    status, answer = post(create_app(Broken(echo), "census", "2"), INFER, json.dumps(REQUEST).encode())
    assert (status, answer) == (500, {"error": "The server failed to answer; its log says why."})
    assert "secret detail" in caplog.text


pieces = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"inputs":',
        b'"name":"p"',
        b'"data":',
        b"1e999",
        b"-0",
        b"null",
        b",",
        b"\xff",
        b'"\\ud800"',
    ]
)


@pytest.mark.simulation
@settings(deadline=None, max_examples=200)
@given(st.data())
def test_no_body_is_ever_a_500(echo: ArrayPredictor, data: st.DataObject) -> None:
    whole = json.dumps(REQUEST).encode()
    cut = data.draw(st.integers(0, len(whole)))
    until = data.draw(st.integers(cut, len(whole)))
    body = whole[:cut] + b"".join(data.draw(st.lists(pieces, max_size=6))) + whole[until:]
    status, answer = post(create_app(echo, "census", "2"), INFER, body)
    assert status in (200, 400, 422)
    assert (status == 200) == ("outputs" in answer)


@pytest.mark.parametrize("path", [INFER + "/", "/v2/"])
def test_a_slash_too_many_is_not_found_and_never_redirected(echo: ArrayPredictor, path: str) -> None:
    response = ask(create_app(echo, "census", "2"), lambda client: client.post(path, headers={"Host": "elsewhere"}))
    assert response.status_code == 404
    assert "location" not in response.headers
