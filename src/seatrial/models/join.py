"""One graph of three: the codec in front, a framework's model, the answers behind."""

from __future__ import annotations

import onnx
import onnx.compose
import onnx.inliner
from onnx import GraphProto, ModelProto, TensorProto, helper

from seatrial.errors import InputError
from seatrial.models.codec import Codec
from seatrial.models.graph import (
    MAX_OPSET,
    MIN_OPSET,
    MODEL,
    assemble,
    codec_inputs,
    codec_nodes,
    head_nodes,
)
from seatrial.models.signature import Signature

_WHERE = "model.onnx"


def join(codec: Codec, inner: ModelProto, signature: Signature) -> ModelProto:
    """The package's graph. The model's own names get the prefix "model/", so its initializers stay findable.

    `inner` maps one input, float32[n, codec.width], to one output of logits. Anything else is an `InputError`.
    """
    plain = _plain(inner)
    model = onnx.compose.add_prefix(plain, MODEL)
    before, codec_constants = codec_nodes(codec, model.graph.input[0].name)
    after, head_constants, outputs = head_nodes(signature, model.graph.output[0].name)
    graph = helper.make_graph(
        [*before, *model.graph.node, *after],
        "seatrial",
        codec_inputs(codec),
        outputs,
        [*codec_constants, *model.graph.initializer, *head_constants],
    )
    return assemble(graph, _opset(plain))


def check_inner(inner: ModelProto, width: int) -> None:
    """An `InputError` unless the model takes one matrix of the codec's width and gives one output."""
    initializers = {tensor.name for tensor in inner.graph.initializer}
    inputs = [value for value in inner.graph.input if value.name not in initializers]
    if len(inputs) != 1 or len(inner.graph.output) != 1:
        raise InputError(
            f"the model has {len(inputs)} inputs and {len(inner.graph.output)} outputs.",
            path=_WHERE,
            hint="Export it with one input, the codec's features, and one output, the logits.",
        )
    tensor = inputs[0].type.tensor_type
    declared = [dimension.dim_value for dimension in tensor.shape.dim]
    matrix = len(declared) == 2 and declared[0] == 0 and declared[1] in (0, width)  # 0: any
    if tensor.elem_type != TensorProto.FLOAT or not matrix:
        raise InputError(
            f"the model's input is {TensorProto.DataType.Name(tensor.elem_type)}{declared}, not FLOAT[any, {width}].",
            path=_WHERE,
            hint="Export it for float32 rows of the codec's width, with a dynamic first dimension.",
        )
    opset = _opset(inner)
    if not MIN_OPSET <= opset <= MAX_OPSET:
        raise InputError(
            f"the model has ONNX opset {opset}.", path=_WHERE, hint=f"Export it with {MIN_OPSET} to {MAX_OPSET}."
        )


def _plain(inner: ModelProto) -> ModelProto:
    # Functions become their nodes; traces of the exporter (source lines, folders of this machine) and shapes that can
    # be inferred go, and so do initializers that are listed as inputs.
    model = onnx.inliner.inline_local_functions(inner) if inner.functions else ModelProto()
    if not inner.functions:
        model.CopyFrom(inner)
    initializers = {tensor.name for tensor in model.graph.initializer}
    for index in reversed(range(len(model.graph.input))):
        if model.graph.input[index].name in initializers:
            del model.graph.input[index]
    strip_traces(model.graph)
    return model


def strip_traces(graph: GraphProto) -> None:
    """Takes from the graph what an exporter told of itself, and the shapes that can be inferred."""
    for field in ("doc_string", "metadata_props", "value_info", "quantization_annotation"):
        graph.ClearField(field)
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.type in _GRAPHS else ():
                strip_traces(inner)


_GRAPHS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)


def _opset(model: ModelProto) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
