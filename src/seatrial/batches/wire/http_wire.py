"""Ranged GETs over HTTP, straight into the buffer that they are for.

The standard library's client, not obstore's: it receives into our memory (a third less CPU a byte from a static
server), a blocked read ends the moment its socket is shut, and it works in a forked process, where obstore's runtime is
dead and hangs. Decision 60 has the numbers.
"""

from __future__ import annotations

import base64
import http.client
import random
import re
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from seatrial.batches.wire.wire import DataFile, Tail, WireClosed, changed, missing
from seatrial.errors import StoreError
from seatrial.stores.s3_refusal import EXPIRED, S3Refusal, read_refusal, refusal_error

T = TypeVar("T")

PASSING = {408, 429, 500, 502, 503, 504}  # statuses that another try can help
LARGEST_REFUSAL_BYTES = 64 * 1024  # of an answer that tells an error; the rest is not read
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Address(Protocol):
    """Where a file is asked for."""

    def __call__(self, path: str, *, fresh: bool = False) -> str:
        """The file's URL, signed where its store wants that; `fresh` after a signature was refused."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """When a request has failed, and when a read has."""

    connect_s: float = 5.0
    silence_s: float = 20.0  # without a byte; then the rest is asked for again
    failures: int = 8  # of one range, one after the other, without a byte between
    failures_in_all: int = 64  # of one range, with progress between
    pause_s: float = 0.1  # doubles with every failure
    longest_pause_s: float = 5.0


class _TransientError(Exception):
    """A failure that another try may help; says which."""


class HttpWire:
    """`Wire` over http and https."""

    def __init__(
        self,
        address: Address,
        limits: Limits | None = None,
        *,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self._proxy = None if proxy is None else urlsplit(proxy)
        self._proxy_headers: dict[str, str] = {}
        if self._proxy is not None and self._proxy.username is not None:
            user = f"{unquote(self._proxy.username)}:{unquote(self._proxy.password or '')}"
            self._proxy_headers["Proxy-Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        self._tls = tls
        self._limits = limits or Limits()
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()
        self._closed = threading.Event()
        self._noise = random.Random()  # noqa: S311 only spreads retries

    def tail(self, path: str, size_bytes: int | None, length: int) -> Tail:
        """See `Wire.tail`."""
        start = None if size_bytes is None else max(size_bytes - length, 0)

        def attempt() -> Tail:
            response = self._ask(path, f"bytes=-{length}" if start is None else f"bytes={start}-", None, start or 0)
            first, total = _place(response, path, start or 0)
            if size_bytes is not None and total != size_bytes:
                raise changed(path, 0)
            etag = response.getheader("ETag") or response.getheader("Last-Modified")
            if etag is None:
                raise StoreError(
                    "the server gives neither an ETag nor a time of change: a changed file would go unseen.",
                    path=path,
                    hint="Serve the files from a server that gives one of them.",
                )
            data = response.read(total - first)
            if len(data) != total - first:
                raise _TransientError("the answer was cut off")
            return Tail(data, DataFile(path, total, etag))

        return self._retried(path, lambda: start or 0, attempt)

    def read(self, file: DataFile, start: int, into: Sequence[memoryview]) -> None:
        """See `Wire.read`. Bytes that came before a failure are kept: only the rest is asked for again."""
        left = deque(into)
        got, stop = 0, start + sum(map(len, into))

        def attempt() -> None:
            nonlocal got
            offset = start + got
            response = self._ask(file.path, f"bytes={offset}-{stop - 1}", file.etag, offset)
            first, total = _place(response, file.path, offset)
            etag = response.getheader("ETag") or response.getheader("Last-Modified")
            if total != file.size_bytes or etag != file.etag:
                raise changed(file.path, offset)
            if first != offset:
                raise StoreError(
                    f"the server answers bytes from {first:,} where {offset:,} was asked for.",
                    path=file.path,
                    hint="Serve the files from a server that honours Range.",
                )
            while left:
                count = response.readinto(left[0])
                if not count:
                    raise _TransientError("the answer was cut off")
                got += count
                left[0] = left[0][count:]
                if not left[0]:
                    left.popleft()
            response.close()

        self._retried(file.path, lambda: start + got, attempt)

    def close(self) -> None:
        """See `Wire.close`."""
        self._closed.set()
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            _shut(connection)

    def _retried(self, path: str, place: Callable[[], int], attempt: Callable[[], T]) -> T:
        limits = self._limits
        at, in_a_row, in_all = place(), 0, 0
        while True:
            if self._closed.is_set():
                raise WireClosed
            try:
                return attempt()
            except (_TransientError, OSError, http.client.HTTPException) as error:
                self._drop()
                if self._closed.is_set():
                    raise WireClosed from None
                in_all += 1
                in_a_row = in_a_row + 1 if place() == at else 1
                at = place()
                if in_a_row >= limits.failures or in_all >= limits.failures_in_all:
                    raise StoreError(
                        f"the store failed {in_all} times at byte {at:,}, the last time: {_failure_text(error)}.",
                        path=path,
                        hint="Look at the store's load and its log; then go on from the cursor.",
                    ) from None
                pause = min(limits.pause_s * 2 ** (in_a_row - 1), limits.longest_pause_s)
                self._closed.wait(pause * (1 + self._noise.random()) / 2)
            except BaseException:
                self._drop()  # its answer may not have been read to the end
                raise

    def _ask(self, path: str, byte_range: str, etag: str | None, offset: int) -> http.client.HTTPResponse:
        """The answer's head, its status being 200 or 206."""
        headers = {"Range": byte_range, "Accept-Encoding": "identity"}
        if etag is not None and etag.startswith('"'):  # weak ETags, and times, are compared when they are back
            headers["If-Match"] = etag
        response = self._request(self._address(path), headers)
        refusal = _refusal(response)
        if response.status in (401, 403) or (response.status == 400 and refusal.code in EXPIRED):
            self._drop()
            response = self._request(self._address(path, fresh=True), headers)
            refusal = _refusal(response)
        if response.status in (200, 206):
            # A head that was cut off reads as a whole one, without an ETag or half of the file's size.
            if response.length != 0 and not response.peek(1):
                raise _TransientError("the answer was cut off")
            return response
        if response.status in PASSING:
            raise _TransientError(f"status {response.status}")
        if response.status in (404, 410):
            raise missing(path, offset)
        if response.status in (412, 416):
            raise changed(path, offset)
        if 300 <= response.status < 400:  # no refusal, but no file either
            raise StoreError(
                f"the store redirects elsewhere (status {response.status}, at byte {offset:,}), which is not followed.",
                path=path,
                hint="Name the address that it redirects to: `endpoint`, with http or https as the store expects it.",
            )
        raise refusal_error(
            refusal, f"status {response.status}, at byte {offset:,}", path=path, refused=response.status in (401, 403)
        )

    def _request(self, url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        connection = self._connection(parts.scheme, parts.netloc)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        if self._proxy is not None and parts.scheme == "http":
            target, headers = url, {**headers, **self._proxy_headers}
        connection.request("GET", target, headers=headers)
        return connection.getresponse()

    def _connection(self, scheme: str, host: str) -> http.client.HTTPConnection:
        """The connection of the thread that asks."""
        mine: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if mine is not None and mine.sock is not None and self._mine.host == (scheme, host):
            return mine
        self._drop()
        mine = self._new_connection(scheme, host)
        with self._lock:
            if self._closed.is_set():
                raise WireClosed
            self._open.add(mine)
        self._mine.connection, self._mine.host = mine, (scheme, host)
        mine.connect()
        mine.auto_open = 0  # not again by itself, after it was closed
        mine.sock.settimeout(self._limits.silence_s)
        if self._closed.is_set():  # whoever closed it found no socket to close
            self._drop()
            raise WireClosed
        return mine

    def _new_connection(self, scheme: str, host: str) -> http.client.HTTPConnection:
        """To the host itself, or to the proxy before it: through a tunnel for https, by whole URLs for http."""
        to = host if self._proxy is None else self._proxy.netloc.rpartition("@")[2]
        if scheme == "http":
            return http.client.HTTPConnection(to, timeout=self._limits.connect_s)
        tls = self._tls or ssl.create_default_context()
        secured = http.client.HTTPSConnection(to, timeout=self._limits.connect_s, context=tls)
        if self._proxy is not None:
            secured.set_tunnel(host, headers=self._proxy_headers)
        return secured

    def _drop(self) -> None:
        mine: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if mine is not None:
            self._mine.connection = None
            with self._lock:
                self._open.discard(mine)
            mine.close()


def _refusal(response: http.client.HTTPResponse) -> S3Refusal:
    """What the body of an answer that is not the file says; empty where it is the file."""
    if response.status in (200, 206):
        return S3Refusal()
    return read_refusal(response.read(LARGEST_REFUSAL_BYTES))


def _place(response: http.client.HTTPResponse, path: str, offset: int) -> tuple[int, int]:
    """The first byte of the answer, and the size of the whole file."""
    if response.status == 200:
        if response.length is None:
            raise StoreError("the server does not say how long the file is.", path=path, hint="Use another server.")
        return 0, response.length
    content_range = _CONTENT_RANGE.fullmatch(response.getheader("Content-Range") or "")
    if content_range is None:
        raise StoreError(
            f"the server's answer does not say which bytes it holds (at byte {offset:,}).",
            path=path,
            hint="Serve the files from a server that honours Range.",
        )
    return int(content_range[1]), int(content_range[3])


def _failure_text(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no byte came in time"
    if isinstance(error, http.client.HTTPException):
        return "the answer was cut off" if isinstance(error, http.client.IncompleteRead) else type(error).__name__
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)


def _shut(connection: http.client.HTTPConnection) -> None:
    """Ends a read that another thread is blocked in; that thread closes the connection, or nobody needs it."""
    try:
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()
