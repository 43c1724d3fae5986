"""Connections that misbehave, and the last ones of a server that is ending."""

from __future__ import annotations

import http.client
import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import httpx

from seatrial.serve.http.connection import CONNECTIONS, HEADERS_BYTES

from .conftest import DRAIN_S, END_TIMEOUT_S, Server

TIMEOUT_S = 20


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as link:
        yield link


def test_more_half_sent_headers_than_connections_shut_nobody_out_at_any_time(server: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * CONNECTIONS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * CONNECTIONS if hard < 0 else min(hard, 2 * CONNECTIONS), hard))
    with ExitStack() as opened:
        for _ in range(CONNECTIONS + 50):
            opened.enter_context(connected(server)).sendall(b"GET /v2 HTTP/1.1\r\nX: ")
        for _ in range(5):
            assert httpx.get(f"{server.address}/v2/health/live", timeout=TIMEOUT_S).status_code == 200


def test_headers_without_an_end_are_a_431(server: Server) -> None:
    with connected(server) as link:
        link.sendall(b"GET /v2 HTTP/1.1\r\nX: " + b"a" * (HEADERS_BYTES + 10))
        answer = b""
        while part := link.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431")
    assert len(body) == int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])


def test_after_sigterm_open_connections_are_answered_and_closed(ending: Server) -> None:
    address = ending.address.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=TIMEOUT_S)) as kept:
        kept.request("GET", "/v2/health/ready")
        assert kept.getresponse().read() == b'{"ready":true}'
        ending.process.send_signal(signal.SIGTERM)
        time.sleep(DRAIN_S / 2)
        kept.request("GET", "/v2/health/ready")
        answer = kept.getresponse()
        assert (answer.status, answer.getheader("connection"), answer.read()) == (503, "close", b'{"ready":false}')
        live = httpx.get(f"{ending.address}/v2/health/live", timeout=TIMEOUT_S)  # a new connection
        assert (live.status_code, live.headers["connection"]) == (200, "close")
    assert ending.process.wait(END_TIMEOUT_S) == 0
