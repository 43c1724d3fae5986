"""The Open Inference Protocol over gRPC, beside HTTP: the same model, queue and limits.

The messages are those that Triton's client brings (the extra "grpc"). Triton's service has the protocol's six calls and
more; the others are answered UNIMPLEMENTED.
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError, field
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Signature, output_names
from seatrial.serve.application import Application
from seatrial.serve.formats import binary_tensors
from seatrial.serve.formats.model_documents import model_metadata
from seatrial.serve.formats.open_inference import (
    check_complete,
    checked_datatype,
    checked_id,
    checked_shape,
    raw_column,
    tensors_of,
)
from seatrial.serve.formats.request_columns import (
    Question,
    Reply,
    TooManyRows,
    Unanswered,
    check_answered,
    checked_rows,
    unknown_name,
)
from seatrial.serve.guard import GUARD, Guard, asked_guard
from seatrial.serve.http.bodies import BODY_LIMIT_BYTES
from seatrial.serve.inference import Busy, Late, Stopping, refusal_of
from seatrial.serve.observation.counts import CLIENT_GONE

STOP_S = 2.0  # for answers that are on their way
# Which field of a tensor's contents holds each datatype; FP16 and BF16 come as raw bytes alone.
_CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_SERVICE = "inference.GRPCInferenceService"
_CONNECTION_AGE = 0.8  # of the drain; gRPC varies it by a tenth either way
_MESSAGE_BYTES = 2048  # of an error: it travels percent-encoded in a header, of which clients take 8 KiB by default
_log = logging.getLogger(__name__)


def check_installed() -> None:
    """An `InputError` where gRPC is not installed."""
    try:
        import tritonclient.grpc  # noqa: F401
    except ImportError:
        raise InputError(
            "gRPC is not installed.", path=field("grpc_port"), hint='pip install "seatrial[grpc]", or leave it out.'
        ) from None


class GrpcServer:
    """grpc.aio's server, started and stopped with the application."""

    def __init__(
        self,
        app: Application,
        signature: Signature,
        *,
        name: str,
        version: str,
        host: str,
        port: int,
        drain_s: float = 0.0,
        guard: Guard | None = None,
    ) -> None:
        """`drain_s`: how long it answers after SIGTERM. Clients connect anew within that time, so elsewhere."""
        self._guard = guard
        self._app = app
        self._signature = signature
        self._name, self._version = name, version
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._connection_age_ms = round(drain_s * _CONNECTION_AGE * 1000)
        self._under_way = 0  # calls
        self._server: Any = None

    async def start(self) -> None:
        """Begins to listen."""
        import grpc

        options = [
            ("grpc.max_receive_message_length", BODY_LIMIT_BYTES),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # a port that is taken is an error
        ]
        # gRPC cancels calls that it has received, but not handed over, when it is stopped: no client should call then.
        if self._connection_age_ms:
            options.append(("grpc.max_connection_age_ms", self._connection_age_ms))
        self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers((self._handlers(),))
        try:
            self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise InputError(
                f"gRPC cannot listen there: {error}.", path=self._address, hint="Choose another --host or --grpc-port."
            ) from None
        await self._server.start()

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._under_way > 0

    async def stop(self, grace_s: float = STOP_S) -> None:
        """Takes nothing new, tells clients to go elsewhere, and ends what is on its way after the grace."""
        await self._server.stop(grace_s)

    def _handlers(self) -> Any:
        """The six calls, each from bytes: gRPC answers UNKNOWN, with a trace, to what its own reader does not take."""
        import grpc
        from tritonclient.grpc import service_pb2

        async def live(request: Any, context: Any) -> Any:  # noqa: ARG001  # a call's signature
            return service_pb2.ServerLiveResponse(live=True)

        async def ready(request: Any, context: Any) -> Any:  # noqa: ARG001
            return service_pb2.ServerReadyResponse(ready=not self._app.draining)

        async def model_ready(request: Any, context: Any) -> Any:
            await self._check_model(request.name, request.version, context)
            return service_pb2.ModelReadyResponse(ready=not self._app.draining)

        async def metadata(request: Any, context: Any) -> Any:  # noqa: ARG001
            return service_pb2.ServerMetadataResponse(name="seatrial")

        async def model_metadata(request: Any, context: Any) -> Any:
            await self._check_model(request.name, request.version, context)
            return self._metadata(service_pb2)

        async def infer(request: Any, context: Any) -> Any:
            await self._check_model(request.model_name, request.model_version, context)
            return await self._counted(request, context)

        calls = {
            "ServerLive": live,
            "ServerReady": ready,
            "ModelReady": model_ready,
            "ServerMetadata": metadata,
            "ModelMetadata": model_metadata,
            "ModelInfer": infer,
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(self._reading(getattr(service_pb2, f"{name}Request"), call))
            for name, call in calls.items()
        }
        return grpc.method_handlers_generic_handler(_SERVICE, handlers)

    def _reading(self, kind: Any, call: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[bytes, Any], Any]:
        import grpc
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # comes without types

        async def answer(data: bytes, context: Any) -> bytes:
            self._under_way += 1
            try:
                response = await call(kind.FromString(data), context)
                return response if isinstance(response, bytes) else bytes(response.SerializeToString())
            except DecodeError:
                self._app.counts.responded("grpc_unreadable", 400, 0.0, inference=False)
                await context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT, f"the message is not a {kind.DESCRIPTOR.full_name}."
                )
                raise  # abort has raised already
            finally:
                self._under_way -= 1

        return answer

    async def _check_model(self, name: str, version: str, context: Any) -> None:
        import grpc

        if (name, version or self._version) != (self._name, self._version):
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"This server does not have model {name!r:.100} of version {version or self._version!r:.40}, "
                f"but {self._name!r} of {self._version!r}.",
            )

    def _metadata(self, service_pb2: Any) -> Any:
        metadata: dict[str, Any] = model_metadata(self._signature, model=self._name, version=self._version)
        response = service_pb2.ModelMetadataResponse(
            name=self._name, versions=[self._version], platform=metadata["platform"]
        )
        for side in ("inputs", "outputs"):
            for tensor in metadata[side]:
                getattr(response, side).add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        return response

    async def _counted(self, request: Any, context: Any) -> bytes:
        begun, status, refusal = time.perf_counter(), 500, None
        try:
            answer = await self._infer(request, context)
            status = 200
            return answer
        except Exception as error:
            refusal = refusal_of(error)
            status, code, message = _status_of(error)
            await context.abort(code, cut_message(message))
            raise  # abort has raised already
        except asyncio.CancelledError:
            status = CLIENT_GONE
            raise
        finally:
            seconds = time.perf_counter() - begun
            self._app.counts.responded("grpc_infer", status, seconds, inference=True, refusal=refusal)

    async def _infer(self, request: Any, context: Any) -> bytes:
        from tritonclient.grpc import service_pb2

        reply = await self._app.inference.answer(
            lambda: self._question(request, service_pb2), request.ByteSize(), timeout_s=context.time_remaining()
        )
        return reply.body

    def _question(self, request: Any, service_pb2: Any) -> Question:
        checked_id(request.id)
        columns = request_columns(request, self._signature)
        names = output_names(self._signature)
        requested = [output.name for output in request.outputs] or names
        for place, name in enumerate(requested):
            if name not in names:
                raise unknown_name("output", name, names, path=f"outputs[{place}].name")
        reporting = asked_guard(_parameter(request, GUARD), self._guard, path=f"parameters[{GUARD!r}]")

        def reply(predictions: Predictions) -> Reply:
            check_answered(predictions, columns, self._signature)
            tensors = tensors_of(predictions, self._signature)
            response = service_pb2.ModelInferResponse(model_name=self._name, model_version=self._version, id=request.id)
            if reporting is not None:
                response.parameters[GUARD].string_param = reporting.report(columns)
            for name in names:
                if name in requested:
                    tensor = tensors[name]
                    response.outputs.add(name=name, datatype=tensor.datatype, shape=tensor.shape)
                    response.raw_output_contents.append(tensor.to_bytes())
            return Reply(response.SerializeToString())

        rows = len(columns[self._signature.inputs[0].name])
        return checked_rows(Question(columns, rows, reply, request.id or uuid.uuid4().hex))


def request_columns(request: Any, signature: Signature) -> dict[str, NDArray[Any]]:
    """The inputs of a ModelInferRequest as columns; an `InputError` names the fault's path in the message."""
    by_name = {column.name: column for column in signature.inputs}
    if len(request.inputs) > len(by_name):
        raise InputError(
            f"there are {len(request.inputs)} inputs, the model takes {len(by_name)}.",
            path="inputs",
            hint="Send each input once.",
        )
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise InputError(
            f"there are {len(request.inputs)} inputs and {len(raw)} raw contents.",
            path="raw_input_contents",
            hint="Send the contents of every input as raw bytes, or of none.",
        )
    columns: dict[str, NDArray[Any]] = {}
    for place, tensor in enumerate(request.inputs):
        path = f"inputs[{place}]"
        if tensor.name not in by_name:
            raise unknown_name("input", tensor.name, list(by_name), path=f"{path}.name")
        if tensor.name in columns:
            raise InputError(
                f"input {tensor.name!r} is there twice.", path=f"{path}.name", hint="Send each input once."
            )
        datatype = checked_datatype(tensor.datatype, by_name[tensor.name], path, halves=bool(raw))
        rows = checked_shape(list(tensor.shape), path)[0]
        if raw:
            columns[tensor.name] = raw_column(raw[place], datatype, rows, path=f"raw_input_contents[{place}]")
        else:
            columns[tensor.name] = _contents_column(tensor.contents, datatype, rows, f"{path}.contents")
    check_complete(columns, signature)
    return columns


def _contents_column(contents: Any, datatype: str, rows: int, path: str) -> NDArray[Any]:
    values = getattr(contents, _CONTENTS[datatype])
    if len(values) != rows:
        raise InputError(
            f"expected {rows} values of {datatype}, got {len(values)}.",
            path=f"{path}.{_CONTENTS[datatype]}",
            hint="Correct the shape.",
        )
    if datatype == "BYTES":
        texts = [binary_tensors.text_of(value, path=f"{path}[{place}]") for place, value in enumerate(values)]
        return np.array(texts, object)
    return np.array(values, np.float64)


def _parameter(request: Any, name: str) -> object:
    """The value of one of the request's parameters; None if it is not there."""
    if name not in request.parameters:  # to look an entry up makes it
        return None
    parameter = request.parameters[name]
    kind = parameter.WhichOneof("parameter_choice")
    return "" if kind is None else getattr(parameter, kind)


def cut_message(message: str) -> str:
    """The message's beginning, short enough for the header that it travels in."""
    return message.encode()[:_MESSAGE_BYTES].decode(errors="ignore")


def _status_of(error: Exception) -> tuple[int, Any, str]:
    """The error's status by HTTP, which the metrics count, its code of gRPC, and what is said."""
    import grpc

    codes = grpc.StatusCode
    if isinstance(error, Unanswered):
        return 422, codes.FAILED_PRECONDITION, str(error)
    if isinstance(error, TooManyRows):
        return 413, codes.INVALID_ARGUMENT, str(error)
    if isinstance(error, InputError):
        return 400, codes.INVALID_ARGUMENT, str(error)
    if isinstance(error, Stopping):
        return 503, codes.UNAVAILABLE, str(error)
    if isinstance(error, Busy):
        return 429, codes.RESOURCE_EXHAUSTED, str(error)
    if isinstance(error, Late):
        return 504, codes.DEADLINE_EXCEEDED, str(error)
    _log.error("ModelInfer failed", exc_info=error)  # the trace is the operator's, never the client's
    return 500, codes.INTERNAL, "The server failed to answer; its log says why."
