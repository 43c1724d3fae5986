"""A plain static range server, and a proxy that adds latency or narrows the wire: both as small as Python allows.

    python benchmarks/batches_servers.py static FOLDER PORT
    python benchmarks/batches_servers.py proxy TARGET_PORT PORT LATENCY_MS MB_PER_S

The static server answers GET with Range, and HEAD, with sendfile; so it also serves clients of S3 that sign nothing.
The proxy holds each request back for the latency, and moves answers from socket to socket by splice: no byte of them
comes into Python. MB_PER_S 0 is as fast as it goes.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

RANGE = re.compile(rb"(?i)\r\nrange: bytes=(\d*)-(\d*)")
PIPE_BYTES = 2**20
PIECE_BYTES = 2**18


def static(folder: Path, port: int) -> None:
    def serve(connection: socket.socket) -> None:
        received = b""
        with connection, suppress(OSError):
            while True:
                while b"\r\n\r\n" not in received:
                    more = connection.recv(65536)
                    if not more:
                        return
                    received += more
                head, _, received = received.partition(b"\r\n\r\n")
                answer(connection, head)

    def answer(connection: socket.socket, head: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        path = folder / unquote(target.partition(b"?")[0].decode()).lstrip("/")
        if not path.is_file():
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            asked = RANGE.search(head)
            first, last = 0, found.st_size - 1
            if asked is not None and asked[1]:
                first, last = int(asked[1]), min(int(asked[2] or found.st_size), last)
            elif asked is not None:
                first = max(found.st_size - int(asked[2]), 0)
            status = b"206 Partial Content" if asked is not None else b"200 OK"
            connection.sendall(
                b"HTTP/1.1 %s\r\nContent-Length: %d\r\nContent-Range: bytes %d-%d/%d\r\nAccept-Ranges: bytes\r\n"
                b'ETag: "%x-%x"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\n\r\n'
                % (status, last + 1 - first, first, last, found.st_size, found.st_size, found.st_mtime_ns)
            )
            while method == b"GET" and first <= last:
                first += os.sendfile(connection.fileno(), file.fileno(), first, last + 1 - first)

    accept(port, serve)


def proxy(target: int, port: int, latency_s: float, bytes_per_s: float) -> None:
    lock = threading.Lock()
    free_at = [0.0]  # when the wire has carried what was put on it

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", target)) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=answers, args=(server, client), daemon=True)
            back.start()
            while True:
                request = client.recv(65536)  # a GET is one small piece
                if not request:
                    break
                time.sleep(latency_s)
                server.sendall(request)
            server.shutdown(socket.SHUT_WR)
            back.join()

    def answers(server: socket.socket, client: socket.socket) -> None:
        out, into = os.pipe()
        try:
            with suppress(OSError):
                while True:
                    count = os.splice(server.fileno(), into, PIPE_BYTES if not bytes_per_s else PIECE_BYTES)
                    if not count:
                        break
                    if bytes_per_s:
                        with lock:
                            free_at[0] = max(free_at[0], time.monotonic()) + count / bytes_per_s
                            pause = free_at[0] - time.monotonic()
                        time.sleep(max(pause, 0))
                    while count:
                        count -= os.splice(out, client.fileno(), count)
        finally:
            os.close(out)
            os.close(into)
            with suppress(OSError):
                client.shutdown(socket.SHUT_WR)

    accept(port, serve)


def accept(port: int, serve: object) -> None:
    with socket.create_server(("127.0.0.1", port), backlog=256) as listener:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()  # type: ignore[arg-type]


if __name__ == "__main__":
    if sys.argv[1] == "static":
        static(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        proxy(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]) / 1000, float(sys.argv[5]) * 1e6)
