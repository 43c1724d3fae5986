"""The parts of a package's ONNX graph that Seatrial writes: the codec in front, the answers behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from seatrial.errors import InputError
from seatrial.models.codec import Codec
from seatrial.models.signature import Column, Kind, Signature

LABEL, PROBABILITY = "label", "probability"
VALUE, LOWER, UPPER = "value", "lower", "upper"
OUTPUTS = frozenset({LABEL, PROBABILITY, VALUE})
# The names inside the graph. No raw column may begin like one of them.
CODEC, MODEL, HEAD = "codec/", "model/", "head/"
# Every operator used here is the same from the first of these opsets (Squeeze and Softmax of today) to the last, and
# onnxruntime runs both: a test builds the graph at each end.
MIN_OPSET, MAX_OPSET = 13, 23
OPSET = 18
ML_OPSET, MAX_ML_OPSET = 4, 5
IR_VERSION = 10  # of opset 23 and onnxruntime ≥ 1.20


def codec_inputs(codec: Codec) -> list[ValueInfoProto]:
    """The graph's inputs: each raw column by its name, float64[n, 1] or string[n, 1]."""
    for column in codec.columns:
        if column.name in OUTPUTS or column.name.startswith((CODEC, MODEL, HEAD)) or not column.name:
            raise InputError(
                "a packaged model cannot take a column of this name: the graph gives its answers by it.",
                path=f"codec.{column.name}",
                hint="Rename the column where the codec is fitted.",
            )
    return column_inputs(codec.columns)


def column_inputs(columns: Sequence[Column]) -> list[ValueInfoProto]:
    """An input for each raw column, by its name: string[n, 1] for a text, float64[n, 1] for every other kind."""
    return [helper.make_tensor_value_info(column.name, element_of(column.kind), ["n", 1]) for column in columns]


def element_of(kind: Kind) -> int:
    """The type, as ONNX numbers them, by which a raw column of this kind enters."""
    return int(TensorProto.STRING if kind == "text" else TensorProto.DOUBLE)


def codec_nodes(codec: Codec, output: str) -> tuple[list[NodeProto], list[TensorProto]]:
    """Nodes and constants that turn the raw columns into `output`, float32[n, width], as `Codec.encode` does."""
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    parts: list[str] = []

    def constant(name: str, value: object) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value), CODEC + name))
        return CODEC + name

    def node(operator: str, inputs: list[str], name: str, domain: str = "", **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [CODEC + name], name=CODEC + name, domain=domain, **attributes))
        return CODEC + name

    if codec.numbers:
        mean = constant("mean", np.array([number.mean for number in codec.numbers]))
        scale = constant("scale", np.array([number.scale for number in codec.numbers]))
        low, high = constant("low", np.float64(-codec.clip)), constant("high", np.float64(codec.clip))
        values = node("Concat", [number.name for number in codec.numbers], "numbers", axis=1)
        filled = node("Where", [node("IsNaN", [values], "missing"), mean, values], "filled")
        standard = node("Div", [node("Sub", [filled, mean], "centred"), scale], "standardised")
        clipped = node("Clip", [standard, low, high], "clipped")
        parts.append(node("Cast", [clipped], "float32", to=TensorProto.FLOAT))
    if codec.vocabularies:
        off_on = constant("off_on", np.array([0, 1], np.float32))
        squeezed = constant("column", np.array([1]))
    for position, vocabulary in enumerate(codec.vocabularies):
        unknown = len(vocabulary.values)
        slot = node(
            "LabelEncoder",
            [vocabulary.name],
            f"slot_{position}",
            domain="ai.onnx.ml",
            keys_strings=list(vocabulary.values),
            values_int64s=list(range(unknown)),
            default_int64=unknown,
        )
        flat = node("Squeeze", [slot, squeezed], f"flat_{position}")
        depth = constant(f"depth_{position}", np.array([unknown + 1]))
        parts.append(node("OneHot", [flat, depth, off_on], f"one_hot_{position}", axis=1))
    nodes.append(helper.make_node("Concat", parts, [output], name=f"{CODEC}features", axis=1))
    return nodes, constants


def codec_model(codec: Codec) -> onnx.ModelProto:
    """The codec alone: raw columns in, `features` float32[n, width] out."""
    nodes, constants = codec_nodes(codec, "features")
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", codec.width])
    graph = helper.make_graph(nodes, "codec", codec_inputs(codec), [features], constants)
    return assemble(graph, OPSET)


def head_nodes(signature: Signature, logits: str) -> tuple[list[NodeProto], list[TensorProto], list[ValueInfoProto]]:
    """Nodes, constants and outputs that turn logits of any float type into answers, in float64.

    Classifiers: `label` string[n] and `probability` float64[n, classes]; `logits` is [n] or [n, 1] for binary, and
    [n, classes] else. Regression: `value` float64[n] of [n] or [n, 1].
    """
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []

    def constant(name: str, value: object) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value), HEAD + name))
        return HEAD + name

    def node(operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], name=HEAD + operator + output, **attributes))
        return output

    exact = node("Cast", [logits], f"{HEAD}exact", to=TensorProto.DOUBLE)
    if signature.task == "regression":
        node("Reshape", [exact, constant("flat", np.array([-1]))], VALUE)
        return nodes, constants, [helper.make_tensor_value_info(VALUE, TensorProto.DOUBLE, ["n"])]
    if signature.task == "binary":
        # The softmax of the logit beside a 0, not a sigmoid: onnxruntime's is 1 − p for one of the two, and 0 from
        # logits of 37 on, where log loss needs the digits of the smaller probability.
        place = signature.classes.index(signature.positive or "")
        column = node("Reshape", [exact, constant("column", np.array([-1, 1]))], f"{HEAD}logit")
        both = node("Pad", [column, constant("zero", np.array([0, place, 0, 1 - place]))], f"{HEAD}logits")
        node("Softmax", [both], PROBABILITY, axis=1)
        threshold = constant("threshold", np.float64(signature.threshold))
        yes = node("Gather", [PROBABILITY, constant("positive", np.array(place))], f"{HEAD}yes", axis=1)
        reached = node("GreaterOrEqual", [yes, threshold], f"{HEAD}reached")
        choice = node("Cast", [reached], f"{HEAD}choice", to=TensorProto.INT64)
        answers = signature.classes if place else signature.classes[::-1]
    else:
        choice = node("ArgMax", [node("Softmax", [exact], PROBABILITY, axis=1)], f"{HEAD}choice", axis=1, keepdims=0)
        answers = signature.classes
    constants.append(
        helper.make_tensor(f"{HEAD}classes", TensorProto.STRING, [len(answers)], [name.encode() for name in answers])
    )
    node("Gather", [f"{HEAD}classes", choice], LABEL, axis=0)
    probability = helper.make_tensor_value_info(PROBABILITY, TensorProto.DOUBLE, ["n", len(signature.classes)])
    return nodes, constants, [helper.make_tensor_value_info(LABEL, TensorProto.STRING, ["n"]), probability]


def assemble(graph: onnx.GraphProto, opset: int, ml_opset: int = ML_OPSET) -> onnx.ModelProto:
    """The graph as a model of Seatrial's: two operator sets, no functions, nothing else."""
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml_opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="seatrial")
