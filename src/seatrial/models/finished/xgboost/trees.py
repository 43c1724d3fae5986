"""The trees of XGBoost's document: checked, added to a forest, and written anew for XGBoost itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.models.finished.trees.forest import Forest
from seatrial.models.finished.xgboost.document import Place

_CATEGORICAL = 1  # in split_type
_MAX_CATEGORY = 2**24  # what a float32 counts exactly: OutOfRangeCat() in XGBoost's src/common/categorical.h
_NO_PARENT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree whose every index lies where it may."""

    features: int
    left: NDArray[np.int64]  # -1 for a leaf
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    value: NDArray[np.float32]  # the threshold, or what a leaf adds
    default_left: NDArray[np.int64]
    sets: dict[int, list[int]]  # node → the categories that go right

    def grow(self, forest: Forest, number: int, target: int, weight: float) -> None:
        """Adds the tree to the forest as its tree `number`."""
        spare = len(self.left)
        for node in self._reachable():
            here = (number, node)
            if self.left[node] < 0:
                forest.leaf(here, target, float(self.value[node]) * weight)
                continue
            feature, to, left = int(self.feature[node]), self._children(node), bool(self.default_left[node])
            if node in self.sets:  # Decision() in XGBoost's src/common/categorical.h: who is in the set goes right
                spare = forest.member(here, feature, self.sets[node], to[::-1], missing=not left, spare=spare)
            else:
                forest.split(here, feature, "BRANCH_LT", float(self.value[node]), to, missing=left)

    def rewritten(self, number: int) -> dict[str, Any]:
        """The tree as XGBoost reads it, with nothing in it but what answers."""
        count = len(self.left)
        parents = np.full(count, _NO_PARENT)
        inner = np.flatnonzero(self.left >= 0)
        parents[self.left[inner]], parents[self.right[inner]] = inner, inner
        nodes = sorted(self.sets)
        sizes = [len(self.sets[node]) for node in nodes]
        nothing = [0.0] * count
        return {
            "base_weights": nothing,
            "categories": [value for node in nodes for value in self.sets[node]],
            "categories_nodes": nodes,
            "categories_segments": [sum(sizes[:position]) for position in range(len(sizes))],
            "categories_sizes": sizes,
            "default_left": self.default_left.tolist(),
            "id": number,
            "left_children": self.left.tolist(),
            "loss_changes": nothing,
            "parents": parents.tolist(),
            "right_children": self.right.tolist(),
            "split_conditions": [float(str(value)) for value in self.value],  # the shortest text of a float32
            "split_indices": self.feature.tolist(),
            "split_type": [int(node in self.sets) for node in range(count)],
            "sum_hessian": nothing,
            "tree_param": {
                "num_deleted": "0",
                "num_feature": str(self.features),
                "num_nodes": str(count),
                "size_leaf_vector": "1",
            },
        }

    def _children(self, node: int) -> tuple[int, int]:
        return int(self.left[node]), int(self.right[node])

    def _reachable(self) -> Iterator[int]:
        waiting = [0]
        while waiting:
            node = waiting.pop()
            yield node
            if self.left[node] >= 0:
                waiting += self._children(node)[::-1]


def read_tree(place: Place, features: int) -> Tree:
    """The tree at this place, over so many features; `InputError` where an array or an index is wrong."""
    parameters = place.object("tree_param")
    if parameters.integer("size_leaf_vector", least=0, default=1) > 1:
        raise place.unsuited(
            "tree_param.size_leaf_vector",
            "its leaves are vectors.",
            'Train with multi_strategy="one_output_per_tree".',
        )
    count = parameters.integer("num_nodes", least=1)
    left, right = place.array("left_children", count), place.array("right_children", count)
    feature, value = place.array("split_indices", count), place.array("split_conditions", count, kind=np.float32)
    inner = left >= 0
    children = np.concatenate([left[inner], right[inner]])
    if (
        ((left == -1) != (right == -1)).any()
        or (np.concatenate([left, right]) < -1).any()
        or (children >= count).any()
        or (children == 0).any()
        or len(np.unique(children)) != len(children)
        or len(children) != count - 1
    ):
        raise place.wrong("left_children", "is no tree's: a node is nobody's child, or several nodes'")
    if (feature < 0).any() or (feature >= features).any():
        raise place.wrong("split_indices", f"names a feature that is none of {features}")
    sets = _sets(place, count)
    kinds = place.array("split_type", count) if "split_type" in place.entries else np.zeros(count, np.int64)
    if sorted(sets) != np.flatnonzero(kinds == _CATEGORICAL).tolist() or ((kinds < 0) | (kinds > _CATEGORICAL)).any():
        raise place.wrong("categories_nodes", "are not those nodes whose split_type is categorical")
    return Tree(features, left, right, feature, value, (place.array("default_left", count) != 0).astype(int), sets)


def _sets(place: Place, count: int) -> dict[int, list[int]]:
    if "categories_nodes" not in place.entries:
        return {}
    nodes = place.array("categories_nodes")
    starts = place.array("categories_segments", len(nodes))
    sizes, values = place.array("categories_sizes", len(nodes)), place.array("categories")
    if ((starts < 0) | (sizes < 0) | (sizes > len(values)) | (starts > len(values) - sizes)).any():
        raise place.wrong("categories_segments", "lies outside of the categories")
    if ((values < 0) | (values >= _MAX_CATEGORY)).any() or ((nodes < 0) | (nodes >= count)).any():
        raise place.wrong("categories", "has a number that is no category")
    return {
        int(node): values[start : start + size].tolist() for node, start, size in zip(nodes, starts, sizes, strict=True)
    }
