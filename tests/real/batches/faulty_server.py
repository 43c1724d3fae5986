"""A static range server that does what networks and stores do on bad days, by a seeded plan."""

from __future__ import annotations

import hashlib
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FAULTS = ("503", "reset", "reset in the body", "cut off in the head", "cut off", "stall")
Plan = Callable[[int], str | None]  # from the number of a request to what happens to it

_RANGE = re.compile(rb"(?i)\r\nrange: bytes=(\d*)-(\d*)\r\n")
_IF_MATCH = re.compile(rb"(?i)\r\nif-match: ([^\r]+)\r\n")


def seeded(seed: int, share: float, faults: tuple[str, ...] = FAULTS) -> Plan:
    """Each request meets one of the faults with this probability."""
    chance = random.Random(seed)
    return lambda number: chance.choice(faults) if chance.random() < share else None


class FaultyServer:
    """Serves a folder on a free port of 127.0.0.1; `honours_if_match` as most stores do, and some do not."""

    def __init__(self, folder: Path, *, honours_if_match: bool = True, stall_s: float = 0.6) -> None:
        self.folder, self.honours_if_match, self.stall_s = folder, honours_if_match, stall_s
        self.plan: Plan = lambda number: None
        self.met: Counter[str] = Counter()
        self.requests = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def connected(self) -> int:
        """Connections that are open at this end."""
        with self._lock:
            return len(self._connections)

    def close(self) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with self._lock:
                    self._connections.add(connection)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        received = b""
        with connection, suppress(OSError):
            while True:
                while b"\r\n\r\n" not in received:
                    more = connection.recv(65536)
                    if not more:
                        break
                    received += more
                head, separator, received = received.partition(b"\r\n\r\n")
                if not separator or not self._answer(connection, head + b"\r\n"):
                    break
        with self._lock:
            self._connections.discard(connection)

    def _answer(self, connection: socket.socket, head: bytes) -> bool:
        """Whether the connection can be used again."""
        with self._lock:
            number = self.requests
            self.requests += 1
            fault = self.plan(number)
            if fault is not None:
                self.met[fault] += 1
        if fault == "503":
            connection.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nslow")
            return True
        if fault == "reset":
            return self._reset(connection)
        path = self.folder / head.split(b" ")[1].decode().lstrip("/")
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return True
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        asked = _IF_MATCH.search(head)
        if self.honours_if_match and asked is not None and asked[1].decode() != etag:
            connection.sendall(b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n")
            return True
        first, last = _range(head, len(data))
        body = data[first : last + 1]
        answer = (
            f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(body)}\r\n"
            f"Content-Range: bytes {first}-{last}/{len(data)}\r\nETag: {etag}\r\n\r\n"
        ).encode()
        if fault == "cut off in the head":  # all that is there reads as a whole head
            connection.sendall(answer[: answer.index(b"ETag")])
            return False
        connection.sendall(answer)
        if fault is None:
            connection.sendall(body)
            return True
        connection.sendall(body[: len(body) // 2])
        if fault == "stall":
            self._ended.wait(self.stall_s)
        return self._reset(connection) if fault == "reset in the body" else False

    def _reset(self, connection: socket.socket) -> bool:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST instead of FIN
        return False


def _range(head: bytes, size: int) -> tuple[int, int]:
    found = _RANGE.search(head)
    if found is None:
        return 0, size - 1
    if not found[1]:
        return max(size - int(found[2]), 0), size - 1
    return int(found[1]), min(int(found[2] or size), size - 1)


@contextmanager
def serving(folder: Path, *, honours_if_match: bool = True, stall_s: float = 0.6) -> Iterator[FaultyServer]:
    server = FaultyServer(folder, honours_if_match=honours_if_match, stall_s=stall_s)
    try:
        yield server
    finally:
        server.close()
