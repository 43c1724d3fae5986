"""The trees of a package's graph: which leaves a row can reach, and what each leaf adds to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, ValueInfoProto, helper, numpy_helper

from seatrial.models.columns import kind_column
from seatrial.models.sessions import open_session
from seatrial.models.signature import Column

_KINDS = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
_MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
_COMPARISONS = (np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal)
EQUALITIES = (_MODES.index("BRANCH_EQ"), _MODES.index("BRANCH_NEQ"))
_BATCH_ROWS = 16_384

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TreeEnsemble:
    """Trees whose leaves add up. Splits are numbered 0 to s, leaves 0 to l in the order of their trees.

    The ways from the roots to the leaves are pairs: `pair_leaf`, `pair_split`, and whether the leaf lies where the
    split is true, `pair_side`; sorted by leaf.
    """

    feature: Ints  # [s]
    threshold: NDArray[Any]  # [s], float32 or float64 as the runtime compares
    mode: Ints  # [s], a place in _MODES
    missing_is_true: NDArray[np.bool_]  # [s]
    pair_leaf: Ints
    pair_split: Ints
    pair_side: NDArray[np.bool_]
    leaf_tree: Ints  # [l]
    leaf_values: Floats  # [l, outputs]
    base: Floats  # [outputs]

    def passes(self, features: NDArray[Any], splits: Ints) -> NDArray[np.bool_]:
        """Which of `splits` are true for each row of features: bool[n, len(splits)]."""
        values, modes = features[:, self.feature[splits]], self.mode[splits]
        passed = np.zeros(values.shape, dtype=bool)
        for mode, compare in enumerate(_COMPARISONS):
            here = modes == mode
            if here.any():
                passed[:, here] = compare(values[:, here], self.threshold[splits][here])
        missing = np.isnan(values)
        return np.where(missing, self.missing_is_true[splits], passed) if missing.any() else passed

    def sums(self, features: NDArray[Any]) -> Floats:
        """What the leaves add up to for each row: float64[n, outputs]."""
        every = np.arange(len(self.feature))
        starts = np.flatnonzero(np.diff(self.pair_leaf, prepend=-1))
        reached = self.pair_leaf[starts]
        alone = np.setdiff1d(np.arange(len(self.leaf_tree)), reached)  # trees of one leaf
        total = np.empty((len(features), len(self.base)))
        for row, passed in enumerate(self.passes(features, every)):
            ways = np.logical_and.reduceat(passed[self.pair_split] == self.pair_side, starts)
            total[row] = self.base + self.leaf_values[reached[ways]].sum(axis=0) + self.leaf_values[alone].sum(axis=0)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class TreeModel:
    """A graph with one ensemble of trees, and what turns its inputs into the features that the trees split on."""

    ensemble: TreeEnsemble
    columns: tuple[Column, ...]
    session: Any

    def features(self, rows: pa.Table) -> NDArray[Any]:
        """What the trees see of the rows: [n, features], float32 or float64."""
        parts = []
        for start in range(0, max(rows.num_rows, 1), _BATCH_ROWS):
            batch = rows.slice(start, _BATCH_ROWS)
            feed = {column.name: kind_column(batch, column, first_row=start).reshape(-1, 1) for column in self.columns}
            parts.append(self.session.run(None, feed)[0])
        return np.concatenate(parts)


def tree_model(data: bytes, columns: Sequence[Column]) -> TreeModel | None:
    """The trees of an ONNX model; None where it has none, several ensembles, or other ways of adding up."""
    model = onnx.load_from_string(data)
    nodes = [node for node in model.graph.node if node.op_type.startswith("TreeEnsemble")]
    if len(nodes) != 1 or nodes[0].op_type not in _KINDS:
        return None
    ensemble = _ensemble(nodes[0])
    if ensemble is None:
        return None
    return TreeModel(ensemble, tuple(columns), open_session(_before(model, nodes[0].input[0]), path="model.onnx"))


def _before(model: onnx.ModelProto, tensor: str) -> bytes:
    """The part of the graph that gives `tensor`."""
    part = onnx.ModelProto()
    part.CopyFrom(model)
    needed, nodes = {tensor}, []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= set(node.input)
    graph: GraphProto = part.graph
    del graph.node[:]
    graph.node.extend(reversed(nodes))
    del graph.output[:]
    graph.output.append(ValueInfoProto(name=tensor))
    data: bytes = part.SerializeToString()
    return data


def _ensemble(node: NodeProto) -> TreeEnsemble | None:
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    kind = "class" if node.op_type == "TreeEnsembleClassifier" else "target"
    modes = [mode.decode() for mode in attributes["nodes_modes"]]
    if attributes.get("aggregate_function", b"SUM") not in (b"SUM", b"AVERAGE"):
        return None
    count = len(modes)
    leaf = np.array([mode == "LEAF" for mode in modes])
    places = {
        pair: place
        for place, pair in enumerate(zip(attributes["nodes_treeids"], attributes["nodes_nodeids"], strict=True))
    }
    parent, side = np.full(count, -1), np.zeros(count, dtype=bool)
    for place in np.flatnonzero(~leaf):
        for way, name in ((True, "nodes_truenodeids"), (False, "nodes_falsenodeids")):
            child = places[(attributes["nodes_treeids"][place], attributes[name][place])]
            parent[child], side[child] = place, way
    leaves, splits = np.flatnonzero(leaf), np.flatnonzero(~leaf)
    trees = np.unique(np.array(attributes["nodes_treeids"]), return_inverse=True)[1]
    leaves = leaves[np.argsort(trees[leaves], kind="stable")]
    split_of, leaf_of = np.full(count, -1), np.full(count, -1)
    split_of[splits], leaf_of[leaves] = np.arange(len(splits)), np.arange(len(leaves))
    pairs = _ways(leaves, parent, side, split_of)
    outputs = [int(place) for place in attributes[f"{kind}_ids"]]
    names = sorted(set(outputs))
    width = len(names) if kind == "class" else int(attributes["n_targets"])
    values = np.zeros((len(leaves), width))
    weights = _numbers(attributes, f"{kind}_weights")
    for tree, own, output, weight in zip(
        attributes[f"{kind}_treeids"], attributes[f"{kind}_nodeids"], outputs, weights, strict=True
    ):
        at = leaf_of[places[(tree, own)]]
        values[at, names.index(output) if kind == "class" else output] += weight
    tracks = attributes.get("nodes_missing_value_tracks_true") or [0] * count
    return TreeEnsemble(
        feature=np.array(attributes["nodes_featureids"], np.int64)[splits],
        threshold=_numbers(attributes, "nodes_values")[splits],
        mode=np.array([_MODES.index(modes[place]) for place in splits], np.int64),
        missing_is_true=np.array(tracks, bool)[splits],
        pair_leaf=pairs[0],
        pair_split=pairs[1],
        pair_side=pairs[2],
        leaf_tree=trees[leaves],
        leaf_values=values,
        base=_base(attributes, width),
    )


def _base(attributes: dict[str, Any], width: int) -> Floats:
    if "base_values" not in attributes and "base_values_as_tensor" not in attributes:
        return np.zeros(width)
    base = _numbers(attributes, "base_values").astype(np.float64)
    return base if len(base) == width else np.zeros(width)


def _ways(leaves: Ints, parent: Ints, side: NDArray[np.bool_], split_of: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """The pairs of leaf and split on the ways up from the leaves, sorted by leaf."""
    pairs: list[tuple[Ints, Ints, NDArray[np.bool_]]] = []
    which, here = np.arange(len(leaves)), leaves
    while which.size:
        up = parent[here]
        has_parent = up >= 0
        which, here, up = which[has_parent], here[has_parent], up[has_parent]
        pairs.append((which, split_of[up], side[here]))
        here = up
    leaf, split, way = (np.concatenate([part[place] for part in pairs]) for place in range(3))
    order = np.argsort(leaf, kind="stable")
    return leaf[order], split[order], way[order].astype(bool)


def _numbers(attributes: dict[str, Any], name: str) -> NDArray[Any]:
    """float64 where the attribute is a tensor of them, else float32."""
    tensor = attributes.get(f"{name}_as_tensor")
    if tensor is not None:
        return np.asarray(numpy_helper.to_array(tensor))
    return np.array(attributes[name], np.float32)
