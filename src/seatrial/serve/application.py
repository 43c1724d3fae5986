"""The server of one model, as an ASGI application: the Open Inference Protocol over HTTP."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from seatrial.errors import InputError
from seatrial.models.predictor import ArrayPredictor
from seatrial.serve.formats.model_documents import model_metadata
from seatrial.serve.formats.open_inference import parse_request
from seatrial.serve.formats.request_columns import Question, Unanswered
from seatrial.serve.http.bodies import BODY_LIMIT_BYTES, BodyReader
from seatrial.serve.http.messages import CLOSE, HttpError, Request, Response, json_response, send_response
from seatrial.serve.inference import Busy, Inference, Late, Limits, Observer, Stopping
from seatrial.serve.routes import Handler, Routes

EXTENSIONS = ("binary_tensor_data",)
RETRY_AFTER = (b"retry-after", b"1")
_BINARY = b"inference-header-content-length"
# What infer takes: none, JSON, JSON with tensors behind it, and what clients send that do not say ("curl -d").
_MEDIA_TYPES = frozenset(
    {"", "application/json", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"}
)
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_LONGEST_TIMEOUT = 12  # characters

_VERSION = importlib.metadata.version("seatrial")
_log = logging.getLogger(__name__)


class Application:
    """An ASGI application with an end: `drain`, then `stop_answering`, then the lifespan's."""

    def __init__(self, routes: Routes, inference: Inference) -> None:
        self._routes = routes
        self.inference = inference
        self.draining = False

    async def __call__(self, scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        """One request, or the application's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        request = Request.from_scope(scope, receive)
        response = await self._respond(request)
        extra = []
        if (identity := request.headers.get(b"x-request-id")) is not None and _REQUEST_ID.fullmatch(identity):
            extra.append((b"x-request-id", identity))
        if self.draining:
            extra.append(CLOSE)  # the client's next request goes to another server
        await send_response(response, send, extra)

    def drain(self) -> None:
        """Is not ready from now on, and closes each connection with its next answer."""
        self.draining = True

    def stop_answering(self) -> None:
        """Refuses whatever is not answered yet."""
        self.inference.stop_answering()

    async def _respond(self, request: Request) -> Response:
        try:
            return await self._routes.find(request)(request)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is answered
            return _error_response(request, error)
        except asyncio.CancelledError:  # the grace after SIGTERM is over: told as such, where it was a 500 and a trace
            return _error_response(request, Stopping("the server is shutting down"))

    async def _live(self, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self.inference.close)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


def create_app(
    predictor: ArrayPredictor,
    name: str,
    version: str,
    *,
    limits: Limits | None = None,
    body_limit_bytes: int = BODY_LIMIT_BYTES,
    observer: Observer | None = None,
) -> Application:
    """The application that answers for `predictor` as the model `name`, version `version`.

    400: the request is wrong, where in the document, and how to correct it; 404: another model; 408: the body came too
    slowly; 413: it is larger than `body_limit_bytes`, inflated too; 415: its type or encoding is not taken; 422: the
    model has no answer to a row; 429: too many wait already; 503: an answer took longer than the server's limit, or
    the server ends; 504: longer than the client's.
    """
    limits = limits or Limits()
    signature = predictor.signature
    inference = Inference(predictor, limits, observer=observer)
    reader = BodyReader(limit_bytes=body_limit_bytes, timeout_s=limits.timeout_s)
    metadata = json_response(model_metadata(signature, model=name, version=version))
    application: Application

    async def ready(request: Request) -> Response:  # noqa: ARG001  # a handler's signature
        return json_response({"ready": not application.draining}, 503 if application.draining else 200)

    async def model_ready(request: Request) -> Response:  # noqa: ARG001
        return json_response({"name": name, "ready": not application.draining}, 503 if application.draining else 200)

    async def infer(request: Request) -> Response:
        _check_media_type(request, _MEDIA_TYPES)
        length = _header_length(request)
        body = await reader.read(request)

        def read() -> Question:
            return parse_request(body, signature, model=name, version=version, header_length=length)

        reply = await inference.answer(read, len(body), timeout_s=_client_timeout(request), on_wait=_listener(request))
        return Response(200, reply.body, reply.media_type, reply.headers)

    handlers: dict[str, Mapping[str, Handler]] = {
        "/v2": {"GET": _always(json_response({"name": "seatrial", "version": _VERSION, "extensions": EXTENSIONS}))},
        "/v2/health/live": {"GET": _always(json_response({"live": True}))},
        "/v2/health/ready": {"GET": ready},
    }
    for root in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
        handlers[root] = {"GET": _always(metadata)}
        handlers[f"{root}/ready"] = {"GET": model_ready}
        handlers[f"{root}/infer"] = {"POST": infer}

    def missing(path: str) -> str:
        named = re.match(r"/v2/models/([^/]+)(?:/versions/([^/]+))?", path)
        if named is None or (named[1], named[2] or version) == (name, version):
            return f"{path!r:.200} is not here."
        return (
            f"This server does not have model {named[1]!r:.100} of version {(named[2] or version)!r:.40}, "
            f"but {name!r} of {version!r}."
        )

    application = Application(Routes(handlers, missing), inference)
    return application


def _always(response: Response) -> Handler:
    async def answer(request: Request) -> Response:  # noqa: ARG001
        return response

    return answer


def _check_media_type(request: Request, allowed: frozenset[str]) -> None:
    media_type, *parameters = (request.text_header(b"content-type") or "").lower().split(";")
    charset = next(
        (item.split("=", 1)[1].strip(' "') for item in parameters if item.strip().startswith("charset=")), ""
    )
    if media_type.strip() not in allowed:
        raise HttpError(415, f"The media type {media_type!r:.60} is not taken here. Send application/json.", CLOSE)
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise HttpError(415, f"The charset {charset!r:.40} is not taken. Send UTF-8.", CLOSE)


def _header_length(request: Request) -> int | None:
    length = request.text_header(_BINARY)
    if length is None:
        return None
    if not (length.isascii() and length.isdigit() and len(length) <= _LONGEST_TIMEOUT):
        raise HttpError(400, "Inference-Header-Content-Length must be a number of bytes.")
    return int(length)


def _client_timeout(request: Request) -> float | None:
    """Seconds by Request-Timeout, or milliseconds by the header that Envoy (Istio, Knative) sends upstream."""
    for name, shown, unit in (
        (b"request-timeout", "Request-Timeout", 1.0),
        (b"x-envoy-expected-rq-timeout-ms", "X-Envoy-Expected-Rq-Timeout-Ms", 1000.0),
    ):
        value = request.text_header(name)
        if value is not None:
            if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII) or float(value) == 0:
                raise HttpError(400, f"{shown} must be a positive number, got {value!r:.40}.")
            return float(value) / unit
    return None


def _listener(request: Request) -> Callable[[Callable[[], None]], None]:
    def listen(give_up: Callable[[], None]) -> None:
        if request.connection is not None:
            request.connection.on_lost(give_up)

    return listen


def _error_response(request: Request, error: BaseException) -> Response:
    if isinstance(error, HttpError):
        return json_response({"error": str(error)}, error.status, error.headers)
    if isinstance(error, Unanswered):
        return json_response({"error": str(error)}, 422)
    if isinstance(error, InputError):
        return json_response({"error": str(error)}, 400)
    if isinstance(error, Stopping):
        return json_response({"error": f"The server is ending: {error}. Try again."}, 503, (RETRY_AFTER, CLOSE))
    if isinstance(error, Busy):
        return json_response({"error": f"The server is busy: {error}. Try again."}, 429, (RETRY_AFTER,))
    if isinstance(error, Late):
        return json_response({"error": f"{error}."}, 504 if error.of_client else 503, (RETRY_AFTER,))
    # The trace is the operator's, never the client's.
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return json_response({"error": "The server failed to answer; its log says why."}, 500)
