"""The names of a graph's inputs as the data frame has them: skl2onnx writes "_" for whatever is no letter or digit."""

from __future__ import annotations

from collections.abc import Sequence

import onnx


def with_own_names(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """The model with its inputs called `names`, in their order; unchanged where it has another number of inputs."""
    graph = model.graph
    if len(graph.input) != len(names):
        return model
    renamed = {value.name: name for value, name in zip(graph.input, names, strict=True) if value.name != name}
    for value in graph.input:
        value.name = renamed.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    for value in graph.output:
        value.name = renamed.get(value.name, value.name)
    return model
