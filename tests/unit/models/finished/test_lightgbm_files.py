from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from seatrial.errors import InputError
from seatrial.models.finished.lightgbm import reader
from tests.boosters import NUMBERS, answers, frame, label, opened, own_answers, table

lightgbm = pytest.importorskip("lightgbm")

SAME = 2e-7  # ONNX gives the sum of the leaves as float32
SETTINGS: dict[str, Any] = {
    "n_estimators": 8,
    "num_leaves": 12,
    "min_child_samples": 5,
    "min_data_per_group": 5,
    "cat_smooth": 1,
    "verbose": -1,
    "random_state": 7,
    "n_jobs": 1,
}
FOREST = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}


def fit(task: str, rows: pd.DataFrame | None = None, **settings: Any) -> Any:
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    return kind(**{**SETTINGS, **settings}).fit(frame() if rows is None else rows, label(task))


def saved(fitted: Any) -> bytes:
    text: str = fitted.booster_.model_to_string()
    return text.encode()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "settings",
    [
        {"max_cat_to_onehot": 1},
        {"max_cat_to_onehot": 100},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"boosting_type": "dart"},
        FOREST,
    ],
    ids=["sets of categories", "one category a split", "zero is missing", "nothing is missing", "dart", "forest"],
)
def test_a_classifier_answers_as_lightgbm_does(tmp_path: Path, task: str, settings: dict[str, Any]) -> None:
    fitted = fit(task, **settings)
    rows = frame().assign(b=frame().b.where(frame().index % 7 > 0))  # holes where training had none
    found = opened(tmp_path, "model.txt", saved(fitted), table(rows))
    np.testing.assert_allclose(answers(found, table(rows)), own_answers(fitted, rows), rtol=0, atol=SAME)


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "regression"},
        {"objective": "regression", "reg_sqrt": True},
        {"objective": "mae"},
        {"objective": "huber"},
        {"objective": "quantile", "alpha": 0.3},
        {"objective": "poisson"},
        {"objective": "gamma"},
        {"objective": "tweedie"},
    ],
    ids=lambda settings: "-".join(str(value) for value in settings.values()),
)
def test_a_regression_answers_in_the_units_of_its_objective(tmp_path: Path, settings: dict[str, Any]) -> None:
    fitted = fit("regression", **settings)
    found = opened(tmp_path, "model.txt", saved(fitted), table(frame()))
    np.testing.assert_allclose(answers(found, table(frame())), own_answers(fitted, frame()), rtol=SAME, atol=SAME)


def test_the_slope_of_a_sigmoid_counts(tmp_path: Path) -> None:
    fitted = fit("binary", sigmoid=2.5)
    found = opened(tmp_path, "model.txt", saved(fitted), table(frame()))
    np.testing.assert_allclose(answers(found, table(frame())), own_answers(fitted, frame()), rtol=0, atol=SAME)


def test_rows_at_a_threshold_and_beside_it_go_the_way_that_lightgbm_sends_them(tmp_path: Path) -> None:
    numbers = frame()[list(NUMBERS)]
    fitted = fit("binary", numbers)
    trees = fitted.booster_.trees_to_dataframe()
    at = trees[trees.split_feature == "a"].threshold.to_numpy(np.float64)
    beside = [at, *(np.nextafter(at, way) for way in (-np.inf, np.inf)), at.astype(np.float32).astype(np.float64)]
    rows = table(numbers.iloc[np.zeros(4 * len(at), int)].assign(a=np.concatenate(beside)))
    found = opened(tmp_path, "model.txt", saved(fitted), rows)
    np.testing.assert_allclose(answers(found, rows), own_answers(fitted, rows.to_pandas()), rtol=0, atol=SAME)


def test_a_model_without_names_takes_the_columns_that_are_named_for_it(tmp_path: Path) -> None:
    numbers = frame()[list(NUMBERS)]
    fitted = lightgbm.LGBMClassifier(**SETTINGS).fit(numbers.to_numpy(), label("binary"))
    rows = table(numbers).select(["z", "b", "a"])
    found = opened(tmp_path, "model.txt", saved(fitted), rows, inputs=NUMBERS)
    expected = fitted.booster_.predict(numbers.to_numpy())
    np.testing.assert_allclose(answers(found, rows)[:, 1], expected, rtol=0, atol=SAME)


def test_columns_that_lightgbm_itself_numbered_are_taken_by_their_numbers(tmp_path: Path) -> None:
    matrix = frame()[list(NUMBERS)].to_numpy()
    fitted = lightgbm.LGBMClassifier(**SETTINGS).fit(matrix, label("binary"))
    rows = table(pd.DataFrame(matrix, columns=["Column_0", "Column_1", "Column_2"]))
    found = opened(tmp_path, "model.txt", saved(fitted), rows.select(["Column_2", "Column_0", "Column_1"]))
    expected = fitted.booster_.predict(matrix)
    np.testing.assert_allclose(answers(found, rows)[:, 1], expected, rtol=0, atol=SAME)
    with pytest.raises(InputError, match='lacks "Column_2"'):
        opened(tmp_path, "model.txt", saved(fitted), rows.rename_columns(["Column_1", "Column_0", "id"]))
    asked = opened(tmp_path, "model.txt", saved(fitted), rows, inputs=["Column_1", "Column_0", "Column_2"])
    assert [column.name for column in asked.predictor.signature.inputs] == ["Column_1", "Column_0", "Column_2"]


def test_an_unknown_category_is_taken_as_lightgbm_takes_it(tmp_path: Path) -> None:
    fitted = fit("binary")
    rows = frame().assign(text=frame().text.cat.rename_categories({"v3": "never seen"}))
    found = opened(tmp_path, "model.txt", saved(fitted), table(rows))
    np.testing.assert_allclose(answers(found, table(rows)), own_answers(fitted, rows), rtol=0, atol=SAME)


def test_categories_in_every_script_are_kept(tmp_path: Path) -> None:
    rows = frame().assign(text=frame().text.cat.rename_categories(lambda name: name.replace("v1", "東京 é")))
    fitted = fit("binary", rows)
    found = opened(tmp_path, "model.txt", saved(fitted), table(rows))
    np.testing.assert_allclose(answers(found, table(rows)), own_answers(fitted, rows), rtol=0, atol=SAME)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("objective=binary sigmoid:1", "objective=lambdarank", "'lambdarank' cannot be judged"),
        ("objective=binary sigmoid:1", "", "the objective 'of its own'"),
        ("objective=binary sigmoid:1", "objective=binary sigmoid:-1", "the sigmoid of its objective is '-1'"),
        ("max_feature_idx=4", "max_feature_idx=40", "5 different feature names for 41 features"),
        ("num_class=1", "num_class=4", "num_class is not the 1 trees of a round"),
        ("version=v4", "", "or the version is missing"),
        ("is_linear=0", "is_linear=1", "the tree's leaves are linear models"),
        ("num_leaves=12", "num_leaves=13", "belong"),
        ("left_child=1", "left_child=0", "its nodes make no tree"),
        ("left_child=1", "left_child=99", "its nodes make no tree"),
        ("split_feature=", "split_feature=7", "names a feature that is none of 5"),
        ("leaf_value=", "leaf_value=nan ", "leaf_value has 13 numbers, where 12 belong"),
        ("decision_type=", "decision_type=1", "is split by the decision_type"),
        ("threshold=", "threshold=1e999 ", "threshold has 12 numbers, where 11 belong"),
        ("end of trees", "", '"end of trees" is missing'),
        ("version=v4", "version=v5", "the file's format 'v5' is unknown; known are v2, v3, v4"),
        ("shrinkage=", "tree_scale=", "'tree_scale' is unknown"),
        ("label_index=", "offset=3\nlabel_index=", "'offset' is unknown"),
        ("split_gain=", "split_gain=1 ", "split_gain has 12 numbers, where 11 belong"),
        ("pandas_categorical:[[", "pandas_categorical:[", "pandas_categorical must be JSON"),
        ("pandas_categorical:[[", 'pandas_categorical:[["x"], [', "2 columns of categories|3 columns of categories"),
    ],
)
def test_what_cannot_be_packaged_says_why_and_where(old: str, new: str, says: str) -> None:
    content = saved(fit("binary")).decode()
    assert old in content
    with pytest.raises(InputError, match=says) as caught:
        reader.read(content.replace(old, new, 1).encode(), path="m.txt")
    assert str(caught.value).startswith("m.txt")
    assert caught.value.hint


def test_bytes_that_are_no_text_are_said_to_be_none() -> None:
    with pytest.raises(InputError, match=r"m\.txt:1: the file is not as LightGBM writes it: byte 5 is not UTF-8"):
        reader.read(b"tree\n\xff\xfe", path="m.txt")


def test_lightgbm_is_asked_with_the_text_of_the_file_but_for_its_offsets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, seen = saved(fit("binary")).decode(), list[str]()
    original = lightgbm.Booster

    def booster(*, model_str: str) -> Any:
        seen.append(model_str)
        return original(model_str=model_str)

    monkeypatch.setattr(lightgbm, "Booster", booster)
    opened(tmp_path, "model.txt", content.encode(), table(frame()))
    lines = [line for line in content.split("\n") if not line.startswith("tree_sizes=")]
    assert seen == ["\n".join(lines)]


def test_trees_of_one_leaf_are_read(tmp_path: Path) -> None:
    fitted = fit("binary", min_child_samples=10_000)
    found = opened(tmp_path, "model.txt", saved(fitted), table(frame()))
    np.testing.assert_allclose(answers(found, table(frame())), own_answers(fitted, frame()), rtol=0, atol=SAME)


def test_a_column_with_blanks_is_found_under_the_name_that_lightgbm_writes(tmp_path: Path) -> None:
    blanks = {"a": "mean a", "whole": "whole number"}
    rows = frame().rename(columns=blanks)
    fitted = lightgbm.LGBMClassifier(**SETTINGS).fit(rows, label("binary"))
    shuffled = table(rows).select(sorted(rows.columns, reverse=True))
    found = opened(tmp_path, "model.txt", saved(fitted), shuffled)
    np.testing.assert_allclose(answers(found, shuffled), own_answers(fitted, rows), rtol=0, atol=SAME)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(fit("binary"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'needs LightGBM, which is not installed.*pip install "seatrial\[lightgbm\]"'):
        reader.read(content, path="m.txt")


def test_integers_as_categories_are_taken_as_numbers(tmp_path: Path) -> None:
    fitted, rows = fit("binary"), table(frame())
    found = opened(tmp_path, "model.txt", saved(fitted), rows)
    as_floats = rows.set_column(rows.column_names.index("whole"), "whole", rows["whole"].cast(pa.float64()))
    np.testing.assert_array_equal(answers(found, rows), answers(found, as_floats))


def test_a_set_of_categories_that_would_end_the_process_when_it_is_loaded_is_refused(tmp_path: Path) -> None:
    content = saved(fit("binary", max_cat_to_onehot=1)).decode()
    head, _, rest = content.partition("cat_threshold=")
    first = head.rpartition("cat_boundaries=")
    ends = [int(end) for end in first[2].split()]
    many = 5000  # words of 32 categories each
    boundaries = " ".join(str(end if place == 0 else end - ends[1] + many) for place, end in enumerate(ends))
    words = rest.split("\n", 1)
    values = " ".join(["4294967295"] * many + words[0].split()[ends[1] :])
    changed = f"{first[0]}cat_boundaries={boundaries}\ncat_threshold={values}\n{words[1]}"
    with pytest.raises(InputError, match=r"a tree in it is more than 5,000 nodes deep"):
        opened(tmp_path, "m.txt", changed.encode(), table(frame()))
