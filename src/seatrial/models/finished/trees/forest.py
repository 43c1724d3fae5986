"""Trees whose leaves add up, and the ONNX nodes that walk them with the thresholds they were grown with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

Mode = Literal["BRANCH_LT", "BRANCH_LEQ", "BRANCH_EQ", "LEAF"]


@dataclass(slots=True)
class Forest:
    """Nodes of all trees, gathered one after the other; a tree's first node is its root.

    Thresholds stay float64: exporters to float32 send a row that lies between a threshold and its float32 neighbour
    down the wrong branch.
    """

    features: int
    targets: int
    bases: Sequence[float]  # what each target starts with
    trees: list[int] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    modes: list[Mode] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    yes: list[int] = field(default_factory=list)
    no: list[int] = field(default_factory=list)
    missing_is_yes: list[int] = field(default_factory=list)
    leaf_trees: list[int] = field(default_factory=list)
    leaf_nodes: list[int] = field(default_factory=list)
    leaf_targets: list[int] = field(default_factory=list)
    leaf_weights: list[float] = field(default_factory=list)

    def split(
        self, place: tuple[int, int], feature: int, mode: Mode, threshold: float, to: tuple[int, int], *, missing: bool
    ) -> None:
        """A node at `place` (tree, node) that goes `to` (yes, no); NaN goes to yes if `missing`."""
        self.trees.append(place[0])
        self.nodes.append(place[1])
        self.feature.append(feature)
        self.modes.append(mode)
        self.thresholds.append(threshold)
        self.yes.append(to[0])
        self.no.append(to[1])
        self.missing_is_yes.append(int(missing))

    def member(
        self,
        place: tuple[int, int],
        feature: int,
        values: Sequence[int],
        to: tuple[int, int],
        *,
        missing: bool,
        spare: int,
    ) -> int:
        """A node that goes to yes for any of `values`, as a chain of equalities; returns the next spare node number."""
        tree, node = place
        if not values:  # nothing is in an empty set: both ways lead to no, but for NaN
            self.split(place, feature, "BRANCH_EQ", -1.0, to, missing=missing)
        for position, value in enumerate(values):
            last = position == len(values) - 1
            following = to[1] if last else spare
            self.split((tree, node), feature, "BRANCH_EQ", float(value), (to[0], following), missing=missing)
            if not last:
                node, spare = spare, spare + 1
        return spare

    def leaf(self, place: tuple[int, int], target: int, weight: float) -> None:
        """A leaf at `place` (tree, node) that adds `weight` to the target."""
        self.split(place, 0, "LEAF", 0.0, (0, 0), missing=False)
        self.leaf_trees.append(place[0])
        self.leaf_nodes.append(place[1])
        self.leaf_targets.append(target)
        self.leaf_weights.append(weight)

    def to_node(self, features: str, output: str) -> NodeProto:
        """A TreeEnsembleRegressor: `features` float64[n, features] → `output` float32[n, targets], summed in float64.

        https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html, version 3: tensors hold the float64.
        """
        return helper.make_node(
            "TreeEnsembleRegressor",
            [features],
            [output],
            domain="ai.onnx.ml",
            n_targets=self.targets,
            nodes_treeids=self.trees,
            nodes_nodeids=self.nodes,
            nodes_featureids=self.feature,
            nodes_modes=self.modes,
            nodes_values_as_tensor=_doubles(self.thresholds, "thresholds"),
            nodes_truenodeids=self.yes,
            nodes_falsenodeids=self.no,
            nodes_missing_value_tracks_true=self.missing_is_yes,
            target_treeids=self.leaf_trees,
            target_nodeids=self.leaf_nodes,
            target_ids=self.leaf_targets,
            target_weights_as_tensor=_doubles(self.leaf_weights, "weights"),
            base_values_as_tensor=_doubles(self.bases, "bases"),
        )


def _doubles(values: Sequence[float], name: str) -> TensorProto:
    tensor: onnx.TensorProto = numpy_helper.from_array(np.asarray(values, np.float64), name)
    return tensor
