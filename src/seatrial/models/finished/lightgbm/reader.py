"""LightGBM's text files: refused unless every key of them is known."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.finished.lightgbm.text import Section, Text, read_text, without_offsets
from seatrial.models.finished.optional_libraries import check_size, require
from seatrial.models.finished.trees.booster import Booster, Categories, Link, converted
from seatrial.models.finished.trees.forest import Forest

# Of a regression: the objective's first word → how the sum of the leaves becomes the answer. LightGBM 4's
# src/objective/regression_objective.hpp and xentropy_objective.hpp.
_LINKS: dict[str, Link] = {
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "cross_entropy": "sigmoid",
}
_VERSIONS = ("v2", "v3", "v4")  # of the file's format, in the order of time
_BLANK = "_"  # what LightGBM writes for a blank in a feature's name: src/io/dataset.cpp and its issue 2165
_UNNAMED = "Column_"  # what LightGBM calls the features of a matrix without names, from 0
_INFO = re.compile(
    r"none|\[[-+.\deinfa]+:[-+.\deinfa]+\]|-?\d+(:-?\d+)*"
)  # what it saw of a feature: nothing, a range, or codes
# decision_type: bit 0 a set of categories, bit 1 missing goes left, then what is missing: include/LightGBM/tree.h
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT = 1, 2, 2
_MISSING_NONE, _MISSING_ZERO, _MISSING_NAN = 0, 1, 2
_IS_CODE = -1  # beside those three: the feature's splits are sets of categories
_WORD_BITS = 32  # of a set of categories


def read(data: bytes, *, path: str) -> ConvertedModel:
    """The model in a text file; `InputError` for anything else, and for what cannot be packaged exactly.

    LightGBM itself is asked with the file's own text, so that what this reader leaves out would show in the answers.
    Its parser trusts lengths and indices, which were all checked here before.
    """
    require("lightgbm", path)
    check_size(data, path)
    try:
        content = data.decode()
    except UnicodeDecodeError as error:
        raise Section(path, 1, {}).wrong(f"byte {error.start} is not UTF-8") from None
    booster = _booster(read_text(content, path=path), _native(without_offsets(content)))
    return replace(converted(booster), blanks_as=_BLANK)


def _booster(text: Text, native: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Booster:
    header = text.header
    width = header.integer("max_feature_idx", least=0) + 1
    targets = header.integer("num_tree_per_iteration", least=1)
    header.integer("label_index", least=0)
    if header.integer("num_class", least=1) != targets or not header.text("version").startswith("v"):
        raise header.wrong(f"num_class is not the {targets} trees of a round, or the version is missing")
    if header.text("version") not in _VERSIONS:
        raise InputError(
            f"the file's format {header.text('version')[:40]!r} is unknown; known are {', '.join(_VERSIONS)}.",
            path=header.path,
            line=header.line,
            hint="Save the model with LightGBM 4.7 or older, or export it to ONNX.",
        )
    class_count, link, scale = _task(header, targets)
    names, infos = header.text("feature_names").split(" "), header.text("feature_infos").split(" ")
    if len(names) != width or len(set(names)) != width or not all(names):
        raise header.wrong(f"it has {len(set(names))} different feature names for {width} features")
    if len(infos) != width or not all(_INFO.fullmatch(info) for info in infos):
        raise header.wrong(f"feature_infos does not describe {width} features")
    if not text.trees or len(text.trees) % targets:
        raise header.wrong(f"it has {len(text.trees)} trees, {targets} a round")
    # The trees of a forest are averaged, all others add up.
    weight = targets / len(text.trees) if "average_output" in header.entries else 1.0
    forest = Forest(width, targets, [0.0] * targets)
    kinds: dict[int, int] = {}
    for number, tree in enumerate(text.trees):
        _grow(forest, tree, (number, number % targets), weight, kinds)
    categories = _categories(text, infos)
    unnamed = not categories and names == [f"{_UNNAMED}{feature}" for feature in range(width)]
    return Booster(
        library="LightGBM",
        numbered=_UNNAMED,
        names=None if unnamed else tuple(names),
        class_count=class_count,
        forest=forest,
        native=native,
        link=link,
        scale=scale,
        categories=categories,
        codes=frozenset(feature for feature, kind in kinds.items() if kind == _IS_CODE),
        zero_is_missing=frozenset(feature for feature, kind in kinds.items() if kind == _MISSING_ZERO),
    )


def _task(header: Section, targets: int) -> tuple[int, Link, float]:
    objective, *options = header.text("objective").split(" ")
    settings = dict(option.partition(":")[::2] for option in options)
    if objective == "binary" and targets == 1:
        sigmoid = settings.get("sigmoid", "")
        if not re.fullmatch(r"\d+(\.\d+)?(e-?\d+)?", sigmoid) or not 0 < float(sigmoid) < np.inf:
            raise header.wrong(f"the sigmoid of its objective is {sigmoid!r}")
        return 2, "identity", float(sigmoid)
    if objective == "multiclass" and targets > 2 and settings.get("num_class") == str(targets):
        return targets, "identity", 1.0
    if objective in _LINKS and targets == 1:
        return 0, "signed_square" if "sqrt" in settings else _LINKS[objective], 1.0
    raise InputError(
        f"the objective {objective or 'of its own'!r} cannot be judged: its answers are neither probabilities of "
        "classes nor values.",
        path=header.path,
        line=header.line,
        hint=f"Train with binary, multiclass (3 classes or more) or one of {', '.join(_LINKS)}.",
    )


def _grow(forest: Forest, tree: Section, place: tuple[int, int], weight: float, kinds: dict[int, int]) -> None:
    """Adds the tree at `place` (its number, its target); `kinds` gathers what each feature is."""
    number, target = place
    leaves = tree.integer("num_leaves", least=1)
    if tree.integer("is_linear", least=0, default=0):
        raise InputError(
            "the tree's leaves are linear models, which ONNX's trees do not have.",
            path=tree.path,
            line=tree.line,
            hint="Train with linear_tree=false.",
        )
    tree.check_statistics(leaves)
    sets = _sets(tree)
    values = tree.numbers("leaf_value", leaves)
    if not np.isfinite(values).all():
        raise tree.wrong("leaf_value has a number without end")
    count = leaves - 1
    left, right = tree.integers("left_child", count), tree.integers("right_child", count)
    features = tree.integers("split_feature", count)
    thresholds, decisions = tree.numbers("threshold", count), tree.integers("decision_type", count)
    children = sorted(np.concatenate([left, right]).tolist())  # n nodes, and n + 1 leaves that are called -1, -2, …
    if count and children != [*range(-leaves, 0), *range(1, count)]:
        raise tree.wrong("its nodes make no tree: a node or a leaf is nobody's child, or several nodes'")
    if (features < 0).any() or (features >= forest.features).any():
        raise tree.wrong(f"split_feature names a feature that is none of {forest.features}")
    spare = count + leaves
    for node in range(count):
        here, feature, decision = (number, node), int(features[node]), int(decisions[node])
        threshold = float(thresholds[node])
        left_child, right_child = (int(side[node]) for side in (left, right))
        to = (_place(left_child, count), _place(right_child, count))
        kind = _IS_CODE if decision & _CATEGORICAL else decision >> _MISSING_SHIFT
        # What is missing is a property of the column, and the graph makes zeros missing once, in front of the trees.
        if kind > _MISSING_NAN or kinds.setdefault(feature, kind) != kind:
            raise tree.wrong(f"feature {feature} is split by the decision_type {decision}, and otherwise elsewhere")
        if kind == _IS_CODE:
            if threshold not in range(len(sets)):
                raise tree.wrong(f"the threshold {threshold:g} of a set of categories is none of {len(sets)}")
            spare = forest.member(here, feature, sets[int(threshold)], to, missing=False, spare=spare)
        else:
            # Where nothing was missing in training, LightGBM answers for NaN as for 0.
            missing = threshold >= 0 if kind == _MISSING_NONE else bool(decision & _DEFAULT_LEFT)
            forest.split(here, feature, "BRANCH_LEQ", threshold, to, missing=missing)
    for leaf in range(leaves):
        forest.leaf((number, count + leaf), target, float(values[leaf]) * weight)


def _place(child: int, count: int) -> int:
    return child if child >= 0 else count + ~child


def _sets(tree: Section) -> list[list[int]]:
    count = tree.integer("num_cat", least=0)
    if not count:
        return []
    ends = tree.integers("cat_boundaries", count + 1)
    if ends[0] != 0 or (np.diff(ends) < 0).any():
        raise tree.wrong("cat_boundaries does not rise from 0")
    words = tree.integers("cat_threshold", int(ends[-1]))
    if (words < 0).any() or (words >= 2**_WORD_BITS).any():
        raise tree.wrong(f"cat_threshold has a number of more than {_WORD_BITS} bits")
    bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")
    return [
        np.flatnonzero(bits[start * _WORD_BITS : end * _WORD_BITS]).tolist() for start, end in itertools.pairwise(ends)
    ]


def _categories(text: Text, infos: list[str]) -> tuple[Categories | None, ...]:
    """What a frame's categories were: the last line of the file, in the order of the categorical columns."""
    lines = [line.partition(":")[2] for line in text.tail if line.startswith("pandas_categorical:")]
    try:
        lists = json.loads(lines[0]) if lines else None
    except (ValueError, RecursionError):
        raise text.header.wrong("pandas_categorical must be JSON") from None
    if not lists:
        return ()
    feature_lists = [re.findall(r"\d+", line) for line in text.tail if line.startswith("[categorical_feature: ")]
    features = sorted(int(number) for number in feature_lists[0]) if feature_lists else []
    if not isinstance(lists, list) or len(features) != len(lists) or features[-1] >= len(infos):
        raise InputError(
            f"the model was trained on {len(lists)} columns of categories, and the file names {len(features)} as such.",
            path=text.header.path,
            hint="Train on the codes of ordered categories, and leave categorical_feature to LightGBM.",
        )
    categories: list[Categories | None] = [None] * len(infos)
    for feature, values in zip(features, lists, strict=True):
        codes = [] if infos[feature][0] in "[n" else [int(code) for code in infos[feature].split(":")]
        if not isinstance(values, list) or not values or max(codes, default=0) >= len(values):
            raise text.header.wrong(f"pandas_categorical has too few categories for feature {feature}")
        categories[feature] = _values(text.header, values)
    return tuple(categories)


def _values(header: Section, values: list[Any]) -> Categories:
    if all(isinstance(value, str) for value in values):
        return tuple(values)
    if all(isinstance(value, (bool, int, float)) for value in values):
        return tuple(float(value) for value in values)
    raise header.wrong("pandas_categorical has categories that are neither texts nor numbers")


def _native(text: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def answer(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        import lightgbm

        try:
            booster = lightgbm.Booster(model_str=text)
            return np.asarray(booster.predict(matrix, num_threads=1), np.float64)  # few rows: threads only wait
        except (lightgbm.basic.LightGBMError, ValueError, TypeError) as error:
            raise InputError(f"LightGBM cannot use the model: {str(error).splitlines()[0]}", path="model") from None

    return answer
