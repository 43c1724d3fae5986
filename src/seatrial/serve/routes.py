"""What the server answers where: a table of paths, exact to the character."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from seatrial.serve.http.messages import HttpError, Request, Response

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Routes:
    """Handlers by path and method. A path that is not there is never redirected: the Host header is the client's."""

    handlers: Mapping[str, Mapping[str, Handler]]
    missing: Callable[[str], str]  # what to say of a path that is not there

    def find(self, request: Request) -> Handler:
        """The handler; `HttpError` 404 or 405. What answers GET answers HEAD."""
        methods = self.handlers.get(request.path)
        if methods is None:
            raise HttpError(404, self.missing(request.path))
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allowed = ", ".join(methods)
            raise HttpError(
                405,
                f"{request.path} takes {allowed}, not {request.method}.",
                (b"allow", allowed.encode()),
            )
        return handler
