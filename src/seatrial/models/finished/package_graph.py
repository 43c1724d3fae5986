"""The package's graph: raw columns in front, the finished graph, the package's answers behind."""

from __future__ import annotations

import onnx
import onnx.compose
from onnx import GraphProto, ModelProto, helper

from seatrial.errors import InputError, field
from seatrial.models.finished.onnx.input_nodes import INPUT_PREFIX, input_nodes
from seatrial.models.finished.onnx.inputs import Binding
from seatrial.models.finished.onnx.output_nodes import output_nodes
from seatrial.models.finished.onnx.outputs import Outputs
from seatrial.models.finished.onnx.plain_graph import PlainGraph
from seatrial.models.graph import HEAD, ML_OPSET, MODEL, assemble, column_inputs
from seatrial.models.signature import Signature


def signature_of(binding: Binding, outputs: Outputs) -> Signature:
    """What the package takes and gives."""
    return Signature(
        binding.columns,
        outputs.task,
        outputs.classes,
        outputs.positive,
        outputs.threshold,
        probabilities=outputs.form in ("probabilities", "logits"),
        interval=outputs.form == "interval",
    )


def package_graph(plain: PlainGraph, binding: Binding, outputs: Outputs, *, path: str) -> ModelProto:
    """One graph of the three; what no answer needs is left out. The finished one is used up: it may be large."""
    inner = onnx.compose.add_prefix(plain.model, MODEL, inplace=True)
    before, input_constants = input_nodes(binding, MODEL)
    after, output_constants, gives = output_nodes(outputs, MODEL)
    for column in binding.columns:
        if column.name in {value.name for value in gives} or column.name.startswith((INPUT_PREFIX, MODEL, HEAD)):
            raise InputError(
                f'a column "{column.name}" cannot be an input: the package gives its answers by this name.',
                path=path,
                hint="Rename the column in the table, and name the columns in the order of the model's inputs: "
                f"{field('inputs', 'a,b,c')}.",
            )
    graph = helper.make_graph(
        [*before, *inner.graph.node, *after],
        "seatrial",
        column_inputs(binding.columns),
        gives,
        [*input_constants, *inner.graph.initializer, *output_constants],
        sparse_initializer=inner.graph.sparse_initializer,
    )
    _prune(graph)
    return assemble(graph, plain.opset, plain.ml_opset or ML_OPSET)


def _prune(graph: GraphProto) -> None:
    nodes = list(graph.node)
    makers = {name: place for place, node in enumerate(nodes) for name in node.output}
    todo, reached, needed = [value.name for value in graph.output], set(), set()
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            if name in makers and makers[name] not in needed:
                needed.add(makers[name])
                todo += _reads(nodes[makers[name]])
    needed_nodes = [node for place, node in enumerate(nodes) if place in needed]
    constants = [tensor for tensor in graph.initializer if tensor.name in reached]
    sparse = [tensor for tensor in graph.sparse_initializer if tensor.values.name in reached]
    del graph.node[:], graph.initializer[:], graph.sparse_initializer[:]
    graph.node.extend(needed_nodes)
    graph.initializer.extend(constants)
    graph.sparse_initializer.extend(sparse)


def _reads(node: onnx.NodeProto) -> list[str]:
    # A branch or a loop's body reads the tensors around it by name.
    read = list(node.input)
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for part in inner.node:
                read += _reads(part)
            read += [value.name for value in inner.output]
    return read
