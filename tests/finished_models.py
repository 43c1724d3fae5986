"""FinishedRun models as other people's exporters write them, small, and the table that they are opened for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from seatrial.models.finished import FinishedModel, ModelOptions, open_finished

FEATURES = ("a", "b", "c")
CLASSES = ("no", "yes")
ROWS = 200
WEIGHTS = np.random.default_rng(5).normal(size=(3, 3)).astype(np.float32)
WEIGHTS[0] = np.sort(np.abs(WEIGHTS[0]))  # the larger "a", the later the class, as in `table`

Input = tuple[str, int, Sequence[int | str] | None]


def table(rows: int = ROWS, *, classes: Sequence[str] | Sequence[int] = CLASSES) -> pa.Table:
    """Three numbers, a group, and a label that hangs on the first number."""
    random = np.random.default_rng(7)
    numbers = random.normal(size=(rows, 3))
    places = np.digitize(numbers[:, 0], np.linspace(-0.5, 0.5, len(classes) - 1))
    return pa.table(
        {
            "a": pa.array(numbers[:, 0]),
            "b": pa.array(numbers[:, 1].astype(np.float32)),
            "c": pa.array(numbers[:, 2]),
            "group": pa.array(random.choice(np.array(["x", "y"]), rows)),
            "y": pa.array(np.array(classes)[places]),
        }
    )


def model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[Input],
    outputs: Sequence[Input],
    constants: Mapping[str, NDArray[Any]] | None = None,
    *,
    opset: int = 17,
    ml_opset: int = 3,
    foreign: Sequence[tuple[str, int]] = (),
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "finished",
        [tensor(*item) for item in inputs],
        [tensor(*item) for item in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    opsets = [("", opset), ("ai.onnx.ml", ml_opset), *foreign]
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(*item) for item in opsets],
        ir_version=8,
        producer_name="somebody",
        producer_version="1.2",
    )


def tensor(name: str, kind: int, shape: Sequence[int | str] | None) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def matrix_model(
    tail: Sequence[NodeProto],
    outputs: Sequence[Input],
    *,
    width: int = 2,
    kind: int = TensorProto.FLOAT,
    shape: Sequence[int | str] | None = ("n", 3),
    constants: Mapping[str, NDArray[Any]] | None = None,
    **options: Any,
) -> onnx.ModelProto:
    """One matrix "x" times weights is "z" [n, width]; `tail` makes the outputs of it."""
    weights = WEIGHTS[:, :width].astype(helper.tensor_dtype_to_np_dtype(kind))
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), *tail]
    return model(nodes, [("x", kind, shape)], outputs, {"w": weights, **(constants or {})}, **options)


def softmax_model(**options: Any) -> onnx.ModelProto:
    return matrix_model(
        [helper.make_node("Softmax", ["z"], ["p"], axis=1)],
        [("p", options.get("kind", TensorProto.FLOAT), ["n", options.get("width", 2)])],
        **options,
    )


def matrix(rows: pa.Table, names: Sequence[str] = FEATURES, dtype: Any = np.float32) -> NDArray[Any]:
    """What the model's own user would feed."""
    columns = [rows[name].cast(pa.float64()).to_numpy() for name in names]
    return np.stack(columns, axis=1).astype(dtype)


def bare(finished: onnx.ModelProto, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(finished.SerializeToString(), options, providers=["CPUExecutionProvider"])
    answers: list[NDArray[Any]] = session.run(None, feed)
    return answers


def opened(
    folder: Path,
    finished: onnx.ModelProto | bytes,
    *,
    rows: pa.Table | None = None,
    labels: Sequence[str] | None = CLASSES,
    asked: bool = True,
    name: str = "model.onnx",
    **options: Any,
) -> FinishedModel:
    """The model, through a file, for `rows`; they are shown to it unless `asked` is false."""
    rows = table() if rows is None else rows
    path = folder / name
    path.write_bytes(finished if isinstance(finished, bytes) else finished.SerializeToString())
    return open_finished(
        path,
        schema=rows.schema,
        label="y",
        labels=labels,
        options=ModelOptions(**options),
        rows=rows if asked else None,
    )
