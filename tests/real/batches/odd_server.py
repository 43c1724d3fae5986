"""Web servers that answer ranges in ways of their own: wrong, or right and unusual."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SHIFT = 7  # bytes
SHORT = 70_000  # bytes of an answer, at most: enough for a footer


class OddServer(ThreadingHTTPServer):
    """Serves a folder on a free port of 127.0.0.1, as `kind` says."""

    daemon_threads = True
    folder: Path
    kind = "right"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OddServer

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        data = (self.server.folder / self.path.lstrip("/")).read_bytes()
        kind, size = self.server.kind, len(data)
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        start = int(first) if first else max(size - int(last), 0)
        stop = min(int(last) + 1 if first and last else size, size)
        headers = {"ETag": '"as it was"'}
        if kind == "ignores Range":
            start, stop = 0, size
        elif kind == "another place":
            start = max(start - SHIFT, 0)
        elif kind == "short answers":
            stop = min(stop, start + SHORT)
        elif kind == "long answers":
            stop = min(stop + SHIFT, size)
        elif kind == "weak ETag":
            headers = {"ETag": 'W/"weak"'}
        elif kind == "only a time":
            headers = {"Last-Modified": "Tue, 24 Nov 2026 12:00:00 GMT"}
        elif kind == "no pin":
            headers = {}
        if kind == "redirects":
            self.send_response(302)
            headers = {"Location": "/elsewhere"}
            stop = start
        elif kind == "ignores Range":
            self.send_response(200)
        else:
            self.send_response(206)
            if kind != "no Content-Range":
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        for name, value in {**headers, "Content-Length": str(stop - start)}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # the reader has seen enough
            self.wfile.write(data[start:stop])


@contextmanager
def answering(folder: Path, kind: str) -> Iterator[tuple[OddServer, str]]:
    """The server and its URL."""
    server = OddServer(("127.0.0.1", 0), _Handler)
    server.folder, server.kind = folder, kind
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
