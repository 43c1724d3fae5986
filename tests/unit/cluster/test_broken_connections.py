"""An API server whose connections break: watches tell what they missed, logs go on, patient requests are repeated."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from seatrial.cluster import client
from seatrial.cluster.client import Namespace
from seatrial.cluster.pod_log import follow_log
from seatrial.errors import TargetError

pytest.importorskip("kubernetes")


def job(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {}}, "status": {"odd": 1}}  # nothing that a schema would know


class Server:
    """Answers as each test sets it: a list of what each watch tells, what the list holds, and the parts of each log."""

    watches: list[list[tuple[str, dict[str, Any]]]]
    listed: list[dict[str, Any]]
    logs: list[bytes | None]  # None: the connection breaks within a chunk
    busy = 0  # how many requests are answered by 503 first
    asked: list[str]

    def __init__(self) -> None:
        self.watches, self.listed, self.logs, self.asked = [], [], [], []


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            told.asked.append(self.path)
            if told.busy:
                told.busy -= 1
                self._send(503, {"message": "the server is starting"})
            elif "watch" in query:
                changes = told.watches.pop(0) if told.watches else []
                lines = [json.dumps({"type": kind, "object": document}).encode() for kind, document in changes]
                self._stream([line + b"\n" for line in lines])
            elif self.path.partition("?")[0].endswith("/log"):
                self._stream([told.logs.pop(0)] if told.logs else [])
            else:
                self._send(200, {"metadata": {"resourceVersion": "7"}, "items": told.listed})

        def _send(self, status: int, document: dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _stream(self, parts: list[bytes | None]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in parts:
                if part is None:
                    self.wfile.write(b"ff\r\nhalf a chunk")
                    self.close_connection = True
                    return
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        config = tmp_path / "kubeconfig"
        config.write_text(
            json.dumps(
                {
                    "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{http.server_address[1]}"}}],
                    "users": [{"name": "u", "user": {"token": "t"}}],
                    "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
                }
            )
        )
        monkeypatch.setenv("KUBECONFIG", str(config))
        monkeypatch.setattr(client, "RETRY_S", 0.01)
        yield told
        http.shutdown()


def test_a_job_that_went_while_no_watch_looked_is_told_as_deleted(server: Server) -> None:
    server.watches = [[("ADDED", job("a")), ("ADDED", job("b"))], [("ADDED", job("c"))]]
    server.listed = [job("b")]
    changes: list[tuple[str, str]] = []
    over = threading.Event()

    def take(change: str, document: Any) -> None:
        changes.append((change, document["metadata"]["name"]))
        if changes[-1] == ("ADDED", "c"):
            over.set()

    Namespace("team", "here").watch_jobs("x=y", take, over)
    assert changes == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a"), ("MODIFIED", "b"), ("ADDED", "c")]
    assert "resourceVersion=7" in server.asked[-1]


def test_a_log_that_breaks_off_goes_on_where_it_broke(server: Server) -> None:
    server.logs = [None, b"the rest\n"]
    parts = list(follow_log(Namespace("team", "here"), "pod", lambda: True))
    assert parts[-1] == b"the rest\n"
    assert "sinceSeconds" not in server.asked[0]
    assert "sinceSeconds=" in server.asked[1]


def test_the_log_of_a_pod_that_is_gone_ends_with_the_error(server: Server) -> None:
    server.logs = [None]
    with pytest.raises(TargetError):
        list(follow_log(Namespace("team", "here"), "pod", lambda: False))


def test_a_patient_request_is_repeated_and_another_is_not(server: Server) -> None:
    server.busy = 1
    with pytest.raises(TargetError, match="the server is starting"):
        Namespace("team", "here").job_names("x=y")
    server.busy = 2
    assert Namespace("team", "here").patient().job_names("x=y") == ()
