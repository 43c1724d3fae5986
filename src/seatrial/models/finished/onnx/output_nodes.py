"""The nodes that turn a finished graph's own outputs into a package's: labels, probabilities, values, intervals."""

from __future__ import annotations

import math

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from seatrial.models.finished.onnx.outputs import Outputs
from seatrial.models.graph import HEAD, LABEL, LOWER, PROBABILITY, UPPER, VALUE


def output_nodes(outputs: Outputs, prefix: str) -> tuple[list[NodeProto], list[TensorProto], list[ValueInfoProto]]:
    """Nodes, constants and outputs; the graph's own names have `prefix` before them.

    Written in operators that opset 9 has already, and that mean the same in all later ones.
    """
    writer = _OutputNodes()
    tensors = [prefix + name for name in outputs.tensors]
    if outputs.task == "regression":
        return writer.regression(tensors, outputs)
    if outputs.form == "labels":
        return writer.labels(tensors[0], outputs)
    return writer.classifier(tensors, outputs)


class _OutputNodes:
    """Collects what it writes."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def node(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"{HEAD}{output}", **attributes))
        return output

    def constant(self, name: str, value: object) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), HEAD + name))
        return HEAD + name

    def names(self, classes: tuple[str, ...]) -> str:
        texts = [name.encode() for name in classes]
        self.constants.append(helper.make_tensor(f"{HEAD}classes", TensorProto.STRING, [len(texts)], texts))
        return f"{HEAD}classes"

    def done(self, outputs: list[ValueInfoProto]) -> tuple[list[NodeProto], list[TensorProto], list[ValueInfoProto]]:
        return self.nodes, self.constants, outputs

    def regression(
        self, tensors: list[str], outputs: Outputs
    ) -> tuple[list[NodeProto], list[TensorProto], list[ValueInfoProto]]:
        names = [VALUE, LOWER, UPPER] if outputs.form == "interval" else [VALUE]
        flat = self.constant("flat", np.array([-1]))
        for place, name in enumerate(names):
            source = tensors[0] if outputs.columns else tensors[place]
            if outputs.columns:
                column = self.constant(f"column_{place}", np.array(outputs.columns[place]))
                source = self.node("Gather", [source, column], f"{HEAD}{name}_alone", axis=1)
            exact = self.node("Cast", [source], f"{HEAD}{name}_exact", to=TensorProto.DOUBLE)
            self.node("Reshape", [exact, flat], name)
        return self.done([helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["n"]) for name in names])

    def labels(self, tensor: str, outputs: Outputs) -> tuple[list[NodeProto], list[TensorProto], list[ValueInfoProto]]:
        flat = self.node("Reshape", [tensor, self.constant("flat", np.array([-1]))], f"{HEAD}flat_label")
        if outputs.label_is == "position":
            place = self.node("Cast", [flat], f"{HEAD}choice", to=TensorProto.INT64)
            self.node("Gather", [self.names(outputs.classes), place], LABEL, axis=0)
        elif outputs.label_is == "number":
            whole = self.node("Cast", [flat], f"{HEAD}number", to=TensorProto.INT64)
            self.node("Cast", [whole], LABEL, to=TensorProto.STRING)
        else:
            self.node("Identity", [flat], LABEL)
        return self.done([_label()])

    def classifier(
        self, tensors: list[str], outputs: Outputs
    ) -> tuple[list[NodeProto], list[TensorProto], list[ValueInfoProto]]:
        whole = tensors[0]
        if len(tensors) > 1:
            column = self.constant("as_column", np.array([-1, 1]))
            parts = [self.node("Reshape", [name, column], f"{HEAD}{name}") for name in tensors]
            whole = self.node("Concat", parts, f"{HEAD}all", axis=1)
        exact = self.node("Cast", [whole], f"{HEAD}exact", to=TensorProto.DOUBLE)
        scores = self.two_columns(exact, outputs) if outputs.one_column else exact
        if outputs.form == "logits":
            self.node("Softmax", [scores], PROBABILITY, axis=1)
        else:
            self.node("Identity", [scores], PROBABILITY)
        if outputs.threshold is not None and outputs.positive is not None:
            place = outputs.classes.index(outputs.positive)
            yes = self.node("Gather", [PROBABILITY, self.constant("positive", np.array(place))], f"{HEAD}yes", axis=1)
            # At least the threshold is more than the number before it, and "greater" is older than "greater or equal".
            before = self.constant("threshold", np.float64(math.nextafter(outputs.threshold, -math.inf)))
            reached = self.node("Greater", [yes, before], f"{HEAD}reached")
            choice = self.node("Cast", [reached], f"{HEAD}choice", to=TensorProto.INT64)
            answers = outputs.classes if place else outputs.classes[::-1]
        else:
            choice = self.node("ArgMax", [PROBABILITY], f"{HEAD}choice", axis=1, keepdims=0)
            answers = outputs.classes
        self.node("Gather", [self.names(answers), choice], LABEL, axis=0)
        probability = helper.make_tensor_value_info(PROBABILITY, TensorProto.DOUBLE, ["n", len(outputs.classes)])
        return self.done([_label(), probability])

    def two_columns(self, exact: str, outputs: Outputs) -> str:
        column = self.node("Reshape", [exact, self.constant("as_column", np.array([-1, 1]))], f"{HEAD}second")
        if outputs.form == "logits":
            # The softmax beside a 0, not a sigmoid: onnxruntime's has no digits of the smaller probability.
            shape = self.node("Shape", [column], f"{HEAD}shape")
            zero = helper.make_tensor("value", TensorProto.DOUBLE, [1], [0.0])
            first = self.node("ConstantOfShape", [shape], f"{HEAD}first", value=zero)
        else:
            first = self.node("Sub", [self.constant("one", np.float64(1)), column], f"{HEAD}first")
        return self.node("Concat", [first, column], f"{HEAD}both", axis=1)


def _label() -> ValueInfoProto:
    return helper.make_tensor_value_info(LABEL, TensorProto.STRING, ["n"])
