from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from seatrial.errors import Corrupt
from seatrial.models.provenance import SourceFile
from seatrial.models.runtime import load_predictor
from tests.finished_models import FEATURES, bare, matrix_model, opened, softmax_model, table

NODE = helper.make_node


def test_the_same_file_columns_and_wishes_give_the_same_bytes(tmp_path: Path) -> None:
    packages = [opened(tmp_path, softmax_model()).package for _ in range(2)]
    assert packages[0] == packages[1]
    assert opened(tmp_path, softmax_model(), threshold=0.4).package != packages[0]


def test_whether_rows_were_shown_is_not_in_the_package(tmp_path: Path) -> None:
    assert opened(tmp_path, softmax_model()).package == opened(tmp_path, softmax_model(), asked=False).package


def test_the_package_is_what_load_predictor_takes(tmp_path: Path) -> None:
    found = opened(tmp_path, softmax_model())
    assert set(found.package) == {"model.onnx", "provenance.json", "signature.json"}
    again = load_predictor(found.package)
    assert again.codec is None
    assert again.signature == found.predictor.signature
    assert again.predict(table()).labels.tolist() == found.predictor.predict(table()).labels.tolist()


def test_provenance_says_the_file_and_leaves_open_what_nobody_knows(tmp_path: Path) -> None:
    data = softmax_model().SerializeToString()
    provenance = opened(tmp_path, data, name="bought.onnx").predictor.provenance
    assert provenance.source == SourceFile("bought.onnx", hashlib.sha256(data).hexdigest(), "somebody 1.2")
    assert (provenance.code, provenance.step_key, provenance.python, provenance.data) == (None, None, None, ())


def test_what_no_answer_needs_is_left_out_of_the_graph(tmp_path: Path) -> None:
    tail = [NODE("Softmax", ["z"], ["p"], axis=1), NODE("ArgMax", ["p"], ["label"], axis=1, keepdims=0)]
    finished = matrix_model(
        [*tail, NODE("Add", ["label", "unused"], ["far"])],
        [("label", TensorProto.INT64, ["n"]), ("p", TensorProto.FLOAT, ["n", 2])],
        constants={"unused": np.array(1)},
    )
    graph = onnx.load_model_from_string(opened(tmp_path, finished).package["model.onnx"]).graph
    assert "model/label" not in {name for node in graph.node for name in node.output}
    assert "model/unused" not in {tensor.name for tensor in graph.initializer}


@pytest.mark.parametrize("form", ["binary", "multiclass", "labels"])
def test_names_looked_up_here_are_the_labels_of_the_graph(tmp_path: Path, form: str) -> None:
    if form == "labels":
        finished = matrix_model([NODE("ArgMax", ["z"], ["o"], axis=1, keepdims=0)], [("o", TensorProto.INT64, ["n"])])
    else:
        finished = softmax_model(width=2 if form == "binary" else 3)
    classes = ("low", "mid", "höchst") if form == "multiclass" else ("no", "yes")
    found = opened(tmp_path, finished, labels=classes, classes=classes)
    graph = onnx.load_model_from_string(found.package["model.onnx"])
    feed = {name: table()[name].cast(pa.float64()).to_numpy().reshape(-1, 1) for name in FEATURES}
    assert found.predictor.predict(table()).labels.tolist() == bare(graph, feed)[0].tolist()


def test_a_label_is_one_object_a_class_and_not_one_a_row(tmp_path: Path) -> None:
    labels = opened(tmp_path, softmax_model()).predictor.predict(table()).labels
    assert len({id(label) for label in labels.tolist()}) == 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"probabilities": False}, r"the graph's outputs \['label', 'probability'\] are not those"),
        ({"task": "regression", "interval": True}, r"the graph's outputs \['label', 'probability'\] are not those"),
    ],
)
def test_a_signature_of_other_outputs_is_corrupt(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    package = opened(tmp_path, softmax_model()).package
    signature = json.loads(package["signature.json"]) | change
    with pytest.raises(Corrupt, match=problem):
        load_predictor({**package, "signature.json": json.dumps(signature).encode()})


def test_functions_become_their_nodes(tmp_path: Path) -> None:
    made = softmax_model()
    function = helper.make_function(
        "local", "Answer", ["z"], ["p"], [NODE("Softmax", ["z"], ["p"], axis=1)], [helper.make_opsetid("", 17)]
    )
    made.functions.append(function)
    made.opset_import.append(helper.make_opsetid("local", 1))
    made.graph.node[1].CopyFrom(NODE("Answer", ["z"], ["p"], domain="local"))
    found = opened(tmp_path, made)
    assert not onnx.load_model_from_string(found.package["model.onnx"]).functions
    assert dataclasses.replace(found.predictor.signature).classes == ("no", "yes")


def test_branches_keep_what_they_read(tmp_path: Path) -> None:
    def branch(name: str) -> onnx.GraphProto:
        answer = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2])
        return helper.make_graph([NODE("Softmax", ["z"], [name], axis=1)], name, [], [answer])

    tail = [NODE("If", ["always"], ["p"], then_branch=branch("one"), else_branch=branch("other"))]
    finished = matrix_model(tail, [("p", TensorProto.FLOAT, ["n", 2])], constants={"always": np.array(True)})
    expected = opened(tmp_path, softmax_model()).predictor.predict(table()).probabilities
    found = opened(tmp_path, finished).predictor.predict(table()).probabilities
    assert np.array_equal(np.asarray(found), np.asarray(expected))
