"""Which texts a packaged model knows, read from its graph: whatever else comes is new to it."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, numpy_helper

# What hands texts on as they are, and what looks them up in a list of its own.
_PASSING = frozenset({"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})
_LISTS = {
    "OneHotEncoder": ("cats_strings",),
    "LabelEncoder": ("keys_strings", "keys_tensor"),
    "CategoryMapper": ("cats_strings",),
}


def text_vocabularies(model: bytes) -> dict[str, tuple[str, ...]]:
    """For each text input that is only looked up in lists: the texts of these lists, sorted.

    An input of which the graph makes anything else (a bag of words, a join with others) is left out: of that nobody
    can say which values are new.
    """
    graph = onnx.load_from_string(model).graph
    texts = [value.name for value in graph.input if value.type.tensor_type.elem_type == TensorProto.STRING]
    vocabularies = {name: _looked_up(graph, name) for name in texts}
    return {name: tuple(sorted(values)) for name, values in vocabularies.items() if values}


def _looked_up(graph: GraphProto, name: str) -> set[str] | None:
    texts: set[str] = set()
    waiting = [name]
    while waiting:
        tensor = waiting.pop()
        for node in graph.node:
            if tensor not in node.input:
                continue
            if node.op_type in _PASSING and node.input[0] == tensor:
                waiting += node.output
            elif node.op_type in _LISTS:
                texts.update(_listed(node))
            else:
                return None
    return texts


def _listed(node: NodeProto) -> Iterator[str]:
    for attribute in node.attribute:
        if attribute.name not in _LISTS[node.op_type]:
            continue
        if attribute.type == AttributeProto.TENSOR:
            values = numpy_helper.to_array(attribute.t)
            yield from (_text(value) for value in values.ravel() if isinstance(value, bytes | str))
        else:
            yield from (_text(value) for value in attribute.strings)


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
