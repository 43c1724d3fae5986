"""Servers that are ended under load: whoever was accepted is answered, over HTTP and over gRPC."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from .conftest import END_TIMEOUT_S, Sea, rows
from .test_clients import values_of
from .test_served_release import INFER, request_of

ENDS = 20
AT_ONCE = 2
LINKS = 3
LOAD_S = 0.3  # before the signal
DRAIN_S = 0.6  # gRPC's clients connect anew each half second
TIMEOUT_S = 30
STEADY = Path(__file__).parent / "grpc_clients" / "steady.py"
HEAD_BYTES, GOAWAY = 9, 7  # of a frame of HTTP/2
NO_ERROR = 0

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tritonclient") is None, reason="tritonclient[grpc] is not installed"
)


@contextlib.contextmanager
def both(sea: Sea, *, drain: float = 0.0, before: str = "") -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A server of HTTP and gRPC: its process and both addresses, once it is ready. `before` is run first."""
    command = sea.command("serve", "--port", "0", "--grpc-port", "0", "--drain", str(drain))
    code = command.index("-c") + 1
    command[code] = before + command[code]
    process = subprocess.Popen(
        command,
        env=sea.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        over_http = process.stdout.readline().removeprefix("Serving census@1 at http://").strip()
        over_grpc = process.stdout.readline().removeprefix("gRPC at ").strip()
        assert over_http
        assert over_grpc
        yield process, over_http, over_grpc
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=END_TIMEOUT_S)


def ask_until_gone(address: str, body: bytes, expected: bytes) -> Counter[str]:
    """Asks on a connection that is kept alive, and on a new one where the server closed it; how each request ended."""
    outcomes: Counter[str] = Counter()
    link: http.client.HTTPConnection | None = None
    while True:
        new = link is None
        if link is None:
            link = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
            try:
                link.connect()
            except ConnectionRefusedError:
                return outcomes
        try:
            link.request("POST", INFER, body, {"Content-Type": "application/json"})
            answer = link.getresponse()
            answered = answer.read()
        except (OSError, http.client.HTTPException) as error:
            outcomes[f"{'new' if new else 'kept'} connection: {type(error).__name__}"] += 1
            link.close()
            link = None
            continue
        right = answer.status != 200 or answered == expected
        outcomes["answered" if answer.status == 200 and right else str(answer.status) if right else "wrong"] += 1
        if answer.will_close:
            link.close()
            link = None


def ends_under_load(sea: Sea, ends: int) -> tuple[Counter[str], Counter[str]]:
    """How the requests of so many servers ended, over HTTP and over gRPC."""
    table = rows(20, 8)
    body = json.dumps(request_of(table, sea)).encode()
    task = {
        "columns": {
            column.name: values_of(table, column.name, column.kind).tolist()
            for column in sea.predictor.signature.inputs
        },
        "label": list(sea.predictor.predict(table).labels),
    }
    over_http, over_grpc = Counter[str](), Counter[str]()
    grpc_clients = subprocess.Popen(
        [sys.executable, str(STEADY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert grpc_clients.stdin is not None
    assert grpc_clients.stdout is not None
    try:
        with ThreadPoolExecutor(LINKS) as clients:
            for _ in range(ends):
                with both(sea, drain=DRAIN_S) as (process, http_address, grpc_address):
                    expected = httpx.post(f"http://{http_address}{INFER}", content=body, timeout=TIMEOUT_S).content
                    grpc_clients.stdin.write(json.dumps({"address": grpc_address, **task}) + "\n")
                    grpc_clients.stdin.flush()
                    assert grpc_clients.stdout.readline() == "asking\n"
                    asking = [clients.submit(ask_until_gone, http_address, body, expected) for _ in range(LINKS)]
                    time.sleep(LOAD_S)
                    process.send_signal(signal.SIGTERM)
                    for one in asking:
                        over_http += one.result(TIMEOUT_S)
                    over_grpc += Counter(json.loads(grpc_clients.stdout.readline()))
                    assert process.wait(END_TIMEOUT_S) == 0
                    assert process.stderr is not None
                    assert process.stderr.read() == ""
    finally:
        grpc_clients.kill()
        grpc_clients.communicate(timeout=END_TIMEOUT_S)
    return over_http, over_grpc


@pytest.mark.timeout(600)  # a minute, where nobody else works
def test_of_twenty_ends_under_load_none_loses_an_accepted_request(sea: Sea) -> None:
    over_http, over_grpc = Counter[str](), Counter[str]()
    with ThreadPoolExecutor(AT_ONCE) as lanes:  # one starts while another ends
        for http_outcomes, grpc_outcomes in lanes.map(lambda _: ends_under_load(sea, ENDS // AT_ONCE), range(AT_ONCE)):
            over_http += http_outcomes
            over_grpc += grpc_outcomes
    assert over_http.keys() == {"answered"}
    assert over_grpc.keys() == {"answered"}
    assert min(over_http["answered"], over_grpc["answered"]) > ENDS * LINKS


# The process has to wait for a core between two system calls: the last look at who waits, and closing the socket.
PREEMPTED = """
import socket, time
accept = socket.socket.accept
def late(listening):
    try:
        return accept(listening)
    except BlockingIOError:
        time.sleep(0.1)
        raise
socket.socket.accept = late
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be told to let nobody connect any more")
def test_nobody_connects_while_the_socket_is_closed(sea: Sea) -> None:
    body = json.dumps(request_of(rows(20, 8), sea)).encode()
    outcomes = Counter[str]()
    with ThreadPoolExecutor(LINKS) as clients, both(sea, before=PREEMPTED) as (process, address, _):
        expected = httpx.post(f"http://{address}{INFER}", content=body, timeout=TIMEOUT_S).content
        asking = [clients.submit(ask_until_gone, address, body, expected) for _ in range(LINKS)]
        time.sleep(LOAD_S)
        process.send_signal(signal.SIGTERM)
        for one in asking:
            outcomes += one.result(TIMEOUT_S)
        assert process.wait(END_TIMEOUT_S) == 0
    assert outcomes.keys() == {"answered"}


def test_a_client_of_grpc_is_told_to_go_elsewhere(sea: Sea) -> None:
    with both(sea) as (process, _, grpc_address):
        host, port = grpc_address.split(":")
        with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as link, link.makefile("rb") as stream:
            link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))  # preface, empty settings
            process.send_signal(signal.SIGTERM)
            while (kind := (head := stream.read(HEAD_BYTES))[3]) != GOAWAY:
                stream.read(int.from_bytes(head[:3]))
            error = struct.unpack(">I", stream.read(int.from_bytes(head[:3]))[4:8])[0]
        assert (kind, error) == (GOAWAY, NO_ERROR)
        assert process.wait(END_TIMEOUT_S) == 0


def test_a_grpc_port_that_is_taken_at_the_last_moment_leaves_nothing_running(sea: Sea) -> None:
    at_once = "from seatrial.serve import server; server.free_port = lambda host, port: port; "
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = sea.command("serve", "--port", "0", "--grpc-port", str(port))
        command[command.index("-c") + 1] = at_once + command[command.index("-c") + 1]
        done = subprocess.run(
            command, env=sea.environment, capture_output=True, text=True, timeout=END_TIMEOUT_S, check=False
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"127.0.0.1:{port}: gRPC cannot listen there" in done.stderr
    assert "Traceback" not in done.stderr
