"""What an ONNX graph may be made of, before any runtime sees it."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # comes without types
from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto

from seatrial.errors import Refused
from seatrial.models.graph import MAX_ML_OPSET, MAX_OPSET
from seatrial.models.tree_depth import MAX_NODES_DEEP, is_too_deep

# Operator set → the newest version that is known here.
_OPSETS = {"": MAX_OPSET, "ai.onnx": MAX_OPSET, "ai.onnx.ml": MAX_ML_OPSET}


def read_model(data: bytes, *, functions: bool = False) -> ModelProto:
    """The model in these bytes, safe (see `check_safe`) and valid; else `Refused`, or a `ValueError` of one line."""
    try:
        model = onnx.load_model_from_string(data)
        check_safe(model, functions=functions)
        check_valid(model)
    except DecodeError as error:
        raise ValueError(first_line(error)) from None
    return model


def check_valid(model: ModelProto) -> None:
    """A `ValueError` of one line unless the graph is well-formed, its types and shapes included."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise ValueError(first_line(error)) from None


def first_line(error: BaseException) -> str:
    """What an error of many lines says first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def check_safe(model: ModelProto, *, functions: bool = False) -> None:
    """`Refused` unless the model is whole in itself and made of standard operators only.

    No tensor may lie outside of it, no operator, function or operator set may be another than ONNX's own; `functions`
    allows local functions, which an exporter makes and packaging inlines. No tree is deeper than onnxruntime can go.
    """
    local = {(function.domain, function.name) for function in model.functions} if functions else set()
    if model.functions and not functions:
        raise _refused(f"it defines the function {model.functions[0].domain}.{model.functions[0].name}")
    domains = {domain for domain, _ in local}
    for entry in (*model.opset_import, *(item for function in model.functions for item in function.opset_import)):
        if entry.domain in domains:
            continue
        if entry.domain not in _OPSETS:
            raise _refused(f"it imports the operator set {entry.domain!r}")
        if entry.version > _OPSETS[entry.domain]:
            raise _refused(
                f"it needs version {entry.version} of {entry.domain or 'ai.onnx'}; {_OPSETS[entry.domain]} is known"
            )
    for node in _nodes(model):
        if node.domain not in _OPSETS and (node.domain, node.op_type) not in local:
            raise _refused(f"it has the operator {node.domain}.{node.op_type}")
        if is_too_deep(node):
            raise _refused(f"a tree in it is more than {MAX_NODES_DEEP:,} nodes deep", hint="Limit its max_depth.")
    for tensor in _tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise _refused(f"its tensor {tensor.name!r} lies in another file")


_WHOLE = "Export it as one file of standard ONNX operators, without custom operators and external data."


def _refused(problem: str, *, hint: str = _WHOLE) -> Refused:
    return Refused(
        f"the model cannot be used: {problem}.",
        path="model.onnx",
        hint=hint,
    )


def _nodes(model: ModelProto) -> Iterator[NodeProto]:
    for part in (model.graph, *model.functions, *_training(model)):
        yield from _nodes_within(part)


def _nodes_within(part: GraphProto | FunctionProto) -> Iterator[NodeProto]:
    for node in part.node:
        yield node
        for attribute in node.attribute:
            for graph in _graphs(attribute):
                yield from _nodes_within(graph)


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    for graph in (model.graph, *_training(model)):
        yield from _own_tensors(graph)
    for node in _nodes(model):
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in _graphs(attribute):
                yield from _own_tensors(graph)


def _own_tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)


def _graphs(attribute: AttributeProto) -> Iterator[GraphProto]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def _training(model: ModelProto) -> Iterator[GraphProto]:
    for training in model.training_info:
        yield from (training.initialization, training.algorithm)
