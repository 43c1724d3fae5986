"""Servers to be compared by benchmarks/serve.py: `python serve_candidates.py NAME PORT`.

What HTTP alone costs, each with one fixed answer (h11, httptools, raw, granian, loop), and what answering costs, each
with the same model (seatrial, fastapi, bare).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "try"
HOST = "127.0.0.1"
FIXED = b"x" * 300
Answer = Callable[[bytes], bytes]


def package() -> dict[str, bytes]:
    """The example's model as a package."""
    import pyarrow.parquet

    from seatrial.models.finished import open_finished
    from seatrial.models.finished.options import ModelOptions

    rows = pyarrow.parquet.read_table(EXAMPLE / "census.parquet")
    options = ModelOptions(positive=">50K")
    path = EXAMPLE / "census.onnx"
    return dict(
        open_finished(path, schema=rows.schema, label="income", labels=None, options=options, rows=rows).package
    )


def seatrial(port: int, *, batching: bool = True) -> None:
    """Our server, as `seatrial serve` starts it."""
    from seatrial.models.runtime import load_predictor
    from seatrial.models.sessions import processor_limit
    from seatrial.serve.inference import Limits
    from seatrial.serve.merging import rows_to_merge
    from seatrial.serve.model_server import create_app
    from seatrial.serve.server import run_server

    predictor = load_predictor(package(), threads=processor_limit())
    limits = Limits(merge_rows=rows_to_merge(predictor, predictor.codec) if batching else 1)
    app = create_app(predictor, "census", "1", limits=limits)
    run_server(app, host=HOST, port=port, ready=lambda _address: None)


def bare_answer() -> Answer:
    """Tensors to the session and back with nothing checked: the least that answering can cost in Python."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(package()["model.onnx"], options)

    def answer(body: bytes) -> bytes:
        feed = {
            tensor["name"]: np.array(tensor["data"], object if tensor["datatype"] == "BYTES" else np.float64)[:, None]
            for tensor in json.loads(body)["inputs"]
        }
        label, probability = session.run(["label", "probability"], feed)
        outputs = [{"name": "label", "data": label.tolist()}, {"name": "probability", "data": probability.tolist()}]
        return json.dumps({"outputs": outputs}).encode()

    return answer


def fastapi(port: int) -> None:
    """FastAPI with onnxruntime, as people write it."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Tensor(BaseModel):
        name: str
        shape: list[int]
        datatype: str
        data: list[Any]

    class Inference(BaseModel):
        inputs: list[Tensor]

    answer, app = bare_answer(), FastAPI()

    def infer(request: Inference) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(answer(request.model_dump_json().encode()))
        return document

    infer.__annotations__["request"] = Inference
    app.post("/v2/models/census/infer")(infer)
    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False)


async def fixed_app(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """An ASGI application without a framework."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(FIXED))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": FIXED})


def starlette_app() -> Any:
    """The same through Starlette's router, requests and responses."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def infer(request: Request) -> Response:
        await request.body()
        return Response(FIXED, media_type="application/json")

    return Starlette(routes=[Route("/v2/models/{name}/infer", infer, methods=["POST"])])


def uvicorn_server(app: Any, port: int, *, http: Any, loop: Any) -> None:
    """uvicorn with this parser and event loop."""
    import uvicorn

    uvicorn.run(app, host=HOST, port=port, http=http, loop=loop, log_level="warning", access_log=False)


def granian(port: int) -> None:
    """granian, whose HTTP is compiled (Rust), embedded in one process."""
    import uvloop
    from granian.constants import Interfaces
    from granian.server.embed import Server

    server = Server(fixed_app, address=HOST, port=port, interface=Interfaces.ASGI, log_enabled=False)
    uvloop.run(server.serve())


def loop(port: int, answer: Answer) -> None:
    """httptools and uvloop with nothing between."""
    import httptools
    import uvloop

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            self.parser = httptools.HttpRequestParser(self)
            self.body = b""

        def data_received(self, data: bytes) -> None:
            self.parser.feed_data(data)

        def on_body(self, body: bytes) -> None:
            self.body += body

        def on_message_complete(self) -> None:
            reply, self.body = answer(self.body), b""
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(reply), reply))

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Connection, HOST, port)
        await server.serve_forever()

    uvloop.run(serve())


CANDIDATES: dict[str, Callable[[int], None]] = {
    "h11": lambda port: uvicorn_server(starlette_app(), port, http="h11", loop="asyncio"),
    "httptools": lambda port: uvicorn_server(starlette_app(), port, http="httptools", loop="uvloop"),
    "raw": lambda port: uvicorn_server(fixed_app, port, http="httptools", loop="uvloop"),
    "granian": granian,
    "loop": lambda port: loop(port, lambda _body: FIXED),
    "seatrial": seatrial,
    "unbatched": lambda port: seatrial(port, batching=False),
    "fastapi": fastapi,
    "bare": lambda port: loop(port, bare_answer()),
}

if __name__ == "__main__":
    CANDIDATES[sys.argv[1]](int(sys.argv[2]))
