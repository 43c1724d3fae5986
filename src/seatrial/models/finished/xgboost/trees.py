"""The trees of XGBoost's document: checked, and added to a forest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.models.finished.trees.forest import Forest
from seatrial.models.finished.xgboost.document import Place

_CATEGORICAL = 1  # in split_type
_MAX_CATEGORY = 2**24  # what a float32 counts exactly: OutOfRangeCat() in XGBoost's src/common/categorical.h
# What explains a tree and does not answer. XGBoost trusts their lengths when it reads them.
_STATISTICS = frozenset({"base_weights", "loss_changes", "sum_hessian", "parents", "leaf_child_counts"})
_KEYS = _STATISTICS | {
    "categories",
    "categories_nodes",
    "categories_segments",
    "categories_sizes",
    "default_left",
    "id",
    "left_children",
    "right_children",
    "split_conditions",
    "split_indices",
    "split_type",
    "tree_param",
}
_PARAMETERS = frozenset({"num_deleted", "num_feature", "num_nodes", "num_roots", "size_leaf_vector"})


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
    place.check_keys(_KEYS)
    parameters = place.object("tree_param")
    parameters.check_keys(_PARAMETERS)
    if parameters.integer("size_leaf_vector", least=0, default=1) > 1:
        raise place.unsuited(
            "tree_param.size_leaf_vector",
            "its leaves are vectors.",
            'Train with multi_strategy="one_output_per_tree".',
        )
    count = parameters.integer("num_nodes", least=1)
    for key in _STATISTICS & place.entries.keys():
        place.array(key, count, kind=np.float64)
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
        raise place.wrong("left_children", "must make a tree: a node is nobody's child, or several nodes'")
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
        raise place.wrong("categories", "has a number that is not a category")
    return {
        int(node): values[start : start + size].tolist() for node, start, size in zip(nodes, starts, sizes, strict=True)
    }
