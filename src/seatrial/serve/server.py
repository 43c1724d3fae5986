"""An application on a socket, from its first connection to its last."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from seatrial.errors import InputError
from seatrial.serve.header_deadline import HeaderDeadline

GRACE_S = 10  # what a request that is being answered has left after SIGTERM; a pod has 30
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
    server = uvicorn.Server(config)

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
            f"cannot listen there: {error}.", path=f"{host}:{port}", hint="Choose another --host or --port."
        ) from None
    return listening
