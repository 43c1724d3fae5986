"""The routes of the Open Inference Protocol for one model."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from seatrial.errors import InputError
from seatrial.models.predictor import Predictor
from seatrial.serve import protocol
from seatrial.serve.worker import Busy, Worker

BODY_LIMIT_BYTES = 8 * 2**20
WAITING = 32  # requests; with the limit above, at most 256 MiB of bodies
TIMEOUT_S = 30.0

_VERSION = importlib.metadata.version("seatrial")
_log = logging.getLogger(__name__)


def create_app(
    predictor: Predictor,
    name: str,
    version: str,
    *,
    body_limit_bytes: int = BODY_LIMIT_BYTES,
    waiting: int = WAITING,
    timeout_s: float = TIMEOUT_S,
) -> Starlette:
    """An ASGI application that answers for `predictor` as the model `name`, version `version`.

    400: the request is wrong, and how to correct it; 404: another model; 408: the body came too slowly; 413: it is
    larger than `body_limit_bytes`; 503: `waiting` requests are held already, or an answer took longer than `timeout_s`.
    """
    signature = predictor.signature

    def answer(body: bytes) -> bytes:
        request = protocol.parse_request(body, signature)
        predictions = predictor.predict(request.rows)
        protocol.check_answered(predictions, request, signature)
        return protocol.render_response(predictions, request, signature, model=name, version=version)

    worker = Worker(answer, waiting=waiting, timeout_s=timeout_s)

    async def server(request: Request) -> Response:  # noqa: ARG001  # a route's signature
        return _json({"name": "seatrial", "version": _VERSION, "extensions": []})

    async def live(request: Request) -> Response:  # noqa: ARG001
        return _json({"live": True})

    async def ready(request: Request) -> Response:  # noqa: ARG001
        return _json({"ready": True})

    async def metadata(request: Request) -> Response:
        _check_model(request, name, version)
        return _json(protocol.model_metadata(signature, model=name, version=version))

    async def model_ready(request: Request) -> Response:
        _check_model(request, name, version)
        return _json({"name": name, "ready": True})

    async def infer(request: Request) -> Response:
        _check_model(request, name, version)
        if "inference-header-content-length" in request.headers:
            raise HTTPException(
                400, "Binary tensors are not taken. Send JSON, without Inference-Header-Content-Length."
            )
        try:
            body = await _body(request, body_limit_bytes, timeout_s)
            return Response(await worker.answer(body), media_type="application/json")
        except asyncio.CancelledError:  # the grace after SIGTERM is over: told as such, where it was a 500 and a trace
            raise Busy("the server is shutting down") from None

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        yield
        worker.close()

    model = "/v2/models/{name}"
    app = Starlette(
        routes=[
            Route("/v2", server),
            Route("/v2/health/live", live),
            Route("/v2/health/ready", ready),
            *(
                route
                for root in (model, f"{model}/versions/{{version}}")
                for route in (
                    Route(root, metadata),
                    Route(f"{root}/ready", model_ready),
                    Route(f"{root}/infer", infer, methods=["POST"]),
                )
            ),
        ],
        exception_handlers={
            InputError: _on_input_error,
            Busy: _on_busy,
            HTTPException: _on_http_exception,
            Exception: _on_exception,
        },
        lifespan=lifespan,
    )
    app.state.stop_answering = worker.stop_answering
    app.router.redirect_slashes = False  # a redirect would lead to whatever address the client's Host header names
    return app


def _check_model(request: Request, name: str, version: str) -> None:
    asked, at = request.path_params["name"], request.path_params.get("version", version)
    if (asked, at) != (name, version):
        raise HTTPException(
            404, f"This server does not have model {asked!r} of version {at!r}, but {name!r} of {version!r}."
        )


async def _body(request: Request, limit_bytes: int, timeout_s: float) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit_bytes:
                    raise HTTPException(
                        413, f"The body is larger than {limit_bytes} bytes. Send fewer rows a request.", _CLOSE
                    )
    except TimeoutError:
        raise HTTPException(408, f"The body did not come within {timeout_s:g} s.", _CLOSE) from None
    except ClientDisconnect:
        raise HTTPException(400, "The client went away.") from None
    return bytes(body)


_CLOSE = {"Connection": "close"}  # what is left of the body is not read


def _json(document: dict[str, object], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(protocol.to_bytes(document), status, headers, "application/json")


async def _on_input_error(request: Request, error: Exception) -> Response:  # noqa: ARG001  # a handler's signature
    return _json({"error": str(error)}, 400)


async def _on_busy(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return _json({"error": f"The server is busy: {error}. Try again."}, 503, {"Retry-After": "1"})


async def _on_http_exception(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, HTTPException)  # noqa: S101  # what it is registered for
    return _json({"error": error.detail}, error.status_code, dict(error.headers or {}))


async def _on_exception(request: Request, error: Exception) -> Response:
    # The trace is the operator's, never the client's.
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _json({"error": "The server failed to answer; its log says why."}, 500)
