"""An application on a socket, from its first connection to its last."""

from __future__ import annotations

import asyncio
import ctypes
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

import uvicorn

from seatrial.errors import InputError
from seatrial.serve.application import Application
from seatrial.serve.http.connection import CONNECTIONS, Connection

# After SIGTERM: a pod has 30 seconds unless its manifest says otherwise, and is killed then.
DRAIN_S = 10.0  # in which new requests are still answered, each with "Connection: close": proxies hear of it late
ANSWERING_S = 22.0  # then whoever still waits is told to come again, while there is time to tell it
GRACE_S = 25.0
_LOOK_S = 0.05
_HANDSHAKE_S = (
    0.2  # in which whoever was answered on this socket's behalf, and not yet accepted, completes the connection
)
_QUIET_S = 0.5  # in which those who connected before the signal are accepted: to close the socket resets them
_FIRST_REQUEST_S = 2.0  # in which whoever connected before that and never asked may do so: their machine may be busy
_BACKLOG = 1024
_OTHER_FILES = 128  # libraries, logs, gRPC's own sockets
_SO_ATTACH_FILTER = 26  # of asm-generic/socket.h; the socket module has no name for it
_DROP_SYN = (  # operation, jump if true, jump if false, operand
    (0x30, 0, 0, 13),  # load the flags of the TCP header
    (0x54, 0, 0, 0x12),  # of them SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # then keep nothing of the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # else all of it
)


def run_server(
    app: Application, *, host: str, port: int, ready: Callable[[str], None], drain_s: float = DRAIN_S
) -> None:
    """Serves until SIGTERM or SIGINT, answers what was accepted, and returns.

    `ready` gets the address once it serves; port 0 is any free one. An address that cannot be had is an `InputError`,
    and what does not start beside it raises its own. After SIGTERM it is not ready, but answers for `drain_s` longer,
    since proxies hear of it later; Ctrl-C does not wait.
    """
    Connection.most = _connections()
    listening = _listen(host, port)
    config = uvicorn.Config(
        app,
        http=Connection,
        loop="uvloop",
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="on",  # what does not start ends the server
        ws="none",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=round(GRACE_S - ANSWERING_S),
    )
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}"
    server = _Server(config, app, drain_s=drain_s, on_started=lambda: ready(address))

    # Before uvicorn listens to signals, and after: it raises the one that ended it once more.
    previous = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with listening:
            server.run(sockets=[listening])
    except SystemExit:  # uvicorn's, where the application does not start
        if app.start_error is None:
            raise
        raise app.start_error from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Server(uvicorn.Server):
    """uvicorn's server, which ends in order: not ready, nothing new, then what was accepted is answered or refused."""

    def __init__(
        self, config: uvicorn.Config, app: Application, *, drain_s: float, on_started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._app = app
        self._drain_s = drain_s
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tells that it has started, once everything beside it has too."""
        await super().startup(sockets)
        self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hears of a signal; nobody who presses Ctrl-C wants to wait for proxies."""
        if sig == signal.SIGINT:
            self._drain_s = 0
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers for `ANSWERING_S` and refuses for the rest of the grace; who connected before is accepted."""
        begun = time.monotonic()
        self._app.drain()
        await self._until(begun + max(self._drain_s, _QUIET_S))
        await self._close_listeners(sockets or [])
        # Who connected a moment ago may have sent a request that is not read yet: to close that connection resets it.
        connections, closed = self.server_state.connections, time.monotonic()
        await self._until(closed + _QUIET_S, unless=lambda: not connections)
        await self._until(closed + _FIRST_REQUEST_S, unless=lambda: not any(map(_never_asked, connections)))
        for connection in list(self.server_state.connections):
            connection.shutdown()  # closes it if nothing is under way, else with its answer
        beside = asyncio.create_task(self._app.stop_beside(begun + GRACE_S - time.monotonic()))
        await asyncio.sleep(0)  # it begins, though nobody may be waiting
        await self._until(begun + ANSWERING_S, unless=lambda: not self._busy)
        self._app.stop_answering()
        await super().shutdown(sockets)
        if self.force_exit:
            beside.cancel()
        await asyncio.wait([beside], timeout=_LOOK_S)  # it ended with the application's life

    async def _close_listeners(self, sockets: Sequence[socket.socket]) -> None:
        """Lets nobody connect any more and accepts whoever has: closing the socket resets them, their requests sent."""
        if all(_drops_new(listening) for listening in sockets):
            await asyncio.sleep(_HANDSHAKE_S)
        waiting = []
        for listening in sockets:
            with suppress(OSError):  # nobody waits any more, or there are too many open files
                while True:
                    waiting.append(listening.accept()[0])
        for listener in self.servers:
            listener.close()
        loop, state = asyncio.get_running_loop(), self.lifespan.state
        for accepted in waiting:
            accepted.settimeout(0)
            await loop.connect_accepted_socket(lambda: Connection(self.config, self.server_state, state), accepted)

    @property
    def _busy(self) -> bool:
        beside = self._app.beside is not None and self._app.beside.busy
        return bool(beside or self.server_state.tasks or self._app.inference.waiting) or any(
            connection.transport.get_write_buffer_size() for connection in self.server_state.connections
        )

    async def _until(self, moment: float, *, unless: Callable[[], bool] = lambda: False) -> None:
        while time.monotonic() < moment and not unless():
            await asyncio.sleep(_LOOK_S)


def _drops_new(listening: socket.socket) -> bool:
    """Has the kernel drop packets that begin a connection, as if they were lost: the client tries again in a second.

    Returns False where that cannot be had. Its program: socket(7) and Documentation/networking/filter.rst of Linux.
    """
    if sys.platform != "linux":
        return False
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_SYN)
    memory = ctypes.create_string_buffer(program, len(program))
    try:
        listening.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_DROP_SYN), ctypes.addressof(memory))
        )
    except OSError:
        return False
    return True


def _never_asked(connection: object) -> bool:
    return isinstance(connection, Connection) and connection.cycle is None


def _connections() -> int:
    """How many connections there may be: each is an open file, of which shells allow 1,024 unless asked for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CONNECTIONS + _OTHER_FILES
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(CONNECTIONS, soft - _OTHER_FILES))


def free_port(host: str, port: int) -> int:
    """The port, or any free one for 0; an `InputError` where it is taken."""
    with _listen(host, port) as listening:
        free: int = listening.getsockname()[1]
        return free


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.settimeout(0)
            listening.bind(address)
            listening.listen(_BACKLOG)  # from here on connections wait for the application instead of failing
        except BaseException:
            listening.close()
            raise
    except (OSError, OverflowError) as error:
        raise InputError(
            f"the server cannot listen there: {error}.", path=f"{host}:{port}", hint="Choose another --host or --port."
        ) from None
    return listening
