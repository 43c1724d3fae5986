"""One HTTP request and its response, over ASGI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from seatrial.serve.formats.request_columns import dump_json

JSON = "application/json"
CLOSE = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class HttpError(Exception):
    """A request that is answered with an error status."""

    def __init__(self, status: int, message: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@dataclass(slots=True)
class Request:
    """A request; its body is still to be received."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]  # by their names in lower case; of several of one name, the last
    receive: Callable[[], Any]
    connection: Any = field(default=None)  # the `Connection` of our server, where it is ours
    request_id: str = ""

    @classmethod
    def from_scope(cls, scope: Any, receive: Callable[[], Any]) -> Request:
        """The request of an ASGI scope."""
        return cls(
            scope["method"],
            scope["path"],
            scope.get("query_string", b""),
            dict(scope["headers"]),
            receive,
            scope.get("seatrial.connection"),
        )

    def text_header(self, name: bytes) -> str | None:
        """A header as text; None if it is not there."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1").strip()


def json_response(document: object, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Response:
    """A document as the response."""
    return Response(status, dump_json(document), JSON, tuple(headers))


async def send_response(response: Response, send: Callable[[Any], Any], extra: Iterable[tuple[bytes, bytes]]) -> None:
    """Sends the response, with its length."""
    headers = [
        (b"content-type", response.media_type.encode("latin-1")),
        (b"content-length", str(len(response.body)).encode()),
        *response.headers,
        *extra,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
