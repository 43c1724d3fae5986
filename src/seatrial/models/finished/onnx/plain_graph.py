"""A graph that somebody's exporter wrote, made plain: standard operators only, and tensors as outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # comes without types
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

from seatrial.errors import InputError, Refused
from seatrial.models.graph import MAX_OPSET, OPSET
from seatrial.models.join import strip_traces
from seatrial.models.safety import check_safe, first_line

# From here on every operator that is put around a finished graph has one meaning.
MIN_OPSET = 9
_ONNX = ("", "ai.onnx")
_ML = "ai.onnx.ml"


@dataclass(frozen=True, slots=True)
class PlainGraph:
    """The graph, and the classes that a ZipMap, which is gone, named for a tensor."""

    model: ModelProto
    opset: int
    ml_opset: int | None
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read_plain_graph(data: bytes, *, path: str) -> PlainGraph:
    """The graph in these bytes; an `InputError` where it is none, is not whole, or has foreign operators."""
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError:
        raise _no_onnx(f"its {len(data)} bytes cannot be read", path) from None
    return to_plain_graph(model, path=path)


def to_plain_graph(model: ModelProto, *, path: str) -> PlainGraph:
    """`model`, changed in place, without functions, traces of its exporter, training and ZipMap."""
    if not model.graph.node and not model.graph.output:
        raise _no_onnx("it holds no graph", path)
    model.ClearField("training_info")
    _forget_unused_operators(model)
    try:
        check_safe(model, functions=True)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
            _forget_unused_operators(model)
            check_safe(model)
    except Refused as error:
        raise InputError(error.problem, path=path, hint=_hint(error)) from None
    except Exception as error:  # noqa: BLE001  # the inliner's own errors, of several kinds
        raise _no_onnx(first_line(error), path) from None
    _drop_given_inputs(model.graph)
    strip_traces(model.graph)
    classes = dict(_unzipped(model.graph, path))
    _drop_constant_outputs(model.graph)
    opset, ml_opset = _one_name(model)
    if opset < MIN_OPSET:
        raise InputError(
            f"the model has ONNX opset {opset}.", path=path, hint=f"Export it with {MIN_OPSET} to {MAX_OPSET}."
        )
    return PlainGraph(model, opset, ml_opset, classes)


def _no_onnx(problem: str, path: str) -> InputError:
    return InputError(
        f"the file is not a valid ONNX model: {problem}.",
        path=path,
        hint="Export or fetch it again; it may be cut off.",
    )


def _hint(error: Refused) -> str:
    if "another file" in error.problem:
        return (
            "Export it as one file: torch.onnx.export(…).save(path, external_data=False), or "
            "onnx.save(onnx.load(path), new_path), where the other file lies."
        )
    if "com.microsoft" in error.problem:
        return "Give the model as it was before onnxruntime optimised or quantised it: standard operators only."
    if "needs version" in error.problem:
        return "Export it with an older opset."
    return error.hint or ""


def _forget_unused_operators(model: ModelProto) -> None:
    # Exporters import operator sets that no node uses.
    local = {function.domain for function in model.functions}
    parts = (model.graph, *model.functions)
    used = {node.domain for part in parts for node in every_node(part)} | local | set(_ONNX) | {_ML}
    for part in (model, *model.functions):
        entries = [entry for entry in part.opset_import if entry.domain in used]
        del part.opset_import[:]
        part.opset_import.extend(entries)


def every_node(part: GraphProto | onnx.FunctionProto) -> Iterator[NodeProto]:
    """The nodes, those within branches and loops too."""
    for node in part.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from every_node(inner)


def _drop_given_inputs(graph: GraphProto) -> None:
    constants = {tensor.name for tensor in graph.initializer} | {
        sparse.values.name for sparse in graph.sparse_initializer
    }
    inputs = [value for value in graph.input if value.name not in constants]
    del graph.input[:]
    graph.input.extend(inputs)


def _drop_constant_outputs(graph: GraphProto) -> None:
    """Leaves out what hangs on no input: a list of the classes, as skl2onnx gives it, is no answer for a row."""
    answering = {value.name for value in graph.input}
    for node in graph.node:  # in the order in which they are computed
        inner = any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)  # may read anything
        if inner or answering & set(node.input):
            answering.update(node.output)
    outputs = [value for value in graph.output if value.name in answering]
    if outputs:
        del graph.output[:]
        graph.output.extend(outputs)


def _unzipped(graph: GraphProto, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    # A ZipMap makes a Python dictionary of each row: its input is the tensor, its attributes are the classes.
    zipped = {node.output[0]: node for node in graph.node if node.op_type == "ZipMap"}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in zipped:
            zipped[node.output[0]] = zipped[node.input[0]]
    outputs = [value for value in graph.output if value.type.WhichOneof("value") in (None, "tensor_type")]
    for value in graph.output:
        if value.name in zipped:
            node = zipped[value.name]
            attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            texts = tuple(text.decode() for text in attributes.get("classlabels_strings", ()))
            yield node.input[0], texts or tuple(str(number) for number in attributes.get("classlabels_int64s", ()))
            if node.input[0] not in {output.name for output in outputs}:
                outputs.append(helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, None))
        elif value not in outputs:
            raise InputError(
                f'the model\'s output "{value.name}" is a {str(value.type.WhichOneof("value")).removesuffix("_type")}.',
                path=path,
                hint="Export it with tensors as outputs.",
            )
    nodes = [node for node in graph.node if node.output[0] not in zipped]
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    graph.output.extend(outputs)


def _one_name(model: ModelProto) -> tuple[int, int | None]:
    # "ai.onnx" is another name of "".
    for node in every_node(model.graph):
        if node.domain == "ai.onnx":
            node.domain = ""
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    versions = [version for domain, version in opsets.items() if domain in _ONNX]
    return (max(versions) if versions else OPSET), opsets.get(_ML)
