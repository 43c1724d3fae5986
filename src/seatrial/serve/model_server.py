"""What one model's server answers, where: the Open Inference Protocol, rows in kind, Azure ML's routes, metrics."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable
from dataclasses import replace

from seatrial.models.codec import Codec
from seatrial.models.predictor import ArrayPredictor
from seatrial.serve.application import Application, Served
from seatrial.serve.formats.model_documents import model_config, model_metadata, model_statistics, repository_index
from seatrial.serve.formats.open_inference import parse_request
from seatrial.serve.formats.openapi import openapi_document
from seatrial.serve.formats.records import CSV, parse_csv, parse_records, parse_score
from seatrial.serve.formats.request_columns import Question, checked_rows
from seatrial.serve.guard import GUARD_HEADER, Guard, asked_guard, with_report
from seatrial.serve.http.bodies import BODY_LIMIT_BYTES, BodyReader
from seatrial.serve.http.messages import CLOSE, HttpError, Request, Response, json_response
from seatrial.serve.inference import Inference, Limits
from seatrial.serve.observation.counts import Counts
from seatrial.serve.observation.distributions import Distributions
from seatrial.serve.observation.metrics import Metrics
from seatrial.serve.routes import Handler, Route, Routes
from seatrial.serve.sampling.sampler import Sampler

EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
GUARD_EXTENSION = "seatrial_guard"
_BINARY = b"inference-header-content-length"
# What is taken for JSON: what says so, and what clients send that do not say ("curl -d").
_AS_JSON = frozenset({"", "application/json", "application/x-www-form-urlencoded", "text/plain"})
_INFERENCE = _AS_JSON | {"application/octet-stream"}  # tensors behind the document
_ROWS = _AS_JSON | {CSV}
_LENGTH_DIGITS = 12


def create_app(
    predictor: ArrayPredictor,
    name: str,
    version: str,
    *,
    limits: Limits | None = None,
    body_limit_bytes: int = BODY_LIMIT_BYTES,
    codec: Codec | None = None,
    digest: str = "",
    on_served: Callable[[Served], None] | None = None,
    sampler: Sampler | None = None,
    guard: Guard | None = None,
) -> Application:
    """The application that answers for `predictor` as the model `name`, version `version`.

    `codec`: what gives the bins in which inputs are counted; `digest`: of the release, for the metrics; `sampler`:
    keeps some of the rows, and is closed with the application; `guard`: tells who asks what is out of range.

    400: the request is wrong, where in the document, and how to correct it; 404: another model; 408: the body came too
    slowly; 413: it is larger than `body_limit_bytes`, inflated too, or has over 100,000 rows; 415: its type or encoding
    is not taken; 422: the model has no answer to a row; 429: too many wait already; 503: an answer took longer than the
    server's limit, or the server ends; 504: longer than the client's.
    """
    limits = limits or Limits()
    signature = predictor.signature
    counts = Counts(Distributions(codec, signature), sampler)
    inference = Inference(predictor, limits, observer=counts)
    reader = BodyReader(limit_bytes=body_limit_bytes, timeout_s=limits.timeout_s)
    app = Application(inference, counts, on_served=on_served)
    release = {"name": name, "version": version, "digest": digest, "seatrial": _VERSION}
    metrics = Metrics(counts, queue_depth=lambda: inference.waiting, labels=release)

    async def answer(request: Request, read: Callable[[bytes], Question]) -> Response:
        timeout_s = _client_timeout(request)
        reporting = asked_guard(_truth(request, GUARD_HEADER), guard, path="Seatrial-Guard")
        body = await reader.read(request)

        def question() -> Question:
            checked = replace(checked_rows(read(body)), request_id=request.request_id)
            return checked if reporting is None else with_report(checked, reporting)

        reply = await inference.answer(
            question,
            len(body),
            timeout_s=timeout_s,
            on_wait=_listener(request),
        )
        return Response(200, reply.body, reply.media_type, reply.headers)

    async def infer(request: Request) -> Response:
        _media_type(request, _INFERENCE)
        length = _header_length(request)
        return await answer(
            request,
            lambda body: parse_request(body, signature, model=name, version=version, header_length=length, guard=guard),
        )

    async def predict(request: Request) -> Response:
        parse = parse_csv if _media_type(request, _ROWS) == CSV else parse_records
        return await answer(request, lambda body: parse(body, signature))

    async def score(request: Request) -> Response:
        _media_type(request, _AS_JSON)
        return await answer(request, lambda body: parse_score(body, signature))

    async def ready(request: Request) -> Response:  # noqa: ARG001  # a handler's signature
        return json_response({"ready": not app.draining}, 503 if app.draining else 200)

    async def model_ready(request: Request) -> Response:  # noqa: ARG001
        return json_response({"name": name, "ready": not app.draining}, 503 if app.draining else 200)

    async def statistics(request: Request) -> Response:  # noqa: ARG001
        return json_response(model_statistics(counts, model=name, version=version))

    async def index(request: Request) -> Response:
        await reader.read(request)  # {"ready": true} or nothing; there is one model either way
        return json_response(repository_index(model=name, version=version, ready=not app.draining))

    async def scrape(request: Request) -> Response:
        body, media_type = metrics.render(request.text_header(b"accept") or "")
        return Response(200, body, media_type)

    extensions = EXTENSIONS if guard is None else (*EXTENSIONS, GUARD_EXTENSION)
    server = {"name": "seatrial", "version": _VERSION, "extensions": extensions}
    document = json_response(openapi_document(signature, model=name, version=version, guard=guard is not None))
    table = {
        "/v2": {"GET": Route("server", _always(json_response(server)))},
        "/v2/health/live": {"GET": Route("live", _always(json_response({"live": True})))},
        "/v2/health/ready": {"GET": Route("ready", ready)},
        "/v2/models/stats": {"GET": Route("stats", statistics)},
        "/v2/repository/index": {"POST": Route("index", index)},
        "/predict": {"POST": Route("predict", predict, inference=True)},
        "/score": {"POST": Route("score", score, inference=True)},
        "/": {"GET": Route("root", _always(Response(200, b"Healthy", "text/plain; charset=utf-8")))},  # as Azure's
        "/swagger.json": {"GET": Route("openapi", _always(document))},
        "/openapi.json": {"GET": Route("openapi", _always(document))},
        "/metrics": {"GET": Route("metrics", scrape)},
    }
    metadata = json_response(model_metadata(signature, model=name, version=version))
    config = json_response(model_config(signature, model=name))
    for root in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
        table[root] = {"GET": Route("metadata", _always(metadata))}
        table[f"{root}/ready"] = {"GET": Route("model_ready", model_ready)}
        table[f"{root}/config"] = {"GET": Route("config", _always(config))}
        table[f"{root}/stats"] = {"GET": Route("stats", statistics)}
        table[f"{root}/infer"] = {"POST": Route("infer", infer, inference=True)}
    app.routes = Routes(table, lambda path: _not_here(path, name, version))
    return app


_VERSION = importlib.metadata.version("seatrial")


def _not_here(path: str, name: str, version: str) -> str:
    match = re.match(r"/v2/models/([^/]+)(?:/versions/([^/]+))?", path)
    if match is None or (match[1], match[2] or version) == (name, version):
        return f"{path!r:.200} is not here."
    return (
        f"This server does not have model {match[1]!r:.100} of version {(match[2] or version)!r:.40}, "
        f"but {name!r} of {version!r}."
    )


def _always(response: Response) -> Handler:
    async def answer(request: Request) -> Response:  # noqa: ARG001
        return response

    return answer


def _media_type(request: Request, allowed: frozenset[str]) -> str:
    media_type, *parameters = (request.text_header(b"content-type") or "").lower().split(";")
    charset = next(
        (item.split("=", 1)[1].strip(' "') for item in parameters if item.strip().startswith("charset=")), ""
    )
    if media_type.strip() not in allowed:
        raise HttpError(415, f"The media type {media_type!r:.60} is not taken here. Send application/json.", CLOSE)
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise HttpError(415, f"The charset {charset!r:.40} is not taken. Send UTF-8.", CLOSE)
    return media_type.strip()


def _header_length(request: Request) -> int | None:
    length = request.text_header(_BINARY)
    if length is None:
        return None
    if not (length.isascii() and length.isdigit() and len(length) <= _LENGTH_DIGITS):
        raise HttpError(400, "Inference-Header-Content-Length must be a number of bytes.")
    return int(length)


def _truth(request: Request, name: bytes) -> bool | str | None:
    """A header that is true or false; else its text, and None where there is none."""
    value = request.text_header(name)
    return None if value is None else {"true": True, "false": False}.get(value.lower(), value)


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
