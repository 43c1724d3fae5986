"""What the server answers where: a table of paths, exact to the character."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from seatrial.serve.http.messages import HttpError, Request, Response

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """A handler, its name in the metrics, and whether it asks the model."""

    name: str
    handler: Handler
    inference: bool = False


@dataclass(frozen=True, slots=True)
class Routes:
    """Handlers by path and method. A path that is not there is never redirected: the Host header is the client's."""

    by_path: Mapping[str, Mapping[str, Route]]
    missing: Callable[[str], str]  # what to say of a path that is not there

    def find(self, request: Request) -> Route:
        """The route; `HttpError` 404 or 405. What answers GET answers HEAD."""
        methods = self.by_path.get(request.path)
        if methods is None:
            raise HttpError(404, self.missing(request.path))
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            allowed = ", ".join(methods)
            raise HttpError(
                405,
                f"{request.path} takes {allowed}, not {request.method}.",
                (b"allow", allowed.encode()),
            )
        return route
