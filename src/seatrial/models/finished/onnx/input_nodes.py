"""The nodes in front of a finished graph: raw columns become what it takes."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from seatrial.models.finished.onnx.inputs import Binding, Entry

INPUT_PREFIX = "front/"


def input_nodes(binding: Binding, prefix: str) -> tuple[list[NodeProto], list[TensorProto]]:
    """Nodes and constants that make each of the graph's inputs, `prefix` before its name, of the raw columns."""
    writer = _InputNodes()
    for entry in binding.entries:
        writer.bring(entry, prefix + entry.tensor)
    return writer.nodes, list(writer.constants.values())


class _InputNodes:
    """Collects what it writes."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}

    def bring(self, entry: Entry, tensor: str) -> None:
        columns, width = list(entry.columns), len(entry.columns)
        if entry.kind == "integer":  # each before they are put together: load_predictor reads here how large it may be
            columns = [self.node("Cast", [name], f"whole/{name}", to=entry.element) for name in columns]
        if width == 1:
            whole = columns[0]
        elif entry.kind == "text":
            whole = self.node("Concat", columns, f"all/{entry.tensor}", axis=1)
        else:
            # One below the other, and then turned: half of the time of putting values side by side one by one
            # (14 to 60 columns, onnxruntime 1.32; the same for 200).
            stacked = self.node("Concat", columns, f"stacked/{entry.tensor}", axis=0)
            stacked = self.cast(entry, stacked)
            shape = self.constant(f"shape_{width}", np.array([width, -1]))
            lying = self.node("Reshape", [stacked, shape], f"lying/{entry.tensor}")
            whole = self.node("Transpose", [lying], f"all/{entry.tensor}", perm=[1, 0])
        if width == 1:
            whole = self.cast(entry, whole)
        if entry.flat:
            self.named("Reshape", [whole, self.constant("flat", np.array([-1]))], tensor)
        else:
            self.named("Identity", [whole], tensor)

    def cast(self, entry: Entry, tensor: str) -> str:
        if entry.kind not in ("number", "boolean"):
            return tensor
        return self.node("Cast", [tensor], f"cast/{entry.tensor}", to=entry.element)

    def constant(self, name: str, value: object) -> str:
        self.constants[name] = numpy_helper.from_array(np.asarray(value), INPUT_PREFIX + name)
        return INPUT_PREFIX + name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        return self.named(operator, inputs, INPUT_PREFIX + output, **attributes)

    def named(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=INPUT_PREFIX + output, **attributes))
        return output
