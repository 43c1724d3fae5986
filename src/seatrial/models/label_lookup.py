"""Labels without a Python object a row: the graph is asked which class it chose, and NumPy looks up the name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper


@dataclass(frozen=True, slots=True)
class LabelLookup:
    """`names[values of tensor]` is what the graph gives as `label`."""

    label: str
    tensor: str  # int64[n]
    names: NDArray[np.object_]

    def with_positions(self, model: ModelProto) -> bytes:
        """The model, changed in place, as bytes: it gives `tensor` where it gave `label`."""
        # onnxruntime would make a Python text of each row: 0.2 µs, more than many a model takes for it.
        place = next(place for place, value in enumerate(model.graph.output) if value.name == self.label)
        model.graph.output[place].CopyFrom(helper.make_tensor_value_info(self.tensor, TensorProto.INT64, ["n"]))
        if not any(self.label in node.input for node in model.graph.node):
            model.graph.node.remove(next(node for node in model.graph.node if self.label in node.output))
        data: bytes = model.SerializeToString()
        return data


def find_label_lookup(graph: GraphProto, label: str) -> LabelLookup | None:
    """How the graph makes `label`, if it does so by choosing from a constant list of texts; else None."""
    maker = next((node for node in graph.node if label in node.output), None)
    if maker is None or maker.op_type != "Gather" or _axis(maker) != 0:
        return None
    names = next((tensor for tensor in graph.initializer if tensor.name == maker.input[0]), None)
    made_here = {name for node in graph.node for name in node.output}
    if names is None or names.data_type != TensorProto.STRING or len(names.dims) != 1:
        return None
    if maker.input[1] not in made_here or maker.input[1] in {value.name for value in graph.output}:
        return None
    texts = [_text(value) for value in numpy_helper.to_array(names).tolist()]
    return LabelLookup(label, maker.input[1], np.array(texts, object))


def _axis(node: onnx.NodeProto) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == "axis"), 0)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
