"""A proxy before a real store that lets the completion of multipart uploads fail; all else passes."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# "lost": the store has completed the upload, and its answer does not arrive.
FAULTS = ("503", "reset", "503, lost", "reset, lost")
HOP_BY_HOP = ("connection", "transfer-encoding", "keep-alive", "expect")
TIMEOUT_S = 60.0


class CompletingProxy:
    """Each upload's first `times` completions meet the fault. Requests are signed for the proxy's own address."""

    def __init__(self, store: str, fault: str, *, times: int = 1) -> None:
        self.fault, self.times = fault, times
        self.met: Counter[str] = Counter()  # by upload
        self.completed: Counter[str] = Counter()  # by object, as the store saw it
        place = urlsplit(store)
        proxy, address = self, (str(place.hostname), int(place.port or 80))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = TIMEOUT_S

            def _pass(self) -> None:
                body = self._body()
                query = urlsplit(self.path).query
                completes = self.command == "POST" and "uploadId=" in query
                faulty = completes and proxy.met[query] < proxy.times
                if completes:
                    proxy.met[query] += 1
                if faulty and "lost" not in proxy.fault:
                    self._fail()
                    return
                behind = http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
                try:
                    headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                    behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in headers.items():
                        behind.putheader(name, value)
                    chunked = self._chunked
                    if chunked:
                        behind.putheader("Transfer-Encoding", "chunked")
                    behind.endheaders(iter([body]) if chunked else body, encode_chunked=chunked)
                    answer = behind.getresponse()
                    content = answer.read()
                finally:
                    behind.close()
                if completes and answer.status == 200 and b"<Error>" not in content:
                    proxy.completed[urlsplit(self.path).path] += 1
                if faulty:
                    self._fail()
                    return
                self.send_response_only(answer.status, answer.reason)
                length = answer.headers.get("Content-Length", str(len(content)))
                for name, value in answer.headers.items():
                    if name.lower() not in (*HOP_BY_HOP, "content-length"):
                        self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", length)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815 the names of http.server

            @property
            def _chunked(self) -> bool:
                return "chunked" in self.headers.get("Transfer-Encoding", "")

            def _body(self) -> bytes:
                if not self._chunked:
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):  # Arrow sends parts so
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)

            def _fail(self) -> None:
                self.close_connection = True
                if proxy.fault.startswith("reset"):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    return
                self.send_response_only(503, "Slow Down")
                self.send_header("Content-Length", "0")
                self.send_header("Connection", "close")
                self.end_headers()

            def handle(self) -> None:
                with suppress(OSError, ValueError):
                    super().handle()

            def finish(self) -> None:
                with suppress(OSError, ValueError):
                    super().finish()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def completing_proxy(store: str, fault: str, *, times: int = 1) -> Iterator[CompletingProxy]:
    proxy = CompletingProxy(store, fault, times=times)
    try:
        yield proxy
    finally:
        proxy.close()
