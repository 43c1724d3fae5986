"""uvicorn's HTTP/1.1 connection (httptools) with limits that it does not have, so that nobody is shut out.

A connection that does not finish its headers in time, or whose headers are too long, is closed; where there are too
many connections, the one that has been waiting longest for its headers, or else for its body, makes room for the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_S = 10.0  # from a connection's opening, or the first byte after an answer, to the end of the headers
HEADERS_BYTES = 64 * 2**10
PIPELINED = 32  # requests that wait for the answer to one before them; most clients send none
READING_S = 30.0  # in which a client has to read some of its answer
CONNECTIONS = 1024  # each may hold a body that is being received, within the limit of all of them
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b'content-length: 47\r\nconnection: close\r\n\r\n{"error":"The headers are longer than 64 KiB."}'
)


class Connection(HttpToolsProtocol):
    """One connection. Between two requests uvicorn's keep-alive limit holds; bodies have the application's."""

    most = CONNECTIONS  # fewer where the process may not open so many files
    _deadline: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _on_lost: Callable[[], None] | None = None
    _in_headers = False
    _upgrading = False  # between the headers of a request to upgrade and its body
    waiting_since = 0.0  # for headers, or for a body; by the loop's clock

    @property
    def body_is_complete(self) -> bool:
        """Whether the request under way has been received to its end."""
        return not self.cycle.more_body

    def on_lost(self, callback: Callable[[], None]) -> None:
        """What to call if the client goes away before it is answered."""
        self._on_lost = callback

    def abort(self) -> None:
        """Drops the connection with whatever was not sent yet."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begins to wait for the first request, in the place of another where there are too many."""
        if len(self.connections) >= self.most and not _make_room(self.connections):
            self.transport = transport
            self.abort()  # all others are being answered
            return
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Counts the bytes that are no piece of a body: headers, and what may follow a body in chunks."""
        self._header_bytes += len(data)
        self._unset_keepalive_if_required()
        self._feed(data)
        if self._header_bytes > HEADERS_BYTES and not self.transport.is_closing():
            if not self.waits_for_headers:
                self.abort()  # trailers, or the headers of a pipelined request: another answer is to come here
            else:
                self.transport.write(_TOO_LONG)
                self.transport.close()

    def _feed(self, data: bytes) -> None:
        while data and not self.transport.is_closing():
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._framing() + data[upgrade.args[0] :]
            except httptools.HttpParserError:
                if self.transport.is_closing():
                    return
                self.send_400_response("Invalid HTTP request received.")
                return
            else:
                return

    def _framing(self) -> bytes:
        """A head for another parser to read the body of a request to upgrade by.

        Upgrades are ignored (RFC 9110, section 7.8), but httptools takes what follows the headers for another protocol
        or, with the next bytes, for another request: one that a proxy has not seen.
        """
        names = (b"content-length", b"transfer-encoding")
        lines = [b"%s: %s\r\n" % (name, value) for name, value in self.headers if name in names]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        return b"POST / HTTP/1.1\r\n%s\r\n" % b"".join(lines)

    def on_url(self, url: bytes) -> None:
        """A piece of the path."""
        if not self._upgrading:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what follows a body (trailers) is not kept."""
        if self._in_headers:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self._header_bytes = 0
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """A chunk begins; what follows the last one are trailers."""
        self._header_bytes = 0

    def on_message_complete(self) -> None:
        """The end of the body; that of a request to upgrade is still to come."""
        self._header_bytes = 0
        if not self._upgrading:
            super().on_message_complete()

    def on_message_begin(self) -> None:
        """The first byte of a request: its headers have to end in time."""
        if self._upgrading:
            return
        self._in_headers = True
        super().on_message_begin()
        self.scope["seatrial.connection"] = self  # type: ignore[typeddict-unknown-key]
        if self._deadline is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """The headers are there in time."""
        self._header_bytes = 0
        if self._upgrading:
            self._upgrading = False
            return
        self._in_headers = False
        self._stop()
        self.waiting_since = self.loop.time()
        super().on_headers_complete()
        self._upgrading = self.parser.should_upgrade()
        if len(self.pipeline) > PIPELINED:
            self.abort()
            raise ConnectionAbortedError("too many requests are pipelined")  # ends the parsing of what was read

    def on_response_complete(self) -> None:
        """Nobody needs to hear of the client's end any longer."""
        self._on_lost = None
        self.waiting_since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops waiting, and tells whoever works for this client."""
        self._stop()
        super().connection_lost(exc)  # resumes writing
        if self._on_lost is not None:
            self._on_lost()
            self._on_lost = None

    def pause_writing(self) -> None:
        """The client reads more slowly than it is answered: it must go on reading."""
        super().pause_writing()
        self._watch_reading()

    def resume_writing(self) -> None:
        """The client has read nearly all."""
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _watch_reading(self, unread: int | None = None) -> None:
        size = self.transport.get_write_buffer_size()
        if unread is not None and size >= unread:
            self.abort()
        else:
            self._reading = self.loop.call_later(READING_S, self._watch_reading, size)

    @property
    def waits_for_headers(self) -> bool:
        """Whether no request is under way, nor an answer that is not sent yet."""
        return (self.cycle is None or self.cycle.response_complete) and not self.transport.get_write_buffer_size()

    @property
    def waits_for_body(self) -> bool:
        """Whether the only request under way has not been received to its end."""
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and cycle.more_body and not self.pipeline

    def _wait(self) -> None:
        self._header_bytes = 0
        self.waiting_since = self.loop.time()
        self._deadline = self.loop.call_later(HEADERS_S, self._give_up)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.cycle is None or self.cycle.response_complete:  # not while an earlier request is being answered
            self.transport.close()


class _Flow(FlowControl):
    """Reads nothing more while requests wait for the answer to one before them."""

    def __init__(self, transport: asyncio.Transport, pipeline: deque[Any]) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Called with each body that is received, and after each answer."""
        if not self._pipeline:
            super().resume_reading()


def _make_room(connections: Collection[object]) -> bool:
    """Closes the connection that has waited longest for headers, else for a body; False if none waits."""
    candidates = [
        connection
        for connection in connections
        if isinstance(connection, Connection) and not connection.transport.is_closing()
    ]
    for waiting in (
        [connection for connection in candidates if connection.waits_for_headers],
        [connection for connection in candidates if connection.waits_for_body],
    ):
        if waiting:
            min(waiting, key=lambda connection: connection.waiting_since).abort()
            return True
    return False
