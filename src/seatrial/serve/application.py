"""The server as an ASGI application: each request to its handler, each error to its status."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from seatrial.errors import InputError
from seatrial.serve.formats.request_columns import TooManyRows, Unanswered
from seatrial.serve.http.messages import CLOSE, HttpError, Request, Response, json_response, send_response
from seatrial.serve.inference import Busy, Gone, Inference, Late, Stopping, refusal_of
from seatrial.serve.observation.counts import CLIENT_GONE, Counts
from seatrial.serve.routes import Route, Routes
from seatrial.serve.sampling.sampler import END_S

RETRY_AFTER = (b"retry-after", b"1")
ENDED_S = 28.0  # after SIGTERM: Kubernetes kills after 30
_TOO_MUCH = 429  # bodies together, while they are received
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """One request and how it was answered, for a log; nothing of what it held."""

    method: str
    path: str
    request_id: str | None
    status: int
    seconds: float
    answer_bytes: int


class Beside(Protocol):
    """A server of another protocol in the same event loop, which asks the same model."""

    async def start(self) -> None:
        """Begins to listen."""
        ...

    @property
    def busy(self) -> bool:
        """Whether it answers somebody now."""
        ...

    async def stop(self, grace_s: float = ...) -> None:
        """Takes nothing new, and ends once what was accepted is answered, or after so long."""
        ...


class Application:
    """An ASGI application with an end: `drain`, then `stop_answering`, then the lifespan's."""

    def __init__(
        self, inference: Inference, counts: Counts, *, on_served: Callable[[Served], None] | None = None
    ) -> None:
        self.routes = Routes({}, lambda path: f"{path} is not here.")
        self.inference = inference
        self.counts = counts
        self.draining = False
        self._ended_by = math.inf
        self._on_served = on_served
        self.beside: Beside | None = None
        self.start_error: Exception | None = None

    async def __call__(self, scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        """One request, or the application's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        begun = time.perf_counter()
        request = Request.from_scope(scope, receive)
        identity = request.headers.get(b"x-request-id")
        if identity is not None and not _REQUEST_ID.fullmatch(identity):
            identity = None
        if identity is None and self.counts.sampler is not None:
            identity = uuid.uuid4().hex.encode()  # labels that come later name it
        request.request_id = "" if identity is None else identity.decode("latin-1")
        route, response, refusal = await self._respond(request)
        extra = [] if identity is None else [(b"x-request-id", identity)]
        if self.draining:
            extra.append(CLOSE)  # the client's next request goes to another server
        await send_response(response, send, extra)
        seconds = time.perf_counter() - begun
        if route is not None:
            self.counts.responded(route.name, response.status, seconds, inference=route.inference, refusal=refusal)
        if self._on_served is not None:
            shown = request.request_id or None
            self._on_served(Served(request.method, request.path, shown, response.status, seconds, len(response.body)))

    def drain(self) -> None:
        """Is not ready from now on, and closes each connection with its next answer."""
        self.draining = True
        self._ended_by = time.monotonic() + ENDED_S

    async def stop_beside(self, grace_s: float) -> None:
        """The server beside takes nothing new from now on, and its clients are told; what it accepted is answered."""
        if self.beside is not None:
            await self.beside.stop(grace_s)

    def stop_answering(self) -> None:
        """Refuses whatever is not answered yet."""
        self.inference.stop_answering()

    async def _respond(self, request: Request) -> tuple[Route | None, Response, str | None]:
        """The route, its response, and why the request was refused if it was."""
        route = None
        try:
            route = self.routes.find(request)
            return route, await route.handler(request), None
        except Exception as error:  # noqa: BLE001  # whatever it is, it is answered
            too_much = isinstance(error, HttpError) and error.status == _TOO_MUCH
            return route, _error_response(request, error), "queue" if too_much else refusal_of(error)
        except asyncio.CancelledError:  # the grace after SIGTERM is over: told as such, where it was a 500 and a trace
            ending = Stopping("the server is shutting down")
            return route, _error_response(request, ending), refusal_of(ending)

    async def _live(self, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup" and self.beside is not None:
                try:
                    await self.beside.start()
                except Exception as error:  # noqa: BLE001  # whatever it is, half a server is none
                    self.start_error = error
                    await send({"type": "lifespan.startup.failed"})
                    return
            if message["type"] == "lifespan.shutdown":
                if self.beside is not None:
                    await self.beside.stop()
                await asyncio.to_thread(self.inference.close)
                if self.counts.sampler is not None:
                    left_s = max(0.0, self._ended_by - time.monotonic())
                    await asyncio.to_thread(self.counts.sampler.close, min(END_S, left_s))
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


def _error_response(request: Request, error: BaseException) -> Response:
    if isinstance(error, HttpError):
        return json_response({"error": str(error)}, error.status, error.headers)
    if isinstance(error, Unanswered):
        return json_response({"error": str(error)}, 422)
    if isinstance(error, TooManyRows):
        return json_response({"error": str(error)}, 413)
    if isinstance(error, InputError):
        return json_response({"error": str(error)}, 400)
    if isinstance(error, Stopping):
        return json_response({"error": f"The server is ending: {error}. Try again."}, 503, (RETRY_AFTER, CLOSE))
    if isinstance(error, Busy):
        return json_response({"error": f"The server is busy: {error}. Try again."}, 429, (RETRY_AFTER,))
    if isinstance(error, Late):
        return json_response({"error": f"{error}."}, 504 if error.of_client else 503, (RETRY_AFTER,))
    if isinstance(error, Gone):
        return json_response({"error": f"{error}."}, CLIENT_GONE)  # for the log and the metrics: nobody reads it
    # The trace is the operator's, never the client's.
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return json_response({"error": "The server failed to answer; its log says why."}, 500)
