"""XGBoost's model files, JSON and UBJ: checked first, and read by XGBoost only as far as they were understood."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.finished.converted import Converted
from seatrial.models.finished.optional_libraries import check_size, require
from seatrial.models.finished.trees.booster import Booster, Categories, Link, converted
from seatrial.models.finished.trees.forest import Forest
from seatrial.models.finished.xgboost.document import Place, read_document
from seatrial.models.finished.xgboost.trees import Tree, read_tree

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
_TYPES = frozenset({_CATEGORY, "float", "int", "i", "q"})
_SHORT = 200  # characters: XGBoost's settings are numbers


def read(data: bytes, *, path: str) -> Converted:
    """The model in a .json or .ubj file; `InputError` for anything else, and for what cannot be packaged exactly.

    XGBoost's reader trusts lengths and indices: it is given a document that is written anew from what was checked
    here. A model that scikit-learn's interface saved answers with its best rounds, as that does; `Booster.predict`
    takes all trees, and so does any other model.
    """
    require("xgboost", path)
    check_size(data, path)
    return converted(_booster(read_document(data, path=path)))


@dataclass(frozen=True, slots=True)
class _Learner:
    """What of a document answers."""

    width: int
    class_count: int
    link: Link
    base_score: str
    objective: Mapping[str, Any]
    types: list[str]
    trees: list[Tree]
    targets: list[int]  # of each tree
    drops: list[float] | None  # what each tree of a dart counts for

    def rewritten(self, version: list[int]) -> bytes:
        """The model with nothing in it but what answers: all its trees as one round."""
        count = len(self.trees)
        model = {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(count)},
            "iteration_indptr": [0, count],
            "tree_info": self.targets,
            "trees": [tree.rewritten(number) for number, tree in enumerate(self.trees)],
        }
        gbtree: dict[str, Any] = {"model": model, "name": "gbtree"}
        if self.drops is not None:
            gbtree = {"gbtree": gbtree, "name": "dart", "weight_drop": self.drops}
        learner = {
            "attributes": {},
            "feature_names": [],
            "feature_types": self.types,
            "gradient_booster": gbtree,
            "learner_model_param": {
                "base_score": self.base_score,
                "boost_from_average": "1",
                "num_class": str(self.class_count if self.class_count > 2 else 0),
                "num_feature": str(self.width),
                "num_target": "1",
            },
            "objective": self.objective,
        }
        return json.dumps({"learner": learner, "version": version}).encode()


def _booster(document: Place) -> Booster:
    learner = document.object("learner")
    parameters = learner.object("learner_model_param")
    width = parameters.integer("num_feature", least=1)
    class_count, link = _task(learner, parameters)
    targets = class_count if class_count > 2 else 1
    gradient_booster, drops = _gradient_booster(learner)
    model = gradient_booster.object("model")
    trees = [read_tree(tree, width) for tree in model.objects("trees")]
    info = model.array("tree_info", len(trees))
    if not trees or ((info < 0) | (info >= targets)).any():
        raise model.wrong("tree_info", "names a class that the model does not have, or there are no trees")
    count, notes = _rounds(learner, model, len(trees))
    if drops is not None and len(drops) != len(trees):
        raise learner.wrong("gradient_booster.weight_drop", "has not one weight a tree")
    names, types = learner.texts("feature_names"), learner.texts("feature_types")
    if (names and (len(names) != width or len(set(names)) != width or not all(names))) or (
        types and (len(types) != width or not set(types) <= _TYPES)
    ):
        raise learner.wrong("feature_names", f"and feature_types do not describe {width} features")
    version = [int(number) for number in document.array("version", 3)]
    base_score = parameters.text("base_score")
    known = _Learner(
        width,
        class_count,
        link,
        base_score,
        _objective(learner.object("objective")),
        types,
        trees[:count],
        info[:count].tolist(),
        None if drops is None else drops[:count],
    )
    forest = Forest(width, targets, _bases(parameters, base_score, targets, known.objective["name"]))
    for number, (tree, target) in enumerate(zip(known.trees, known.targets, strict=True)):
        tree.grow(forest, number, target, 1.0 if drops is None else drops[number])
    return Booster(
        library="XGBoost",
        names=tuple(names) or None,
        class_count=class_count,
        forest=forest,
        native=_native(known.rewritten(version), types, multiclass=targets > 1),
        link=link,
        categories=_categories(model, width, named=bool(names)),
        codes=frozenset(feature for feature, kind in enumerate(types) if kind == _CATEGORY),
        float32=True,
        notes=notes,
    )


def _task(learner: Place, parameters: Place) -> tuple[int, Link]:
    objective = learner.object("objective").text("name")
    classes = parameters.integer("num_class", least=0)
    if parameters.integer("num_target", least=0, default=1) > 1:
        raise parameters.unsuited("num_target", "it answers several targets at once.", "Train one model a target.")
    if objective == _BINARY:
        return 2, "identity"
    if objective in _MULTICLASS and classes > 2:
        return classes, "identity"
    if objective in _LINKS:
        return 0, _LINKS[objective]
    raise learner.unsuited(
        "objective.name",
        f"the objective {objective!r} gives no probabilities or values that can be judged.",
        f"Train with {_BINARY}, multi:softprob (3 classes or more) or one of {', '.join(_LINKS)}.",
    )


def _gradient_booster(learner: Place) -> tuple[Place, list[float] | None]:
    booster = learner.object("gradient_booster")
    kind = booster.text("name")
    if kind == "gbtree":
        return booster, None
    if kind == "dart":
        return booster.object("gbtree"), booster.array("weight_drop", kind=np.float64).tolist()
    raise booster.unsuited(
        "name",
        f"its booster is {kind!r}; trees ('gbtree', 'dart') can be packaged.",
        "Train trees; a linear model is as well fitted by scikit-learn.",
    )


def _objective(place: Place) -> dict[str, Any]:
    """The objective with its settings, which XGBoost asks for though they do not answer."""
    found: dict[str, Any] = {"name": place.text("name")}
    for key, value in place.entries.items():
        if key == "name":
            continue
        settings = place.object(key).entries
        if not all(isinstance(text, str) and len(text) < _SHORT for text in settings.values()):
            raise place.wrong(key, f"is {str(value)[:40]!r}")
        found[key] = dict(settings)
    return found


def _bases(parameters: Place, text: str, targets: int, objective: str) -> list[float]:
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


def _rounds(learner: Place, model: Place, trees: int) -> tuple[int, tuple[str, ...]]:
    """How many of the trees answer, and what to say of it."""
    attributes = learner.object("attributes")
    if "best_iteration" not in attributes.entries:
        return trees, ()
    best = attributes.integer("best_iteration", least=0) + 1
    starts = model.array("iteration_indptr")
    rounds = len(starts) - 1
    if not best <= rounds or not 0 < starts[best] <= trees:
        raise attributes.wrong("best_iteration", f"is {best - 1}, of {rounds} rounds")
    if best == rounds:
        return trees, ()
    if "scikit_learn" in attributes.entries:
        note = f"it answers with its best {best} of {rounds} rounds, as scikit-learn's interface does"
        return int(starts[best]), (note,)
    note = (
        f"it answers with all its {rounds} rounds, as Booster.predict does, though the best was round {best}: save "
        "booster[: booster.best_iteration + 1] to answer with those"
    )
    return trees, (note,)


def _categories(model: Place, width: int, *, named: bool) -> tuple[Categories | None, ...]:
    """Since version 3.1 a model that was trained on a frame's categories keeps their values."""
    if "cats" not in model.entries:
        return ()
    entries = model.object("cats").objects("enc")
    found = tuple(_values(entry) for entry in entries)
    if all(values is None for values in found):
        return ()
    if len(found) != width or not named:
        raise model.wrong("cats.enc", f"has {len(found)} entries for {width} named features")
    return found


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
    document: bytes, types: list[str], *, multiclass: bool
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def answer(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        import xgboost

        try:
            booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(document))  # few rows: threads only wait
            rows = xgboost.DMatrix(matrix, feature_types=types or None, nthread=1)
            answered = booster.predict(rows, output_margin=multiclass)
        except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
            raise InputError(f"XGBoost cannot use the model: {str(error).splitlines()[0]}", path="model") from None
        if not multiclass:
            return np.asarray(answered, np.float64)
        powers = np.exp(answered - answered.max(axis=1, keepdims=True))  # multi:softmax itself gives classes only
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)

    return answer
