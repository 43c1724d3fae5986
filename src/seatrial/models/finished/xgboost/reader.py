"""XGBoost's model files, JSON and UBJ: refused unless every key of them is known."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.finished.optional_libraries import check_size, require
from seatrial.models.finished.trees.booster import Booster, Categories, Link, converted
from seatrial.models.finished.trees.forest import Forest
from seatrial.models.finished.xgboost.document import Place, read_document
from seatrial.models.finished.xgboost.trees import read_tree

# Of a regression: the objective → how the sum of the leaves becomes the answer. XGBoost 3's src/objective/.
_LINKS: dict[str, Link] = {
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:quantileerror": "identity",
    "reg:logistic": "sigmoid",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
}
_BINARY = "binary:logistic"
_MULTICLASS = frozenset({"multi:softprob", "multi:softmax"})
_NUMBERS = re.compile(r"\[?(-?\d[\d.]*([eE][-+]?\d+)?,?)+\]?")
_CATEGORY = "c"  # in feature_types
_UNNAMED = "f"  # what XGBoost calls the features of a matrix without names, from 0
_TYPES = frozenset({_CATEGORY, "float", "int", "i", "q"})
# The keys that XGBoost 1.0 to 3.4 writes where the answers are made.
_LEARNER = frozenset(
    {"attributes", "feature_names", "feature_types", "gradient_booster", "learner_model_param", "objective"}
)
_MODEL_PARAMETERS = frozenset({"base_score", "boost_from_average", "num_class", "num_feature", "num_target"})
_MODEL = frozenset({"cats", "gbtree_model_param", "iteration_indptr", "tree_info", "trees", "weight_drop"})


def read(data: bytes, *, path: str) -> ConvertedModel:
    """The model in a .json or .ubj file; `InputError` for anything else, and for what cannot be packaged exactly.

    XGBoost itself is asked with the file's own bytes, so that what this reader leaves out would show in the answers.
    Its parser trusts lengths and indices, which were all checked here before. A model that scikit-learn's interface
    saved answers with its best rounds, as that does; `Booster.predict` takes all trees, and so does any other model.
    """
    require("xgboost", path)
    check_size(data, path)
    return converted(_booster(read_document(data, path=path), data))


def _booster(document: Place, data: bytes) -> Booster:
    _check_keys(document)
    learner = document.object("learner")
    parameters = learner.object("learner_model_param")
    width = parameters.integer("num_feature", least=1)
    class_count, targets, link = _task(learner, parameters)
    model, drops = _gradient_booster(learner)
    trees = [read_tree(tree, width) for tree in model.objects("trees")]
    info = model.array("tree_info", len(trees))
    if not trees or ((info < 0) | (info >= targets)).any():
        raise model.wrong("tree_info", "must hold at least one tree, each of a class that the model has")
    count, rounds, notes = _rounds(learner, model, len(trees), targets)
    if drops is not None and len(drops) != len(trees):
        raise learner.wrong("gradient_booster", f"has {len(drops)} numbers in weight_drop for {len(trees)} trees")
    names, types = learner.texts("feature_names"), learner.texts("feature_types")
    if (names and (len(names) != width or len(set(names)) != width or not all(names))) or (
        types and (len(types) != width or not set(types) <= _TYPES)
    ):
        raise learner.wrong("feature_names", f"and feature_types do not describe {width} features")
    objective = learner.object("objective").text("name")
    forest = Forest(width, targets, _bases(parameters, targets, objective))
    for number, (tree, target) in enumerate(zip(trees[:count], info[:count].tolist(), strict=True)):
        tree.grow(forest, number, target, 1.0 if drops is None else drops[number])
    made_up = [f"{_UNNAMED}{feature}" for feature in range(width)]
    newer = _newer_than_installed(tuple(int(number) for number in document.array("version", 3)))
    native = _native(data, types, rounds=rounds, multiclass=targets > 1)
    return Booster(
        library="XGBoost",
        numbered=_UNNAMED,
        names=None if names == made_up else tuple(names) or None,
        class_count=class_count,
        forest=forest,
        native=None if newer else native,
        link=link,
        categories=_categories(model, width, has_names=bool(names)),
        codes=frozenset(feature for feature, kind in enumerate(types) if kind == _CATEGORY),
        float32=True,
        notes=(*notes, newer) if newer else notes,
    )


def _check_keys(document: Place) -> None:
    document.check_keys(frozenset({"learner", "version"}))
    learner = document.object("learner")
    learner.check_keys(_LEARNER)
    learner.object("learner_model_param").check_keys(_MODEL_PARAMETERS)


def _newer_than_installed(version: tuple[int, ...]) -> str | None:
    """A note, where an older XGBoost than the file's is installed: it may read the file otherwise, and says nothing."""
    installed = _installed_version()
    if version[:2] <= tuple(int(number) for number in installed.split(".")[:2]):
        return None
    written = ".".join(map(str, version))
    return (
        f"XGBoost {written} wrote the file, and {installed} is installed: the answers were not compared with XGBoost's "
        f'own (pip install "xgboost>={written}")'
    )


def _installed_version() -> str:
    try:
        return importlib.metadata.version("xgboost")
    except importlib.metadata.PackageNotFoundError:
        return importlib.metadata.version("xgboost-cpu")


def _starts(model: Place, trees: int, targets: int) -> NDArray[np.int64]:
    """The first tree of each round, and behind them the number of trees."""
    if "iteration_indptr" in model.entries:
        return model.array("iteration_indptr")
    # XGBoost before 2.0 writes rounds of equal size: src/gbm/gbtree_model.h, MakeIndptr().
    parallel = model.object("gbtree_model_param").integer("num_parallel_tree", least=0, default=1) or 1
    if trees % (targets * parallel):
        raise model.wrong("trees", f"has {trees} trees, {targets * parallel} a round")
    return np.arange(0, trees + 1, targets * parallel)


def _task(learner: Place, parameters: Place) -> tuple[int, int, Link]:
    """The number of classes (0: a regression), of margins a row, and the link of a regression."""
    objective = learner.object("objective").text("name")
    classes = parameters.integer("num_class", least=0)
    if parameters.integer("num_target", least=0, default=1) > 1:
        raise parameters.unsuited("num_target", "it answers several targets at once.", "Train one model a target.")
    if objective == _BINARY:
        return 2, 1, "identity"
    if objective in _MULTICLASS and classes > 1:
        return classes, classes, "identity"
    if objective in _LINKS:
        return 0, 1, _LINKS[objective]
    raise learner.unsuited(
        "objective.name",
        f"the objective {objective!r} cannot be judged: its answers are neither probabilities of classes nor values.",
        f"Train with {_BINARY}, multi:softprob or one of {', '.join(_LINKS)}.",
    )


def _gradient_booster(learner: Place) -> tuple[Place, list[float] | None]:
    """The model of trees, and what each tree of a DART counts for."""
    booster = learner.object("gradient_booster")
    kind = booster.text("name")
    if kind == "dart":  # until XGBoost 3.2
        booster.check_keys(frozenset({"gbtree", "name", "weight_drop"}))
        inner, weights = booster.object("gbtree"), booster
    elif kind == "gbtree":
        inner, weights = booster, booster.object("model")  # since 3.3 the weights lie beside the trees
    else:
        raise booster.unsuited(
            "name",
            f"its booster is {kind!r}; trees ('gbtree', 'dart') can be packaged.",
            "Train trees; a linear model is as well fitted by scikit-learn.",
        )
    inner.check_keys(frozenset({"model", "name"}))
    model = inner.object("model")
    model.check_keys(_MODEL)
    if "weight_drop" not in weights.entries:
        if kind == "dart":
            raise weights.wrong("weight_drop", "is missing")
        return model, None
    tree_weights = weights.array("weight_drop", kind=np.float64).tolist()
    return model, tree_weights or None


def _bases(parameters: Place, targets: int, objective: str) -> list[float]:
    text = parameters.text("base_score")
    # The file keeps the base score as an answer, "[4.9E-1]"; until version 3.0 as one number for all targets.
    values = np.array(text.strip("[]").split(","), np.float32) if _NUMBERS.fullmatch(text) else np.empty(0, np.float32)
    if len(values) in (1, targets):
        values = np.broadcast_to(values, targets).astype(np.float64)
        with np.errstate(all="ignore"):
            if objective in (_BINARY, "reg:logistic"):
                values = -np.log(1 / values - 1)
            elif _LINKS.get(objective) == "exp":
                values = np.log(values)
        if np.isfinite(values).all():
            return list(values.tolist())
    raise parameters.wrong("base_score", f"is {text[:40]!r}")


def _rounds(learner: Place, model: Place, trees: int, targets: int) -> tuple[int, int | None, tuple[str, ...]]:
    """How many of the trees answer, how many rounds these are (None: all), and what to say of it."""
    starts = _starts(model, trees, targets)
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != trees or (np.diff(starts) < 0).any():
        raise model.wrong("iteration_indptr", f"does not rise from 0 to {trees}, the number of trees")
    attributes = learner.object("attributes")
    if "best_iteration" not in attributes.entries:
        return trees, None, ()
    best = attributes.integer("best_iteration", least=0) + 1
    rounds = len(starts) - 1
    if not best <= rounds or not 0 < starts[best] <= trees:
        raise attributes.wrong("best_iteration", f"is {best - 1}, of {rounds} rounds")
    if best == rounds:
        return trees, None, ()
    if "scikit_learn" in attributes.entries:
        note = f"the model answers with its best {best} of {rounds} rounds, as scikit-learn's interface does"
        return int(starts[best]), best, (note,)
    note = (
        f"the model answers with all its {rounds} rounds, as Booster.predict does, though the best was round {best}: "
        "save booster[: booster.best_iteration + 1] to answer with those"
    )
    return trees, None, (note,)


def _categories(model: Place, width: int, *, has_names: bool) -> tuple[Categories | None, ...]:
    """Since version 3.1 a model that was trained on a frame's categories keeps their values."""
    if "cats" not in model.entries:
        return ()
    entries = model.object("cats").objects("enc")
    categories = tuple(_values(entry) for entry in entries)
    if all(values is None for values in categories):
        return ()
    if len(categories) != width or not has_names:
        raise model.wrong("cats.enc", f"has {len(categories)} entries for {width} named features")
    return categories


def _values(entry: Place) -> Categories | None:
    if "offsets" not in entry.entries:
        return tuple(entry.array("values", kind=np.float64).tolist()) or None
    ends = entry.array("offsets")
    if not len(ends):
        return None
    codes = entry.array("values")
    if ends[0] != 0 or (np.diff(ends) < 0).any() or ends[-1] != len(codes):
        raise entry.wrong("offsets", "has texts that lie outside of it")
    if ((codes < 0) | (codes >= 128)).any():  # XGBoost 3.2 counts characters where it cuts bytes: "éé", "a" is "é", "é"
        raise entry.unsuited(
            "values",
            "it has a category with letters beyond ASCII, which XGBoost cuts in the wrong place.",
            "Rename the categories before training, or train on their numbers.",
        )
    data = codes.astype(np.uint8).tobytes().decode("ascii")
    texts = tuple(data[start:end] for start, end in itertools.pairwise(ends))
    if len(set(texts)) != len(texts):
        raise entry.wrong("values", "has a category twice")
    return texts or None


def _native(
    data: bytes, types: list[str], *, rounds: int | None, multiclass: bool
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """XGBoost's own answers with the first `rounds` of the file's model."""

    def answer(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        import xgboost

        try:
            booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(data))  # few rows: threads only wait
            rows = xgboost.DMatrix(matrix, feature_types=types or None, nthread=1)
            answered = booster.predict(
                rows, output_margin=multiclass, iteration_range=(0, rounds or 0), validate_features=False
            )
        except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
            raise InputError(f"XGBoost cannot use the model: {str(error).splitlines()[0]}", path="model") from None
        if not multiclass:
            return np.asarray(answered, np.float64)
        powers = np.exp(answered - answered.max(axis=1, keepdims=True))  # multi:softmax itself gives classes only
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)

    return answer
