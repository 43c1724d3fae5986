"""An application on a socket, from its first connection to its last."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from seatrial.errors import InputError
from seatrial.serve.header_deadline import HeaderDeadline

GRACE_S = 10  # what a request that was accepted has left after SIGTERM; a pod has 30
ANSWERING_S = 7  # of it for answers; then whoever still waits is told to come again, while there is time to tell it
LINGER_S = 2  # of it for connections that are sending their headers: to close one of those is to reset it
_LOOK_S = 0.05
_BACKLOG_S = 0.5  # in which those who connected before the signal are accepted: to close the socket resets them
CONNECTIONS = 256
_BACKLOG = 128


def run_server(app: Starlette, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT, finishes what was begun, and returns.

    `ready` gets the address once connections are accepted; port 0 is any free one. An address that cannot be had is
    an `InputError`.
    """
    listening = _listen(host, port)
    config = uvicorn.Config(
        app,
        http=HeaderDeadline,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, app)

    def end(number: int, frame: object) -> None:  # noqa: ARG001  # a signal handler's signature
        # Before uvicorn listens to signals, and after: it raises the one that ended it once more.
        server.should_exit = True

    previous = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with listening:
            shown = f"[{host}]" if ":" in host else host
            ready(f"http://{shown}:{listening.getsockname()[1]}")
            server.run(sockets=[listening])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Server(uvicorn.Server):
    """uvicorn's server, which ends in order: nothing new is accepted, then what was accepted is answered or refused."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers for `ANSWERING_S` and refuses for the rest of the grace; who connected before is accepted."""
        self._app.state.stop_answering(after_s=ANSWERING_S)
        for look in range(round(LINGER_S / _LOOK_S)):
            await asyncio.sleep(_LOOK_S)  # takes in what waits in the backlog, too
            idle = any(getattr(one, "cycle", one) is None for one in self.server_state.connections)
            if look * _LOOK_S >= _BACKLOG_S and not idle:
                break
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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
