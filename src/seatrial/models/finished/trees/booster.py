"""A gradient-boosted model that was read from its file: as an ONNX graph, and as its own library answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from seatrial.models.columns import number_column, text_column
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.finished.trees.forest import Forest
from seatrial.models.graph import OPSET, assemble

Link = Literal["identity", "sigmoid", "exp", "signed_square"]
Categories = tuple[str, ...] | tuple[float, ...]
_OWN = "booster/"  # names in the graph that no column begins with
_ANSWER = f"{_OWN}answer"
_ZERO = 1e-35  # what LightGBM takes for zero: kZeroThreshold in its include/LightGBM/meta.h


@dataclass(frozen=True, slots=True)
class Booster:
    """What the file of a boosted model states, checked, and how its library answers for a float64 matrix."""

    library: str  # "XGBoost"
    names: tuple[str, ...] | None  # of its features, in their order; None: the file has none
    class_count: int  # 0 for a regression
    forest: Forest
    # Values or probabilities [n], or [n, classes]; None where the library cannot be asked.
    native: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None
    link: Link = "identity"  # of a regression
    scale: float = 1.0  # of a classifier's margins
    categories: tuple[Categories | None, ...] = ()  # the values that the codes 0, 1, … of a feature stand for
    codes: frozenset[int] = frozenset()  # features that are numbers of categories
    zero_is_missing: frozenset[int] = frozenset()
    float32: bool = False  # whether features are rounded to float32 first
    notes: tuple[str, ...] = ()
    numbered: str = ""  # what the library puts before the number of a feature without a name

    def categories_of(self, feature: int) -> Categories | None:
        """The values that the feature's codes stand for; None where the rows hold numbers or the codes themselves."""
        return self.categories[feature] if self.categories else None


def converted(booster: Booster) -> ConvertedModel:
    """The model as `ConvertedModel`: one matrix, or named columns where the file keeps the values of its categories."""
    native = booster.native

    def answer(rows: pa.Table, names: tuple[str, ...]) -> NDArray[np.float64]:
        assert native is not None  # noqa: S101  # else nobody is given this function
        return native(_matrix(booster, rows, names))

    return ConvertedModel(
        _model(booster),
        "regression" if not booster.class_count else "binary" if booster.class_count == 2 else "multiclass",
        features=booster.names,
        answer=None if native is None else answer,
        notes=booster.notes,
        library=booster.library,
        numbered=_numbered(booster),
    )


def _numbered(booster: Booster) -> tuple[str, ...]:
    return (
        tuple(f"{booster.numbered}{feature}" for feature in range(booster.forest.features)) if booster.numbered else ()
    )


def _matrix(booster: Booster, rows: pa.Table, names: tuple[str, ...]) -> NDArray[np.float64]:
    """float64[n, features]: numbers as they are, categories as codes, NaN for null and for unknown categories."""
    matrix = np.empty((rows.num_rows, booster.forest.features))
    for feature, name in enumerate(names):
        values = booster.categories_of(feature)
        if values is None:
            matrix[:, feature] = number_column(rows, name)
            continue
        column = text_column(rows, name) if _is_text(values) else pa.chunked_array([number_column(rows, name)])
        value_set = pa.array(values, pa.string() if _is_text(values) else pa.float64())
        codes = pc.index_in(column, value_set=value_set)
        matrix[:, feature] = codes.cast(pa.float64()).fill_null(float("nan")).to_numpy()
    return matrix


def _is_text(values: Categories) -> bool:
    return isinstance(values[0], str)


def _model(booster: Booster) -> onnx.ModelProto:
    graph = _Graph()
    if booster.categories and booster.names is not None:
        inputs, matrix = _named_columns(booster, booster.names, graph)
    else:
        matrix = "features"
        inputs = [helper.make_tensor_value_info(matrix, TensorProto.DOUBLE, ["n", booster.forest.features])]
    prepared = _prepared(booster, matrix, graph)
    graph.nodes.append(booster.forest.to_node(prepared, f"{_OWN}float32_margins"))
    margins = graph.node("Cast", [f"{_OWN}float32_margins"], "margins", to=TensorProto.DOUBLE)
    width = _answers(booster, margins, graph)
    output = helper.make_tensor_value_info(_ANSWER, TensorProto.DOUBLE, ["n", width])
    return assemble(helper.make_graph(graph.nodes, "booster", inputs, [output], graph.constants), OPSET)


class _Graph:
    """Nodes and constants under names of their own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, operator: str, inputs: list[str], name: str, *, domain: str = "", **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [_OWN + name], domain=domain, **attributes))
        return _OWN + name

    def constant(self, name: str, value: object) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), _OWN + name))
        return _OWN + name


def _named_columns(booster: Booster, names: tuple[str, ...], graph: _Graph) -> tuple[list[onnx.ValueInfoProto], str]:
    inputs, columns = [], []
    for feature, name in enumerate(names):
        values = booster.categories_of(feature)
        kind = TensorProto.STRING if values is not None and _is_text(values) else TensorProto.DOUBLE
        inputs.append(helper.make_tensor_value_info(name, kind, ["n", 1]))
        if values is None:
            columns.append(name)
            continue
        if _is_text(values):
            keys = helper.make_tensor("keys", kind, [len(values)], [str(value).encode() for value in values])
        else:
            keys = numpy_helper.from_array(np.array(values, np.float64), "keys")
        columns.append(
            graph.node(
                "LabelEncoder",
                [name],
                f"code_{feature}",
                domain="ai.onnx.ml",
                keys_tensor=keys,
                values_tensor=numpy_helper.from_array(np.arange(len(values), dtype=np.float64), "values"),
                default_tensor=numpy_helper.from_array(np.array([np.nan]), "default"),
            )
        )
    return inputs, graph.node("Concat", columns, "columns", axis=1)


def _prepared(booster: Booster, matrix: str, graph: _Graph) -> str:
    """The matrix as the trees were grown on it."""

    def mask(name: str, features: frozenset[int]) -> str:
        return graph.constant(name, np.isin(np.arange(booster.forest.features), list(features)))

    if booster.float32:
        rounded = graph.node("Cast", [matrix], "float32", to=TensorProto.FLOAT)
        matrix = graph.node("Cast", [rounded], "rounded", to=TensorProto.DOUBLE)
    if booster.codes:  # the libraries cast a code to an integer: 2.7 is the category 2
        whole = graph.node("Floor", [matrix], "whole")
        matrix = graph.node("Where", [mask("is_code", booster.codes), whole, matrix], "codes")
    if booster.zero_is_missing:
        small = graph.node("LessOrEqual", [graph.node("Abs", [matrix], "size"), graph.constant("zero", _ZERO)], "small")
        gone = graph.node("And", [small, mask("zero_is_missing", booster.zero_is_missing)], "gone")
        matrix = graph.node("Where", [gone, graph.constant("missing", np.nan), matrix], "without_zeros")
    return matrix


def _answers(booster: Booster, margins: str, graph: _Graph) -> int:
    """Adds the nodes that give the answer, and tells its width."""

    def node(operator: str, inputs: list[str], **attributes: object) -> None:
        graph.nodes.append(helper.make_node(operator, inputs, [_ANSWER], **attributes))

    if booster.class_count:
        if booster.scale != 1:
            margins = graph.node("Mul", [margins, graph.constant("scale", booster.scale)], "scaled")
        if booster.forest.targets == 1:
            # The softmax beside a 0 keeps the digits of the smaller probability: see output_nodes.
            margins = graph.node("Pad", [margins, graph.constant("beside", np.array([0, 1, 0, 0]))], "both")
        node("Softmax", [margins], axis=1)
        return booster.class_count
    if booster.link == "signed_square":
        node("Mul", [margins, graph.node("Abs", [margins], "margin_size")])
    else:
        node({"identity": "Identity", "sigmoid": "Sigmoid", "exp": "Exp"}[booster.link], [margins])
    return 1
