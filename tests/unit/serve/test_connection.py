"""Connections against whoever misuses them: real sockets, an application that echoes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from seatrial.serve.http.connection import HEADERS_BYTES, PIPELINED, Connection

TIMEOUT_S = 10.0
UPGRADE = b"connection: upgrade\r\nupgrade: h2c\r\n"
CLOSE = b"connection: close\r\n"


@dataclass
class Echo:
    """Answers with method, path and body once `open` is set; keeps what it was asked."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body, more = body + message["body"], message["more_body"]
        self.headers.append(dict(scope["headers"]))
        self.asked.append((scope["method"], scope["path"], body))
        await self.open.wait()
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Served:
    app: Echo
    state: ServerState
    port: int

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def connections(self, count: int) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.state.connections) != count:
                await asyncio.sleep(0.01)

    async def answers(self, *parts: bytes) -> bytes:
        """Whatever is answered until the server closes."""
        reader, writer = await self.connect()
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.05)
            async with asyncio.timeout(TIMEOUT_S):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


def serve(use: Callable[[Served], Awaitable[None]], *, is_open: bool = True) -> Echo:
    async def within() -> Echo:
        app, state = Echo(), ServerState()
        if is_open:
            app.open.set()
        config = uvicorn.Config(app, http=Connection, ws="none", log_level="critical", access_log=False)
        config.load()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
        try:
            await use(Served(app, state, server.sockets[0].getsockname()[1]))
        finally:
            app.open.set()
            server.close()
            for connection in list(state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
            for task in list(state.tasks):
                await task
        return app

    return asyncio.run(within())


HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.mark.parametrize("cut", [False, True], ids=["in one piece", "the body by itself"])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"content-length: %d\r\n" % len(HIDDEN), HIDDEN),
        (b"transfer-encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)),
    ],
    ids=["length", "chunked"],
)
def test_the_body_of_a_request_to_upgrade_is_a_body_and_no_request(headers: bytes, body: bytes, *, cut: bool) -> None:
    head = b"POST /first HTTP/1.1\r\nhost: a\r\n" + UPGRADE + headers + b"\r\n"
    last = b"GET /last HTTP/1.1\r\nhost: a\r\n" + CLOSE + b"\r\n"

    async def use(served: Served) -> None:
        parts = (head, body, last) if cut else (head + body + last,)
        assert (await served.answers(*parts)).count(b"HTTP/1.1 200") == 2

    assert serve(use).asked == [("POST", "/first", HIDDEN), ("GET", "/last", b"")]


def test_what_follows_a_request_to_upgrade_without_a_body_is_the_next_request() -> None:
    async def use(served: Served) -> None:
        first = b"GET /first HTTP/1.1\r\nhost: a\r\n" + UPGRADE + b"\r\n"
        last = b"GET /last HTTP/1.1\r\nhost: a\r\n" + CLOSE + b"\r\n"
        assert (await served.answers(first + last)).count(b"HTTP/1.1 200") == 2

    assert [path for _, path, _ in serve(use).asked] == ["/first", "/last"]


GET = b"GET /some HTTP/1.1\r\nhost: a\r\n\r\n"


def test_as_many_requests_are_pipelined_as_may_be_and_answered_in_their_order() -> None:
    async def use(served: Served) -> None:
        requests = [b"GET /%d HTTP/1.1\r\nhost: a\r\n" % place for place in range(PIPELINED + 1)]
        requests[-1] += CLOSE
        assert (await served.answers(b"\r\n".join(requests) + b"\r\n")).count(b"200 OK") == PIPELINED + 1

    assert [path for _, path, _ in serve(use).asked] == [f"/{place}" for place in range(PIPELINED + 1)]


@pytest.mark.parametrize("parts", [[GET * 5000], [GET] * (PIPELINED + 2)], ids=["at once", "one by one"])
def test_a_connection_that_pipelines_more_is_closed(parts: list[bytes]) -> None:
    async def use(served: Served) -> None:
        assert await served.answers(b"".join(parts)) == b""
        await served.connections(0)

    assert len(serve(use, is_open=False).asked) <= 1


def test_nothing_is_read_while_requests_wait_for_one_before_them() -> None:
    async def use(served: Served) -> None:
        _, writer = await served.connect()
        post = b"POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na"
        writer.write(post + GET)
        await served.connections(1)
        (connection,) = served.state.connections
        await asyncio.sleep(0.1)
        for _ in range(100):
            writer.write(GET)
        await asyncio.sleep(0.1)
        assert isinstance(connection, Connection)
        assert len(connection.pipeline) == 1
        writer.close()

    serve(use, is_open=False)


HALF_HEADERS = b"GET /half HTTP/1.1\r\nX: "
HALF_BODY = b"POST /half HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nab"


@pytest.fixture
def two_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "most", 2)


async def opened(served: Served, *sent: bytes) -> list[asyncio.StreamReader]:
    """A connection for each, on which so much was sent, in their order."""
    readers = []
    for data in sent:
        reader, writer = await served.connect()
        writer.write(data)
        await asyncio.sleep(0.1)
        readers.append(reader)
        KEPT.append(writer)  # a writer that nobody holds closes its connection
    return readers


KEPT: list[asyncio.StreamWriter] = []


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 0.2) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.mark.usefixtures("two_at_most")
@pytest.mark.parametrize(
    ("sent", "closed"),
    [
        ([GET, HALF_HEADERS, b""], [False, True, False]),
        ([HALF_BODY, HALF_HEADERS, b""], [False, True, False]),
        ([GET, HALF_BODY, b""], [False, True, False]),
        ([HALF_BODY, HALF_BODY, b""], [True, False, False]),
        ([GET + HALF_HEADERS, HALF_BODY, b""], [False, True, False]),
        ([GET, GET + HALF_BODY, b""], [False, False, True]),
        ([GET + HALF_HEADERS, GET + HALF_HEADERS, b""], [False, False, True]),
    ],
)
def test_who_keeps_the_server_waiting_makes_room_and_nobody_else(sent: list[bytes], closed: list[bool]) -> None:
    async def use(served: Served) -> None:
        readers = await opened(served, *sent)
        assert [await is_closed(reader) for reader in readers] == closed
        assert len(served.state.connections) == 2
        served.app.open.set()
        await asyncio.sleep(0.05)
        while KEPT:
            KEPT.pop().close()

    serve(use, is_open=False)


CHUNKED = b"POST /chunked HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n"
PIECE = b"a" * 8192


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (b"0\r\nx: ", PIECE),
        (b"0\r\n", b"x: %s\r\n" % PIECE),
        (b"1;x=", PIECE),
        (b"1\r\na\r\n0\r\n", b"x: b\r\n" * 1000),
    ],
    ids=["one trailer", "many trailers", "an extension", "small trailers"],
)
def test_a_body_in_chunks_with_more_headers_behind_it_than_before_it_is_dropped(start: bytes, again: bytes) -> None:
    async def use(served: Served) -> None:
        count = 2 + HEADERS_BYTES // len(again)
        assert await served.answers(CHUNKED + b"\r\n", start, *[again] * count) == b""
        await served.connections(0)

    assert serve(use).asked == []


def test_a_body_in_many_small_chunks_with_trailers_is_read_without_them() -> None:
    async def use(served: Served) -> None:
        chunks = b"1\r\na\r\n" * 5000
        end = b"0\r\nx-request-id: trailer\r\n\r\n"
        assert b"200 OK" in await served.answers(CHUNKED + CLOSE + b"\r\n", *[chunks] * 5, end)

    app = serve(use)
    assert app.asked == [("POST", "/chunked", b"a" * 25_000)]
    assert b"x-request-id" not in app.headers[0]


def test_headers_without_an_end_are_a_431() -> None:
    async def use(served: Served) -> None:
        assert (await served.answers(HALF_HEADERS, *[PIECE] * 9)).startswith(b"HTTP/1.1 431")

    serve(use)
