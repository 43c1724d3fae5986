from __future__ import annotations

import contextlib
import io
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from seatrial.serve.http.connection import CONNECTIONS, HEADERS_S

from .conftest import Sea, Server, rows

TIMEOUT_S = 60
INFER = "/v2/models/census/infer"
KINDS = {"number": "FP64", "text": "BYTES"}


def request_of(table: pa.Table, sea: Sea) -> dict[str, Any]:
    return {
        "inputs": [
            {
                "name": column.name,
                "datatype": KINDS[column.kind],
                "shape": [table.num_rows],
                "data": table[column.name].to_pylist(),
            }
            for column in sea.predictor.signature.inputs
        ]
    }


def run(sea: Sea, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        sea.command(*arguments), env=sea.environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@pytest.fixture
def infer(sea: Sea, server: Server) -> Callable[[pa.Table], Any]:
    def post(table: pa.Table) -> Any:
        answer = httpx.post(f"{server.address}{INFER}", json=request_of(table, sea), timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        return {output["name"]: output for output in answer.json()["outputs"]}

    return post


def test_the_server_answers_as_the_predictor_does(sea: Sea, infer: Callable[[pa.Table], Any]) -> None:
    table = rows(1000, 3)
    expected, answer = sea.predictor.predict(table), infer(table)
    assert answer["label"]["data"] == list(expected.labels)
    found = np.array(answer["probability"]["data"]).reshape(answer["probability"]["shape"])
    np.testing.assert_array_equal(found, np.asarray(expected.probabilities))


def test_many_clients_at_once_each_get_their_own_answers(sea: Sea, infer: Callable[[pa.Table], Any]) -> None:
    tables = [rows(20, seed) for seed in range(24)]
    with ThreadPoolExecutor(max_workers=8) as clients:
        answers = list(clients.map(infer, tables))
    for table, answer in zip(tables, answers, strict=True):
        assert answer["label"]["data"] == list(sea.predictor.predict(table).labels)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2", 200),
        ("/v2/health/live", 200),
        ("/v2/health/ready", 200),
        ("/v2/models/census", 200),
        ("/v2/models/census/ready", 200),
        ("/v2/models/census/versions/1", 200),
        ("/v2/models/census/versions/1/ready", 200),
        ("/v2/models/census/versions/2", 404),
        ("/v2/models/other", 404),
        ("/v2/models/census/infer", 405),
    ],
)
def test_every_route_of_the_protocol_is_there(server: Server, path: str, status: int) -> None:
    answer = httpx.get(server.address + path, timeout=TIMEOUT_S)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")


def test_kserves_own_client_understands_the_answers(sea: Sea, server: Server) -> None:
    infer_type = pytest.importorskip("kserve.protocol.infer_type", reason="kserve is not installed")
    table = rows(5, 4)
    request = infer_type.InferRequest(
        model_name="census",
        infer_inputs=[
            infer_type.InferInput(tensor["name"], tensor["shape"], tensor["datatype"], tensor["data"])
            for tensor in request_of(table, sea)["inputs"]
        ],
    )
    document, _ = request.to_rest()
    answer = httpx.post(f"{server.address}{INFER}", json=document, timeout=TIMEOUT_S)
    response = infer_type.InferResponse.from_rest(answer.json())
    label, probability = response.outputs
    assert list(label.as_numpy()) == list(sea.predictor.predict(table).labels)
    assert probability.as_numpy().shape == (5, 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(ending: Server, number: signal.Signals) -> None:
    httpx.get(f"{ending.address}/v2/health/live", timeout=TIMEOUT_S)
    ending.process.send_signal(number)
    _, errors = ending.process.communicate(timeout=TIMEOUT_S)
    assert (ending.process.returncode, errors) == (0, "")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{ending.address}/v2/health/live", timeout=TIMEOUT_S)


def test_a_signal_as_soon_as_it_is_ready_is_not_lost(ending: Server) -> None:
    ending.process.send_signal(signal.SIGTERM)
    assert ending.process.wait(timeout=TIMEOUT_S) == 0


def test_a_release_that_failed_is_not_served(sea: Sea) -> None:
    done = run(sea, "serve", "census@2", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "census@2: the release's verdict is fail" in done.stderr


def test_a_release_of_another_digest_is_not_served(sea: Sea) -> None:
    done = run(sea, "serve", "census@1", "--digest", "sha256:" + "0" * 64, "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not sha256:000" in done.stderr


def test_a_changed_byte_is_not_served(sea: Sea, tmp_path: Path) -> None:
    shutil.copytree(sea.directory, tmp_path / "project")
    model = tmp_path / "project" / "store" / "releases" / "census" / "1" / "model" / "model.onnx"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    changed = Sea(tmp_path / "project", sea.home, sea.passed, sea.failed, sea.predictor)
    done = run(changed, "serve", "census@1", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "model/model.onnx" in done.stderr


def test_a_stranger_serves_nothing(sea: Sea, tmp_path: Path) -> None:
    done = run(Sea(sea.directory, tmp_path, sea.passed, sea.failed, sea.predictor), "serve", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "trust.toml" in done.stderr


def test_a_port_that_is_taken_says_so(sea: Sea) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(sea, "serve", "--port", str(port))
    assert done.returncode == 2
    assert f"127.0.0.1:{port}: the server cannot listen there" in done.stderr
    assert "Traceback" not in done.stderr


def test_predict_answers_as_the_predictor_does(sea: Sea, tmp_path: Path) -> None:
    table = rows(50, 5)
    pyarrow.csv.write_csv(table, tmp_path / "rows.csv")
    done = run(sea, "predict", "census", str(tmp_path / "rows.csv"))
    assert done.returncode == 0, done.stderr
    found = pyarrow.csv.read_csv(io.BytesIO(done.stdout.encode()))
    assert found["predicted"].to_pylist() == list(sea.predictor.predict(table).labels)
    assert done.stderr.splitlines()[-1].startswith("Next: seatrial serve census@")


def test_predict_says_when_the_release_failed(sea: Sea, tmp_path: Path) -> None:
    pyarrow.csv.write_csv(rows(5, 5), tmp_path / "rows.csv")
    target = tmp_path / "answers.jsonl"
    done = run(sea, "predict", "census@2", str(tmp_path / "rows.csv"), "--output", str(target))
    assert (done.returncode, done.stdout) == (0, "")
    assert "census@2: the release's verdict is fail; do not act on these answers" in done.stderr
    assert len(target.read_text().splitlines()) == 5


def test_predict_names_the_column_that_is_missing(sea: Sea, tmp_path: Path) -> None:
    pyarrow.csv.write_csv(rows(5, 5).drop_columns(["sex"]), tmp_path / "rows.csv")
    done = run(sea, "predict", "census", str(tmp_path / "rows.csv"))
    assert done.returncode == 2
    assert "sex: the rows do not have this column" in done.stderr


def test_connections_that_never_finish_their_headers_do_not_shut_others_out(ending: Server) -> None:
    host, port = ending.address.removeprefix("http://").split(":")
    waiting = [socket.create_connection((host, int(port))) for _ in range(CONNECTIONS)]
    try:
        for one in waiting:
            one.sendall(b"GET /v2 HTTP/1.1\r\nX: ")
        deadline = time.monotonic() + 3 * HEADERS_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{ending.address}/v2/health/live", timeout=5).status_code == 200:
                    break
            time.sleep(0.5)
        else:
            pytest.fail("still shut out")
        for one in waiting:
            one.settimeout(HEADERS_S)
            assert one.recv(1) == b""  # closed by the server
    finally:
        for one in waiting:
            one.close()


def test_a_slow_client_that_finishes_in_time_is_answered(ending: Server) -> None:
    host, port = ending.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as link:
        for _ in range(2):  # the second on the same connection
            for part in (b"GET /v2/health/live HTTP/1.1\r\n", b"Host: here\r\n", b"\r\n"):
                link.sendall(part)
                time.sleep(0.3)
            assert link.recv(4096).startswith(b"HTTP/1.1 200")


def test_after_a_signal_every_accepted_request_is_answered_or_told_to_come_again(sea: Sea, ending: Server) -> None:
    document = json.dumps(request_of(rows(30_000, 3), sea)).encode()
    answers: list[int] = []

    def ask() -> None:
        with contextlib.suppress(httpx.TransportError):  # it came too late to be accepted
            answers.append(httpx.post(f"{ending.address}{INFER}", content=document, timeout=60).status_code)

    threads = [threading.Thread(target=ask) for _ in range(60)]
    for one in threads:
        one.start()
    while not answers:
        time.sleep(0.02)
    ending.process.send_signal(signal.SIGTERM)
    assert ending.process.wait(60) == 0
    for one in threads:
        one.join(60)
    assert ending.process.stderr is not None
    assert set(answers) <= {200, 503}
    assert "Traceback" not in ending.process.stderr.read()
