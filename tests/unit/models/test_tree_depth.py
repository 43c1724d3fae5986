from __future__ import annotations

import numpy as np
import pytest
from onnx import NodeProto, helper

from seatrial.errors import Refused
from seatrial.models.finished.trees.booster import Booster, converted
from seatrial.models.finished.trees.forest import Forest
from seatrial.models.safety import check_safe
from seatrial.models.tree_depth import MAX_NODES_DEEP, is_too_deep


def chain(depth: int, *, trees: int = 1) -> NodeProto:
    """Each tree a comb: at every node one leaf and one node."""
    forest = Forest(1, 1, [0.0])
    for tree in range(trees):
        for node in range(depth):
            forest.split((tree, node), 0, "BRANCH_LEQ", float(-node), (node + 1, depth + 1 + node), missing=False)
        forest.leaf((tree, depth), 0, 1.0)
        for node in range(depth):
            forest.leaf((tree, depth + 1 + node), 0, 2.0)
    return forest.to_node("x", "y")


def newer(depth: int) -> NodeProto:
    """The same comb as ai.onnx.ml 5 writes it."""
    return helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_featureids=[0] * depth,
        nodes_truenodeids=[*range(1, depth), 0],
        nodes_trueleafs=[0] * (depth - 1) + [1],
        nodes_falsenodeids=[0] * depth,
        nodes_falseleafs=[1] * depth,
        tree_roots=[0],
    )


@pytest.mark.parametrize("depth", [0, 1, 40, 2000])
def test_trees_that_people_grow_are_not_too_deep(depth: int) -> None:
    assert not is_too_deep(chain(depth, trees=3))


@pytest.mark.parametrize("make", [chain, newer])
def test_a_tree_is_too_deep_from_one_node_on(make: object) -> None:
    assert callable(make)
    assert not is_too_deep(make(MAX_NODES_DEEP - 2))
    assert is_too_deep(make(MAX_NODES_DEEP + 2))


def test_a_tree_that_goes_in_a_circle_is_too_deep() -> None:
    node = chain(5)
    ways = next(attribute for attribute in node.attribute if attribute.name == "nodes_truenodeids")
    ways.ints[4] = 0
    assert is_too_deep(node)


def test_lists_of_other_lengths_are_left_to_onnxruntime() -> None:
    node = chain(5)
    del next(attribute for attribute in node.attribute if attribute.name == "nodes_treeids").ints[2:]
    assert not is_too_deep(node)
    assert not is_too_deep(helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml"))


def test_a_model_with_such_a_tree_is_refused_before_onnxruntime_sees_it() -> None:
    forest = Forest(1, 1, [0.0])
    forest.member((0, 0), 0, list(range(MAX_NODES_DEEP + 1)), (1, 2), missing=False, spare=3)
    forest.leaf((0, 1), 0, 1.0)
    forest.leaf((0, 2), 0, 2.0)
    model = converted(Booster("x", None, 0, forest, lambda matrix: np.zeros(len(matrix)))).model
    with pytest.raises(Refused, match="a tree in it is more than 5,000 nodes deep"):
        check_safe(model)
