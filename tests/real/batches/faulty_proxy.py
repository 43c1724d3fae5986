"""A proxy before a real store that breaks every connection, sooner or later. Requests are signed for its address."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

KINDS = ("503", "reset", "cut off", "stall")
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PIECE = 16 * 1024


class FaultyProxy:
    """Passes a connection's bytes on until its fault, after as many bytes of answers as chance gives it."""

    def __init__(self, store: str, *, stall_s: float, longest: int) -> None:
        place = urlsplit(store)
        self._store = (str(place.hostname), int(place.port or 80))
        self._stall_s, self._longest = stall_s, longest
        self._chance = random.Random(7)
        self.met: Counter[str] = Counter()
        self.breaks = False
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                kind = self._chance.choice(KINDS) if self.breaks else None
                left = self._chance.randrange(self._longest)
                thread = threading.Thread(target=self._pass, args=(connection, kind, left), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pass(self, connection: socket.socket, kind: str | None, left: int) -> None:
        with connection, suppress(OSError):
            if kind == "503":
                self.met[kind] += 1
                connection.recv(PIECE)
                connection.sendall(BUSY)
                return
            with socket.create_connection(self._store) as behind:
                asking = threading.Thread(target=_forward, args=(connection, behind), daemon=True)
                asking.start()
                while data := behind.recv(PIECE):
                    passed = data if kind is None else data[:left]
                    connection.sendall(passed)
                    left -= len(passed)
                    if kind is not None and left == 0:
                        self.met[kind] += 1
                        if kind == "stall":
                            self._ended.wait(self._stall_s)
                        if kind == "reset":  # RST instead of FIN
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        break
                behind.shutdown(socket.SHUT_RDWR)
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
                asking.join(10)


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(PIECE):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def before(store: str, *, stall_s: float = 0.3, longest: int = 60_000) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(store, stall_s=stall_s, longest=longest)
    try:
        yield proxy
    finally:
        proxy.close()
