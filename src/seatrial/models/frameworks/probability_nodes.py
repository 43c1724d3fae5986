"""Nodes behind an exported graph that turn its logits into probabilities."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.compose
from onnx import ModelProto, TensorProto, helper, numpy_helper

_OWN = "answers/"


def with_probabilities(model: ModelProto, *, classes: int, place: int = 1) -> ModelProto:
    """The model with probabilities float64[n, classes] in the place of its one output, logits.

    Of two classes the model gives one logit, [n] or [n, 1], which is that of the class at `place`.
    """
    changed = ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    logits, output = graph.output[0].name, f"{_OWN}probabilities"
    graph.node.append(helper.make_node("Cast", [logits], [f"{_OWN}exact"], to=TensorProto.DOUBLE))
    last = f"{_OWN}exact"
    if classes == 2:
        shape = numpy_helper.from_array(np.array([-1, 1]), f"{_OWN}column")
        beside = numpy_helper.from_array(np.array([0, place, 0, 1 - place]), f"{_OWN}beside")
        graph.initializer.extend([shape, beside])
        graph.node.append(helper.make_node("Reshape", [last, shape.name], [f"{_OWN}one"]))
        graph.node.append(helper.make_node("Pad", [f"{_OWN}one", beside.name], [f"{_OWN}both"]))
        last = f"{_OWN}both"
    graph.node.append(helper.make_node("Softmax", [last], [output], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(output, TensorProto.DOUBLE, ["n", classes]))
    return changed


def only_output(model: ModelProto, name: str) -> ModelProto:
    """The model with this one of its outputs."""
    changed = ModelProto()
    changed.CopyFrom(model)
    outputs = [value for value in changed.graph.output if value.name == name]
    del changed.graph.output[:]
    changed.graph.output.extend(outputs)
    return changed


def behind(codec: onnx.ModelProto, model: ModelProto) -> ModelProto:
    """The model behind a codec's graph: raw named columns in, what the model gives out."""
    first = onnx.compose.add_prefix(model, "model/")
    entry = first.graph.input[0]
    before = list(codec.graph.node)
    kind = entry.type.tensor_type.elem_type
    before.append(helper.make_node("Cast", [codec.graph.output[0].name], [entry.name], to=kind))
    joined = ModelProto()
    joined.CopyFrom(first)
    del joined.graph.node[:], joined.graph.input[:]
    joined.graph.node.extend([*before, *first.graph.node])
    joined.graph.input.extend(codec.graph.input)
    joined.graph.initializer.extend(codec.graph.initializer)
    ours = {entry.domain or "": entry.version for entry in codec.opset_import}
    theirs = {entry.domain or "": entry.version for entry in joined.opset_import}
    del joined.opset_import[:]
    for domain in sorted(ours | theirs):
        version = max(ours.get(domain, 0), theirs.get(domain, 0))
        joined.opset_import.append(helper.make_opsetid(domain, version))
    return joined
