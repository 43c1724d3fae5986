from __future__ import annotations

from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from seatrial.models.vocabularies import text_vocabularies

ML = "ai.onnx.ml"


def model(*nodes: onnx.NodeProto, outputs: tuple[str, ...] = ("y",)) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "texts",
        [
            helper.make_tensor_value_info("sex", TensorProto.STRING, ["n", 1]),
            helper.make_tensor_value_info("city", TensorProto.STRING, ["n", 1]),
            helper.make_tensor_value_info("age", TensorProto.DOUBLE, ["n", 1]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    data: bytes = helper.make_model(graph).SerializeToString()
    return data


def encoder(tensor: str, *texts: str, kind: str = "OneHotEncoder", **attributes: Any) -> onnx.NodeProto:
    name = "keys_strings" if kind == "LabelEncoder" else "cats_strings"
    return helper.make_node(kind, [tensor], [f"{tensor} out"], domain=ML, **{name: list(texts)}, **attributes)


@pytest.mark.parametrize("kind", ["OneHotEncoder", "LabelEncoder", "CategoryMapper"])
def test_a_text_that_is_looked_up_has_the_texts_of_the_list(kind: str) -> None:
    assert text_vocabularies(model(encoder("sex", "M", "F", "größe", kind=kind))) == {"sex": ("F", "M", "größe")}


def test_lists_behind_nodes_that_hand_texts_on_count_and_several_of_them_together() -> None:
    nodes = (
        helper.make_node("Identity", ["sex"], ["same"]),
        helper.make_node("Reshape", ["same", "shape"], ["flat"]),
        encoder("flat", "F"),
        encoder("same", "M"),
    )
    assert text_vocabularies(model(*nodes)) == {"sex": ("F", "M")}


def test_a_list_that_is_a_tensor_is_read_too() -> None:
    keys = helper.make_tensor("keys", TensorProto.STRING, [2], [b"F", "大".encode()])
    node = helper.make_node("LabelEncoder", ["sex"], ["y"], domain=ML, keys_tensor=keys)
    assert text_vocabularies(model(node)) == {"sex": ("F", "大")}


def test_a_text_of_which_more_is_made_is_left_out() -> None:
    joined = helper.make_node("Concat", ["sex", "city"], ["both"], axis=1)
    assert text_vocabularies(model(joined, encoder("both", "F", "a"), encoder("city", "a"))) == {}


def test_a_model_without_texts_knows_none() -> None:
    assert text_vocabularies(model(helper.make_node("Identity", ["age"], ["y"]))) == {}


def test_a_package_knows_the_vocabularies_of_its_codec(package: dict[str, bytes]) -> None:
    found = text_vocabularies(package["model.onnx"])
    assert found == {"city": ("", "Zürich", "東京"), "sex": ("Female", "Male")}
