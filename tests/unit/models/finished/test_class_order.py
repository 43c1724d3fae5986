"""Classes that nothing names are put in an order by guess, which the labels of the table may prove wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from seatrial.errors import InputError
from seatrial.models.class_order import check_guessed_order
from seatrial.models.predictor import Predictions
from tests.finished_models import matrix_model, opened, softmax_model, table

NODE = helper.make_node
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
SWAPPED = ("yes", "no")  # the classes in the order of the model's own; a guess puts "no" first


def one_sigmoid() -> onnx.ModelProto:
    return matrix_model([NODE("Sigmoid", ["z"], ["p"])], [("p", FLOAT, ["n", 1])], width=1)


def codes_alone() -> onnx.ModelProto:
    return matrix_model([NODE("ArgMax", ["z"], ["o"], axis=1, keepdims=0)], [("o", INT64, ["n"])])


MODELS = pytest.mark.parametrize("made", [softmax_model(), one_sigmoid(), codes_alone()], ids=["two", "one", "codes"])


@MODELS
def test_a_guess_that_swaps_two_classes_is_refused_with_the_field_that_names_them(
    tmp_path: Path, made: onnx.ModelProto
) -> None:
    with pytest.raises(InputError, match=r'tells "no" from "yes", but the wrong way round.*guessed.*classes a,b'):
        opened(tmp_path, made, rows=table(2000, classes=SWAPPED))


@MODELS
def test_classes_that_the_user_names_are_not_doubted(tmp_path: Path, made: onnx.ModelProto) -> None:
    for classes in (SWAPPED, SWAPPED[::-1]):
        found = opened(tmp_path, made, rows=table(2000, classes=SWAPPED), classes=classes)
        assert found.predictor.signature.classes == classes


def test_among_three_classes_the_two_that_are_swapped_are_named(tmp_path: Path) -> None:
    rows = table(2000, classes=("low", "mid", "high"))
    with pytest.raises(InputError, match=r'tells "high" from "low", .* the order high, low, mid .*classes a,b,c'):
        opened(tmp_path, softmax_model(width=3), rows=rows, labels=("high", "low", "mid"))


def test_a_model_that_knows_nothing_of_the_label_is_not_refused(tmp_path: Path) -> None:
    rows = table()
    shuffled = np.random.default_rng(3).permutation(rows["y"].to_numpy(zero_copy_only=False))
    found = opened(
        tmp_path, softmax_model(), rows=rows.set_column(rows.column_names.index("y"), "y", pa.array(shuffled))
    )
    assert found.predictor.signature.classes == ("no", "yes")


def predictions(probabilities: Any, classes: Sequence[str]) -> Predictions:
    labels = np.array(classes, object)[probabilities.argmax(axis=1)]
    return Predictions(labels, probabilities)


@pytest.mark.parametrize("count", [2, 10, 300])
def test_chance_alone_is_never_taken_for_a_swap(count: int) -> None:
    classes = ("a", "b", "c", "d")
    for seed in range(100):
        random = np.random.default_rng(seed)
        scores = predictions(random.dirichlet(np.ones(len(classes)), count), classes)
        check_guessed_order(scores, random.choice(classes, count).tolist(), classes, path="m")


def test_labels_of_any_type_are_compared_with_the_names_of_the_classes() -> None:
    actual = pa.array([1.0, 2.0] * 100).to_pylist()
    probabilities = np.tile([[0.2, 0.8], [0.9, 0.1]], (100, 1))
    with pytest.raises(InputError, match='"1" from "2"'):
        check_guessed_order(predictions(probabilities, ("1", "2")), actual, ("1", "2"), path="m")
    with pytest.raises(InputError, match='"false" from "true"'):
        check_guessed_order(
            predictions(probabilities, ("false", "true")), [False, True] * 100, ("false", "true"), path="m"
        )


def halves(own_label: int) -> onnx.ModelProto:
    """Probabilities of one half for every row where "a" is below 0, and the file's own label for such rows."""
    nodes = [
        NODE("Gather", ["x", "first"], ["a"], axis=1),
        NODE("Relu", ["a"], ["above"]),
        NODE("Sub", ["above", "above"], ["nothing"]),
        NODE("Concat", ["nothing", "above"], ["both"], axis=1),
        NODE("Softmax", ["both"], ["p"], axis=1),
        NODE("Greater", ["above", "zero"], ["is_above"]),
        NODE("Where", ["is_above", "one", "tied"], ["label_"]),
        NODE("Reshape", ["label_", "flat"], ["label"]),
    ]
    constants = {
        "first": np.array([0]),
        "zero": np.array(0, np.float32),
        "one": np.array(1),
        "tied": np.array(own_label),
        "flat": np.array([-1]),
    }
    return matrix_model(nodes, [("label", INT64, ["n"]), ("p", FLOAT, ["n", 2])], constants=constants)


@pytest.mark.parametrize(("own_label", "answer"), [(0, "no"), (1, "yes")])
def test_a_tie_is_answered_as_the_files_own_label_answers_it(tmp_path: Path, own_label: int, answer: str) -> None:
    found = opened(tmp_path, halves(own_label))
    answers = found.predictor.predict(table())
    tied = np.asarray(answers.probabilities)[:, 1] == 0.5
    assert 0 < tied.sum() < len(tied)
    assert set(answers.labels[tied]) == {answer}
    assert set(answers.labels[~tied]) == {"yes"}
    told = f'{tied.sum()} of {len(tied)} rows have a probability of exactly 0.5: they are answered "no"'
    assert any(note.startswith(told) for note in found.notes) is (answer == "no")


def test_a_threshold_that_the_user_names_decides_ties_too(tmp_path: Path) -> None:
    answers = opened(tmp_path, halves(0), threshold=0.5).predictor.predict(table())
    assert set(answers.labels[np.asarray(answers.probabilities)[:, 1] == 0.5]) == {"yes"}
