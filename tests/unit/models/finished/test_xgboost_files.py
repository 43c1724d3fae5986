from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.finished.xgboost import reader
from tests.boosters import NUMBERS, answers, frame, label, opened, own_answers, table

xgboost = pytest.importorskip("xgboost")

SAME = 2e-6  # XGBoost sums its leaves in float32
SETTINGS: dict[str, Any] = {
    "n_estimators": 8,
    "max_depth": 4,
    "enable_categorical": True,
    "random_state": 7,
    "n_jobs": 1,
}


def classifier(task: str = "binary", **settings: Any) -> Any:
    return xgboost.XGBClassifier(**{**SETTINGS, **settings}).fit(frame(), label(task))


def saved(fitted: Any, suffix: str = "json") -> bytes:
    booster = fitted.get_booster() if hasattr(fitted, "get_booster") else fitted
    return bytes(booster.save_raw(suffix))


def close(found: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(found, expected, rtol=SAME, atol=SAME)


@pytest.mark.parametrize("suffix", ["json", "ubj"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("one_hot", [1, 100], ids=["sets of categories", "one category a split"])
def test_a_classifier_answers_for_missing_values_and_categories_as_xgboost_does(
    tmp_path: Path, suffix: str, task: str, one_hot: int
) -> None:
    fitted = classifier(task, max_cat_to_onehot=one_hot)
    found = opened(tmp_path, f"model.{suffix}", saved(fitted, suffix), table(frame()))
    close(answers(found, table(frame())), own_answers(fitted, frame()))


@pytest.mark.parametrize(
    "objective",
    [
        "reg:squarederror",
        "reg:squaredlogerror",
        "reg:absoluteerror",
        "reg:pseudohubererror",
        "reg:gamma",
        "reg:tweedie",
        "count:poisson",
    ],
)
def test_a_regression_answers_in_the_units_of_its_objective(tmp_path: Path, objective: str) -> None:
    fitted = xgboost.XGBRegressor(objective=objective, **SETTINGS).fit(frame(), label("regression"))
    found = opened(tmp_path, "model.json", saved(fitted), table(frame()))
    close(answers(found, table(frame())), own_answers(fitted, frame()))


@pytest.mark.parametrize(
    "settings",
    [{"booster": "dart", "rate_drop": 0.4}, {"num_parallel_tree": 3, "subsample": 0.5}, {"base_score": 0.2}],
    ids=["dart", "forests", "base score"],
)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_dropped_trees_forests_and_base_scores_count(tmp_path: Path, settings: dict[str, Any], task: str) -> None:
    fitted = classifier(task, **settings)
    found = opened(tmp_path, "model.ubj", saved(fitted, "ubj"), table(frame()))
    close(answers(found, table(frame())), own_answers(fitted, frame()))


def test_rows_at_a_threshold_and_beside_it_go_the_way_that_xgboost_sends_them(tmp_path: Path) -> None:
    numbers = frame()[list(NUMBERS)]
    fitted = xgboost.XGBClassifier(n_estimators=8, max_depth=4, random_state=7, n_jobs=1).fit(numbers, label("binary"))
    trees = fitted.get_booster().trees_to_dataframe()
    at = trees[trees.Feature == "a"].Split.to_numpy(np.float32).astype(np.float64)
    steps = [at, *(np.nextafter(at, way) for way in (-np.inf, np.inf))]
    steps += [np.nextafter(at.astype(np.float32), np.float32(way)).astype(np.float64) for way in (-np.inf, np.inf)]
    rows = table(numbers.iloc[np.zeros(5 * len(at), int)].assign(a=np.concatenate(steps)))
    found = opened(tmp_path, "model.json", saved(fitted), rows)
    close(answers(found, rows), own_answers(fitted, rows.to_pandas()))


def test_the_interface_of_scikit_learn_answers_with_its_best_rounds_and_a_booster_with_all(tmp_path: Path) -> None:
    fitted = xgboost.XGBClassifier(early_stopping_rounds=2, **{**SETTINGS, "n_estimators": 200, "learning_rate": 1.0})
    fitted.fit(frame()[:300], label("binary")[:300], eval_set=[(frame()[300:], label("binary")[300:])], verbose=False)
    fitted.save_model(tmp_path / "saved.json")
    rows = table(frame())
    best = opened(tmp_path, "best.json", (tmp_path / "saved.json").read_bytes(), rows)
    assert any("its best" in note for note in best.notes)
    close(answers(best, rows), own_answers(fitted, frame()))
    document = json.loads((tmp_path / "saved.json").read_bytes())
    del document["learner"]["attributes"]["scikit_learn"]
    whole = opened(tmp_path, "whole.json", json.dumps(document).encode(), rows)
    assert any("all its" in note and "booster[: booster.best_iteration + 1]" in note for note in whole.notes)
    margin = fitted.get_booster().predict(xgboost.DMatrix(frame(), enable_categorical=True, nthread=1))
    close(answers(whole, rows)[:, 1], np.asarray(margin, np.float64))


def test_the_weights_of_dropped_trees_count_where_newer_versions_write_them(tmp_path: Path) -> None:
    fitted = classifier(booster="dart", rate_drop=0.4)
    document = json.loads(saved(fitted))
    older = document["learner"]["gradient_booster"]
    newer = {"name": "gbtree", "model": {**older["gbtree"]["model"], "weight_drop": older["weight_drop"]}}
    document["learner"]["gradient_booster"] = newer
    document["version"] = [3, 4, 1]
    found = opened(tmp_path, "model.json", json.dumps(document).encode(), table(frame()))
    close(answers(found, table(frame())), own_answers(fitted, frame()))
    assert any("XGBoost 3.4.1 wrote the file" in note and "not compared" in note for note in found.notes)


def test_xgboost_is_asked_with_the_bytes_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, seen = saved(classifier()), list[bytes]()
    original = xgboost.Booster

    def booster(settings: Any, *, model_file: bytearray) -> Any:
        seen.append(bytes(model_file))
        return original(settings, model_file=model_file)

    monkeypatch.setattr(xgboost, "Booster", booster)
    opened(tmp_path, "model.json", content, table(frame()))
    assert seen == [content]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_file_of_xgboost_1_without_the_starts_of_its_rounds_is_read(tmp_path: Path, task: str) -> None:
    fitted = classifier(task, num_parallel_tree=2)
    document = json.loads(saved(fitted))
    del document["learner"]["gradient_booster"]["model"]["iteration_indptr"]
    document["learner"]["attributes"] = {"best_iteration": "7", "best_ntree_limit": "16", "scikit_learn": "{}"}
    document["version"] = [1, 7, 6]
    found = opened(tmp_path, "model.json", json.dumps(document).encode(), table(frame()))
    close(answers(found, table(frame())), own_answers(fitted, frame()))


def test_a_softmax_of_two_classes_is_read(tmp_path: Path) -> None:
    numbers = frame()[list(NUMBERS)]
    settings = {"objective": "multi:softprob", "num_class": 2, "max_depth": 3, "nthread": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(numbers, label("binary")), 5)
    found = opened(tmp_path, "model.json", saved(booster), table(numbers))
    close(answers(found, table(numbers)), booster.predict(xgboost.DMatrix(numbers, nthread=1)))


def test_json_and_ubj_of_a_model_make_one_package(tmp_path: Path) -> None:
    fitted, rows = classifier(), table(frame())
    one, other = (opened(tmp_path, f"model.{suffix}", saved(fitted, suffix), rows) for suffix in ("json", "ubj"))
    assert one.package["model.onnx"] == other.package["model.onnx"]


@pytest.mark.parametrize(("names", "order"), [("f0 f1 f2", [2, 0, 1]), ("f1 f2 f3", [0, 1, 2])])
def test_columns_that_are_numbered_as_xgboost_does_are_taken_by_their_numbers(
    tmp_path: Path, names: str, order: list[int]
) -> None:
    matrix = frame()[list(NUMBERS)].to_numpy()
    fitted = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(matrix, label("binary"))
    rows = table(pd.DataFrame(matrix, columns=names.split()))
    found = opened(tmp_path, "model.json", saved(fitted), rows.select(order))
    close(answers(found, rows), own_answers(fitted, matrix))


def test_a_model_without_names_takes_the_columns_that_are_named_for_it(tmp_path: Path) -> None:
    numbers = frame()[list(NUMBERS)]
    fitted = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(numbers.to_numpy(), label("binary"))
    rows = table(numbers).select(["z", "b", "a"])
    found = opened(tmp_path, "model.json", saved(fitted), rows, inputs=NUMBERS)
    close(answers(found, rows), own_answers(fitted, numbers.to_numpy()))


def test_features_are_found_by_name_wherever_they_stand_in_the_table(tmp_path: Path) -> None:
    numbers = frame()[list(NUMBERS)]
    fitted = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(numbers, label("binary"))
    rows = table(numbers).select(["z", "b", "a"]).append_column("id", pa.array(np.arange(len(numbers))))
    close(answers(opened(tmp_path, "model.json", saved(fitted), rows), rows), own_answers(fitted, numbers))


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_no_other_column_takes_the_place_of_a_feature_that_the_table_lacks(tmp_path: Path, suffix: str) -> None:
    numbers = frame()[list(NUMBERS)].rename(columns={"b": "income"})
    fitted = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(numbers, label("binary"))
    rows = table(numbers).rename_columns(["a", "Income", "z"])
    says = r'lacks "income", .* names a, income, z, the table has a, Income, z.*Did you mean "Income" for "income"'
    with pytest.raises(InputError, match=says):
        opened(tmp_path, f"model.{suffix}", saved(fitted, suffix), rows)
    found = opened(tmp_path, f"model.{suffix}", saved(fitted, suffix), rows, inputs=("a", "Income", "z"))
    close(answers(found, rows), own_answers(fitted, numbers))


def test_an_unknown_category_is_taken_for_a_missing_one(tmp_path: Path) -> None:
    fitted, rows = classifier(), table(frame())
    found = opened(tmp_path, "model.json", saved(fitted), rows)
    place = rows.column_names.index("text")
    unknown = rows.set_column(place, "text", pa.array(["never seen"] * rows.num_rows))
    missing = rows.set_column(place, "text", pa.nulls(rows.num_rows, pa.string()))
    np.testing.assert_array_equal(answers(found, unknown), answers(found, missing))


def changed(content: bytes, *way: str | int, to: Any) -> bytes:
    document = json.loads(content)
    place = document["learner"]
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = to
    return json.dumps(document).encode()


MODEL = ("gradient_booster", "model")
TREE = (*MODEL, "trees", 0)


@pytest.mark.parametrize(
    ("way", "to", "says"),
    [
        (("gradient_booster", "name"), "gblinear", "its booster is 'gblinear'; trees"),
        (("objective", "name"), "rank:ndcg", "'rank:ndcg' cannot be judged"),
        (("objective", "name"), "binary:hinge", "Train with binary:logistic"),
        (("learner_model_param", "num_target"), "2", "several targets at once"),
        (("learner_model_param", "num_feature"), "-5", "num_feature is '-5'"),
        (("learner_model_param", "base_score"), "nan", "base_score is 'nan'"),
        (("feature_names",), ["a", "a", "b", "c", "d"], "do not describe 5 features"),
        ((*MODEL, "tree_info", 0), 7, "tree_info must hold at least one tree"),
        ((*TREE, "left_children", 0), 100000, "left_children must make a tree"),
        ((*TREE, "left_children", 0), 0, "left_children must make a tree"),
        ((*TREE, "split_indices", 0), 900, "split_indices names a feature that is none of 5"),
        ((*TREE, "split_conditions", 0), "x", "other things than numbers"),
        ((*TREE, "split_conditions"), [1.0], "has 1 numbers, where"),
        ((*TREE, "categories_nodes"), [100000], "trees[0].categories_segments has"),
        ((*TREE, "tree_param", "size_leaf_vector"), "3", "its leaves are vectors"),
        ((*TREE, "tree_param", "num_nodes"), "999999999999", "num_nodes is"),
        ((*TREE, "sum_hessian"), [1.0], "sum_hessian has 1 numbers, where"),
        ((*TREE, "leaf_scale"), 0.5, "trees[0].leaf_scale is unknown"),
        ((*MODEL, "tree_weights"), [0.5], "gradient_booster.model.tree_weights is unknown"),
        (("learner_model_param", "offset"), "3", "learner_model_param.offset is unknown"),
        ((*MODEL, "iteration_indptr"), [0, 3], "iteration_indptr does not rise from 0 to 8"),
        ((*MODEL, "weight_drop"), [0.5], "has 1 numbers in weight_drop for 8 trees"),
    ],
)
def test_what_cannot_be_packaged_names_the_place(way: tuple[str | int, ...], to: Any, says: str) -> None:
    with pytest.raises(InputError) as caught:
        reader.read(changed(saved(classifier()), *way, to=to), path="m.json")
    assert says in str(caught.value)
    assert str(caught.value).startswith("m.json: ")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a": 1}', 'it lacks "learner"'),
        (b'{"learner": ', "cannot be read as a model of XGBoost"),
        (b"[1, 2]", "cannot be read as a model of XGBoost"),
        (b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner", "ends in the middle of a value"),
        (b"{" + b'"a":{' * 100000, "cannot be read as a model of XGBoost"),
        (b"{i\x01a" * 100, "nested more than 64 deep"),
    ],
)
def test_what_is_no_model_is_said_before_xgboost_sees_it(content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says.replace("(", r"\(")):
        reader.read(content, path="m.json")


def test_a_category_that_xgboost_cuts_is_refused(tmp_path: Path) -> None:
    columns = frame().assign(text=frame().text.cat.rename_categories(lambda name: name.replace("v1", "é")))
    fitted = xgboost.XGBClassifier(**SETTINGS).fit(columns, label("binary"))
    with pytest.raises(InputError, match=r"a category with letters beyond ASCII.*Rename the categories"):
        opened(tmp_path, "model.json", saved(fitted), table(columns))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(classifier())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'needs XGBoost, which is not installed.*pip install "seatrial\[xgboost\]"'):
        reader.read(content, path="m.json")


def test_a_file_that_would_fill_the_memory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.models.finished.optional_libraries._MAX_BYTES", 2**20)
    with pytest.raises(InputError, match=r"the file has 2 MB; trees are read up to 1\."):
        reader.read(b"{" * 2**21, path="m.json")


@pytest.mark.simulation
def test_a_tree_that_would_end_the_process_when_it_is_loaded_is_refused(tmp_path: Path) -> None:
    depth = 150_000
    document = json.loads(saved(classifier()))
    count = 2 * depth + 1
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    tree.update(
        left_children=[node + 1 if node % 2 == 0 and node < 2 * depth else -1 for node in range(count)],
        right_children=[node + 2 if node % 2 == 0 and node < 2 * depth else -1 for node in range(count)],
        split_indices=[0] * count,
        split_conditions=[0.0] * count,
        split_type=[0] * count,
        default_left=[0] * count,
        categories=[],
        categories_nodes=[],
        categories_segments=[],
        categories_sizes=[],
        **dict.fromkeys(("base_weights", "loss_changes", "parents", "sum_hessian"), [0] * count),
    )
    tree["tree_param"]["num_nodes"] = str(count)
    with pytest.raises(InputError, match=r"a tree in it is more than 5,000 nodes deep\. Limit its max_depth"):
        opened(tmp_path, "m.json", json.dumps(document).encode(), table(frame()))
