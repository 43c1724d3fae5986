"""How deep the trees of a graph are: onnxruntime walks them by recursion when it loads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

# onnxruntime 1.32 loads a tree 10,000 nodes deep, and ends the process for one of 100,000 (a stack of 8 MiB).
MAX_NODES_DEEP = 5000
_ENSEMBLES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")


def is_too_deep(node: NodeProto) -> bool:
    """Whether the node is an ensemble with a way of more than `MAX_NODES_DEEP` nodes, or one that goes in a circle."""
    if node.op_type not in _ENSEMBLES:
        return False
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    children, roots = _by_place(attributes) if node.op_type == "TreeEnsemble" else _by_name(attributes)
    level = roots
    for _ in range(MAX_NODES_DEEP):
        level = np.unique(children[level].reshape(-1))
        level = level[level >= 0]
        if not len(level):
            return False
    return True


def _integers(attributes: dict[str, Any], name: str, count: int | None = None) -> NDArray[np.int64]:
    values = np.array(attributes.get(name, ()), np.int64)
    if count is None or len(values) == count:
        return values
    return np.full(count, -1)  # onnxruntime says itself what is missing


def _by_name(attributes: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Nodes by the number of their tree and their own in it."""
    own = _integers(attributes, "nodes_nodeids")
    count = len(own)
    trees = _integers(attributes, "nodes_treeids", count)
    ways = [_integers(attributes, f"nodes_{way}nodeids", count) for way in ("true", "false")]
    codes = np.unique(np.concatenate([own, *ways]), return_inverse=True)[1].reshape(3, count)
    places = np.unique(trees, return_inverse=True)[1] * (codes.max(initial=0) + 1) + codes
    order = np.argsort(places[0], kind="stable")
    positions = np.searchsorted(places[0][order], places[1:]).clip(max=max(count - 1, 0))
    children = np.where(places[0][order][positions] == places[1:], order[positions], -1) if count else positions
    leaf = np.array([mode == b"LEAF" for mode in attributes.get("nodes_modes", ())], bool)
    if len(leaf) == count:
        children[:, leaf] = -1
    return children.T, np.unique(trees, return_index=True)[1]


def _by_place(attributes: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Nodes by their place in the lists: TreeEnsemble of ai.onnx.ml 5."""
    count = len(_integers(attributes, "nodes_featureids"))
    children = np.full((count, 2), -1)
    for side, way in enumerate(("true", "false")):
        at, leaf = (
            _integers(attributes, f"nodes_{way}nodeids", count),
            _integers(attributes, f"nodes_{way}leafs", count),
        )
        children[:, side] = np.where((leaf == 0) & (at >= 0) & (at < count), at, -1)
    roots = _integers(attributes, "tree_roots")
    return children, roots[(roots >= 0) & (roots < count)]
