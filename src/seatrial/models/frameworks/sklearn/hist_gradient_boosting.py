"""scikit-learn's histogram gradient boosting, tree by tree, with the thresholds that it was grown with.

skl2onnx (1.20) rounds them to float32, and a threshold may be a value of the training data itself: that row then goes
down the other branch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.finished.trees.booster import Booster, Link, converted
from seatrial.models.finished.trees.forest import Forest

# scikit-learn's links, by the names of their classes in sklearn._loss.link: (the link, whether it is of classes)
_LINKS: dict[str, tuple[Link, bool]] = {
    "IdentityLink": ("identity", False),
    "LogLink": ("exp", False),
    "LogitLink": ("identity", True),
    "MultinomialLogit": ("identity", True),
}


def convert_hist_gradient_boosting(fitted: Any) -> ConvertedModel | None:  # of a library without types
    """The estimator over one float64 matrix; None where it is of another kind, or has what is left to skl2onnx.

    That is: splits by sets of categories, and attributes of a scikit-learn that keeps its trees otherwise.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kinds = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
    if not isinstance(fitted, kinds) or fitted.is_categorical_ is not None:
        return None
    try:
        link, of_classes = _LINKS[type(fitted._loss.link).__name__]  # nothing public tells the trees
        bases = np.ravel(fitted._baseline_prediction).tolist()
        forest = Forest(fitted.n_features_in_, len(bases), bases)
        trees = [tree for grown in fitted._predictors for tree in grown]  # one a class in each round
        for number, tree in enumerate(trees):
            _grow(forest, tree.nodes, number, number % len(bases))
    except (AttributeError, KeyError, IndexError, ValueError):
        return None
    return converted(
        Booster(
            library="scikit-learn",
            names=None,
            class_count=len(fitted.classes_) if of_classes else 0,
            forest=forest,
            native=None,
            link=link,
        )
    )


def _grow(forest: Forest, nodes: Any, tree: int, target: int) -> None:
    """Adds a tree; `nodes` is a structured array with a row a node, the first the root."""
    for place, node in enumerate(nodes):
        if node["is_leaf"]:
            forest.leaf((tree, place), target, float(node["value"]))
            continue
        children = int(node["left"]), int(node["right"])
        forest.split(
            (tree, place),
            int(node["feature_idx"]),
            "BRANCH_LEQ",
            float(node["num_threshold"]),
            children,
            missing=bool(node["missing_go_to_left"]),
        )
