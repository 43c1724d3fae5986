from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from seatrial.errors import InputError, spell
from seatrial.trial.spelling import command_line
from tests.finished_models import FEATURES, WEIGHTS, bare, matrix, matrix_model, opened, softmax_model, table

NODE = helper.make_node
FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
THREE = ("low", "mid", "high")


def labelled(*, zipped: bool, texts: bool, outputs: Sequence[str] = ("label", "probabilities")) -> onnx.ModelProto:
    """Softmax, the label it means, and perhaps a ZipMap, as skl2onnx writes them."""
    nodes = [NODE("Softmax", ["z"], ["p"], axis=1), NODE("ArgMax", ["p"], ["place"], axis=1, keepdims=0)]
    constants: dict[str, NDArray[Any]] = {}
    if texts:
        nodes.append(NODE("Gather", ["names", "place"], ["label"]))
        constants["names"] = np.array(["no", "yes"], object)
    else:
        nodes.append(NODE("Identity", ["place"], ["label"]))
    known: dict[str, Any] = {"classlabels_strings": ["no", "yes"]} if texts else {"classlabels_int64s": [0, 1]}
    kind = "ZipMap" if zipped else "Identity"
    nodes.append(NODE(kind, ["p"], ["probabilities"], **({"domain": "ai.onnx.ml", **known} if zipped else {})))
    made = matrix_model(
        nodes, [("label", STRING if texts else INT64, ["n"]), ("probabilities", FLOAT, ["n", 2])], constants=constants
    )
    if zipped:
        key = STRING if texts else INT64
        value = helper.make_tensor_type_proto(FLOAT, [])
        sequence = helper.make_sequence_type_proto(helper.make_map_type_proto(key, value))
        made.graph.output[1].CopyFrom(helper.make_value_info("probabilities", sequence))
    for place in reversed(range(2)):
        if made.graph.output[place].name not in outputs:
            del made.graph.output[place]
    return made


def expected(width: int = 2) -> NDArray[np.float64]:
    return bare(softmax_model(width=width), {"x": matrix(table())})[0].astype(np.float64)


@pytest.mark.parametrize("texts", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
def test_labels_and_probabilities_are_recognised_with_and_without_a_zipmap(
    tmp_path: Path, zipped: bool, texts: bool
) -> None:
    found = opened(tmp_path, labelled(zipped=zipped, texts=texts))
    assert found.predictor.signature.classes == ("no", "yes")
    answers = found.predictor.predict(table())
    assert np.array_equal(np.asarray(answers.probabilities), expected())
    assert answers.labels.tolist() == ["yes" if row[1] >= 0.5 else "no" for row in expected()]
    notes = [spell(note, command_line) for note in found.notes]
    guess = "classes: no, yes, the label's values in their order, as 0 to 1 (--classes says otherwise)"
    assert (guess in notes) is not texts
    assert not any("--" in note for note in found.notes)  # until a surface spells its fields


def test_numbered_classes_keep_their_numbers_where_the_label_has_them(tmp_path: Path) -> None:
    rows = table(classes=("0", "1"))
    found = opened(tmp_path, labelled(zipped=True, texts=False), rows=rows, labels=("0", "1"))
    assert found.predictor.signature.classes == ("0", "1")
    assert found.predictor.signature.positive == "1"


def test_unnamed_classes_without_a_label_are_numbered(tmp_path: Path) -> None:
    found = opened(tmp_path, softmax_model(width=3), labels=None)
    assert found.predictor.signature.classes == ("0", "1", "2")
    assert "classes: 0, 1, 2, for the file names none" in found.notes


def test_numbers_as_labels_are_ordered_by_size(tmp_path: Path) -> None:
    rows = table(classes=(2, 9, 10))
    found = opened(tmp_path, softmax_model(width=3), rows=rows, labels=("10", "2", "9"))
    assert found.predictor.signature.classes == ("2", "9", "10")


def test_texts_as_labels_are_ordered_as_texts_though_they_look_like_numbers(tmp_path: Path) -> None:
    rows = table(classes=("10", "2", "9"))
    found = opened(tmp_path, softmax_model(width=3), rows=rows, labels=("2", "9", "10"))
    assert found.predictor.signature.classes == ("10", "2", "9")


def test_classes_in_the_users_order_name_the_probabilities(tmp_path: Path) -> None:
    found = opened(tmp_path, softmax_model(width=3), labels=THREE, classes=THREE)
    answers = found.predictor.predict(table())
    assert answers.labels.tolist() == [THREE[place] for place in expected(3).argmax(axis=1)]


def test_fewer_labels_than_unnamed_classes_ask_for_their_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"3 classes without names, the table's label has 2: no, yes\. Name them"):
        opened(tmp_path, softmax_model(width=3))


def test_classes_that_the_label_never_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the model's classes are no, yes, the table's label has bad, good"):
        opened(tmp_path, labelled(zipped=True, texts=True), labels=("bad", "good"))


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_classes_as_probabilities_are_wanted(tmp_path: Path, count: int) -> None:
    with pytest.raises(InputError, match=f"classes names {count} classes .* gives 2 probabilities"):
        opened(tmp_path, softmax_model(), classes=THREE[:count])


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("activated", [True, False])
def test_one_column_is_the_probability_of_the_second_class(tmp_path: Path, flat: bool, activated: bool) -> None:
    tail = [NODE("Sigmoid", ["z"], ["s"])] if activated else [NODE("Identity", ["z"], ["s"])]
    tail.append(NODE("Reshape", ["s", "shape"], ["out"]))
    shape = np.array([-1] if flat else [-1, 1])
    finished = matrix_model(tail, [("out", FLOAT, ["n"] if flat else ["n", 1])], width=1, constants={"shape": shape})
    found = opened(tmp_path, finished)
    assert found.predictor.signature.classes == ("no", "yes")
    logits = (matrix(table()) @ WEIGHTS[:, :1]).astype(np.float64).reshape(-1)
    answers = found.predictor.predict(table())
    assert answers.probabilities is not None
    np.testing.assert_allclose(answers.probabilities[:, 1], 1 / (1 + np.exp(-logits)), atol=1e-6)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-12)
    what = "probabilities" if activated else "logits"
    assert (
        f'output "out": {what}, of "yes", for its last operator is {"Sigmoid" if activated else "MatMul"}'
        in found.notes
    )


def test_one_unnamed_column_is_the_probability_of_what_is_asked_for(tmp_path: Path) -> None:
    finished = matrix_model([NODE("Sigmoid", ["z"], ["p"])], [("p", FLOAT, ["n", 1])], width=1)
    found = opened(tmp_path, finished, positive="no")
    assert found.predictor.signature.classes == ("yes", "no")
    probabilities = bare(finished, {"x": matrix(table())})[0].reshape(-1).astype(np.float64)
    assert np.array_equal(np.asarray(found.predictor.predict(table()).probabilities)[:, 1], probabilities)
    kept = opened(tmp_path, finished, positive="no", classes=("no", "yes")).predictor
    assert np.array_equal(np.asarray(kept.predict(table()).probabilities)[:, 1], probabilities)


def test_logits_of_several_classes_get_a_softmax_in_float64(tmp_path: Path) -> None:
    finished = matrix_model([NODE("Identity", ["z"], ["logits"])], [("logits", FLOAT, ["n", 3])], width=3)
    found = opened(tmp_path, finished, labels=THREE, classes=THREE)
    logits = bare(finished, {"x": matrix(table())})[0].astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    answers = np.asarray(found.predictor.predict(table()).probabilities)
    np.testing.assert_allclose(answers, powers / powers.sum(axis=1, keepdims=True), atol=1e-12)


def test_log_probabilities_become_probabilities(tmp_path: Path) -> None:
    finished = matrix_model([NODE("LogSoftmax", ["z"], ["out"], axis=1)], [("out", FLOAT, ["n", 2])])
    found = opened(tmp_path, finished)
    np.testing.assert_allclose(np.asarray(found.predictor.predict(table()).probabilities), expected(), atol=1e-6)


def undecided(tail: Sequence[onnx.NodeProto]) -> onnx.ModelProto:
    """Numbers whose last operator tells nothing."""
    constants = {"one": np.array(1, np.float32)}
    return matrix_model([*tail, NODE("Mul", ["t", "one"], ["out"])], [("out", FLOAT, ["n", 2])], constants=constants)


def test_where_the_graph_does_not_tell_answers_do_and_that_is_said(tmp_path: Path) -> None:
    found = opened(tmp_path, undecided([NODE("Softmax", ["z"], ["t"], axis=1)]))
    assert 'output "out": probabilities, for its answers look like it' in found.notes
    found = opened(tmp_path, undecided([NODE("Identity", ["z"], ["t"])]))
    assert 'output "out": logits, for its answers are not probabilities' in found.notes


def test_one_number_that_may_be_a_regressions_is_no_logit_unless_that_is_said(tmp_path: Path) -> None:
    tail = [NODE("Identity", ["z"], ["t"]), NODE("Mul", ["t", "one"], ["out"])]
    constants = {"one": np.array(1, np.float32)}
    finished = matrix_model(tail, [("out", FLOAT, ["n", 1])], width=1, constants=constants)
    with pytest.raises(InputError, match=r"one number a row, beyond 0 and 1.*task binary"):
        opened(tmp_path, finished)
    found = opened(tmp_path, finished, task="binary")
    assert 'output "out": logits, of "yes", for its answers are not probabilities' in found.notes


def test_where_nothing_tells_rows_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'whether the output "out" is probabilities or logits.*Give some rows'):
        opened(tmp_path, undecided([NODE("Identity", ["z"], ["t"])]), asked=False)


def test_probabilities_that_do_not_sum_to_one_are_refused_by_tensor_and_row(tmp_path: Path) -> None:
    finished = matrix_model([NODE("Sigmoid", ["z"], ["each"])], [("each", FLOAT, ["n", 2])])
    with pytest.raises(
        InputError, match=r'output "each" gives \[.*\] for row 0 of the table, which sum to .*many mode'
    ):
        opened(tmp_path, finished)


@pytest.mark.parametrize("texts", [True, False])
def test_labels_alone_are_answers_too(tmp_path: Path, texts: bool) -> None:
    found = opened(tmp_path, labelled(zipped=False, texts=texts, outputs=("label",)))
    signature = found.predictor.signature
    assert (signature.classes, signature.task, signature.probabilities) == (("no", "yes"), "binary", False)
    answers = found.predictor.predict(table())
    assert answers.probabilities is None
    assert answers.labels.tolist() == ["yes" if row[1] > row[0] else "no" for row in expected()]
    assert any("is not measured" in note for note in found.notes)
    said = "classes: no, yes (--classes says otherwise)" if texts else "classes: no, yes, as 0 to 1 (--classes says"
    assert any(spell(note, command_line).startswith(said) for note in found.notes)


def test_labels_alone_that_are_the_tables_numbers_stay_them(tmp_path: Path) -> None:
    tail = [NODE("ArgMax", ["z"], ["place"], axis=1, keepdims=1), NODE("Add", ["place", "seven"], ["label"])]
    finished = matrix_model(tail, [("label", INT64, ["n", 1])], width=3, constants={"seven": np.array(7)})
    found = opened(tmp_path, finished, rows=table(classes=("7", "8", "9")), labels=("7", "8", "9"))
    assert found.predictor.signature.classes == ("7", "8", "9")
    logits = matrix(table()) @ WEIGHTS
    assert found.predictor.predict(table()).labels.tolist() == [str(7 + place) for place in logits.argmax(axis=1)]


def test_a_label_of_its_own_that_follows_another_rule_is_said(tmp_path: Path) -> None:
    constants = {"edge": np.array(0.55, np.float32), "second": np.array(1)}
    tail = [
        NODE("Softmax", ["z"], ["p"], axis=1),
        NODE("Gather", ["p", "second"], ["yes"], axis=1),
        NODE("Greater", ["yes", "edge"], ["reached"]),
        NODE("Cast", ["reached"], ["label"], to=INT64),
    ]
    finished = matrix_model(tail, [("label", INT64, ["n"]), ("p", FLOAT, ["n", 2])], constants=constants)
    between = int(((expected()[:, 1] > 0.5) & (expected()[:, 1] <= 0.55)).sum())
    assert between > 0
    said = f'own output "label" is not "yes" from a probability of 0.5 on {between} of 200 rows'
    assert any(said in note for note in opened(tmp_path, finished).notes)
    assert not any("own output" in note for note in opened(tmp_path, finished, threshold=0.55).notes)


def test_probabilities_in_another_order_than_the_labels_are_refused(tmp_path: Path) -> None:
    tail = [
        NODE("Softmax", ["z"], ["p"], axis=1),
        NODE("ArgMax", ["p"], ["place"], axis=1, keepdims=0),
        NODE("Sub", ["one", "place"], ["label"]),
    ]
    finished = matrix_model(tail, [("label", INT64, ["n"]), ("p", FLOAT, ["n", 2])], constants={"one": np.array(1)})
    with pytest.raises(InputError, match="the classes may be in another order than the probabilities"):
        opened(tmp_path, finished)


@pytest.mark.simulation
@settings(max_examples=30, deadline=None)
@given(threshold=st.floats(0, 1), positive=st.sampled_from(["no", "yes"]))
def test_the_label_is_the_rule_of_the_signature(
    tmp_path_factory: pytest.TempPathFactory, threshold: float, positive: str
) -> None:
    found = opened(tmp_path_factory.mktemp("rule"), softmax_model(), threshold=threshold, positive=positive)
    assert found.predictor.signature.threshold == threshold
    answers = found.predictor.predict(table())
    place = ("no", "yes").index(positive)
    reached = np.asarray(answers.probabilities)[:, place] >= threshold
    assert answers.labels.tolist() == [positive if one else ("yes", "no")[place] for one in reached]


def test_a_probability_that_is_the_threshold_is_answered_positive(tmp_path: Path) -> None:
    zero = matrix_model(
        [NODE("Sub", ["z", "z"], ["d"]), NODE("Softmax", ["d"], ["p"], axis=1)], [("p", FLOAT, ["n", 2])]
    )
    assert set(opened(tmp_path, zero).predictor.predict(table()).labels) == {"yes"}


@pytest.mark.parametrize("shape", [["n"], ["n", 1]])
def test_a_regression_gives_its_values(tmp_path: Path, shape: list[Any]) -> None:
    tail = [NODE("Reshape", ["z", "shape"], ["out"])]
    constants = {"shape": np.array([-1] if len(shape) == 1 else [-1, 1])}
    finished = matrix_model(tail, [("out", FLOAT, shape)], width=1, constants=constants)
    found = opened(tmp_path, finished, labels=None)
    assert found.predictor.signature.task == "regression"
    expected = bare(finished, {"x": matrix(table())})[0].reshape(-1).astype(np.float64)
    assert np.array_equal(found.predictor.predict(table()).labels, expected)


def bounds(*, names: tuple[str, str, str] | None) -> onnx.ModelProto:
    """A value with a lower and an upper one: three outputs by these names, or one of three columns."""
    constants = {"one": np.array(1, np.float32), "two": np.array(2, np.float32), "flat": np.array([-1])}
    tail = [NODE("Sub", ["z", "one"], ["l"]), NODE("Add", ["z", "two"], ["u"])]
    if names is None:
        tail.append(NODE("Concat", ["u", "z", "l"], ["all"], axis=1))
        return matrix_model(tail, [("all", FLOAT, ["n", 3])], width=1, constants=constants)
    tail += [NODE("Reshape", [one, "flat"], [name]) for one, name in zip("zlu", names, strict=True)]
    return matrix_model(tail, [(name, FLOAT, ["n"]) for name in names], width=1, constants=constants)


@pytest.mark.parametrize("names", [("predicted", "lower", "upper"), ("o1", "o2", "o3"), None])
def test_a_regression_may_have_an_interval(tmp_path: Path, names: tuple[str, str, str] | None) -> None:
    found = opened(tmp_path, bounds(names=names), labels=None, task="regression")
    assert found.predictor.signature.interval
    answers = found.predictor.predict(table())
    assert answers.interval is not None
    assert any("are the value, its lower and its upper bound" in note for note in found.notes)
    values = (matrix(table()) @ WEIGHTS[:, :1]).reshape(-1)
    np.testing.assert_allclose(np.asarray(answers.labels, float), values, atol=1e-5)
    np.testing.assert_allclose(answers.interval, np.stack([values - 1, values + 2], axis=1), atol=1e-5)


def test_bounds_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r'which of them are the bounds of the third .*"predicted", "lower" and "upper"'
    ):
        opened(tmp_path, bounds(names=None), labels=None, task="regression", asked=False)


def test_two_targets_are_refused(tmp_path: Path) -> None:
    finished = matrix_model([NODE("Identity", ["z"], ["out"])], [("out", FLOAT, ["n", 2])])
    with pytest.raises(InputError, match=r"this model gives out \[rows, 2\]"):
        opened(tmp_path, finished, labels=None, task="regression")


def test_numbers_without_a_task_ask_for_it(tmp_path: Path) -> None:
    finished = matrix_model([NODE("Identity", ["z"], ["out"])], [("out", FLOAT, ["n", 2])])
    with pytest.raises(InputError, match=r"gives 2 numbers a row, and the table's label does not have classes.*task"):
        opened(tmp_path, finished, labels=None)


def test_three_classes_are_not_binary(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tells 3 classes apart, and is to be binary\. Give task multiclass"):
        opened(tmp_path, softmax_model(width=3), labels=THREE, task="binary")


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (
            {"threshold": 0.4, "task": "multiclass"},
            r"a threshold belongs to the probabilities of two classes; this is a multiclass model.*Leave threshold out",
        ),
        ({"threshold": 1.5}, r"threshold must be between 0 and 1, got 1\.5"),
        (
            {"task": "regression", "classes": ("no", "yes")},
            "classes belong to a classifier; this model is a regression",
        ),
    ],
)
def test_wishes_that_contradict_the_model_are_refused(tmp_path: Path, wanted: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        opened(tmp_path, softmax_model(), **wanted)


def test_labels_alone_have_no_threshold(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match="a threshold belongs to the probabilities of two classes; this is a model without probabilities",
    ):
        opened(tmp_path, labelled(zipped=False, texts=True, outputs=("label",)), threshold=0.4)


def test_a_positive_class_is_one_of_the_classes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='"maybe" is not among the classes no, yes'):
        opened(tmp_path, softmax_model(), positive="maybe")


def test_probabilities_are_found_beside_other_numbers(tmp_path: Path) -> None:
    tail = [NODE("Softmax", ["z"], ["p"], axis=1), NODE("Identity", ["z"], ["hidden"])]
    finished = matrix_model(tail, [("hidden", FLOAT, ["n", 2]), ("p", FLOAT, ["n", 2])])
    assert np.array_equal(np.asarray(opened(tmp_path, finished).predictor.predict(table()).probabilities), expected())


@pytest.mark.parametrize("opset", [9, 11, 12, 13, 17, 20, 23])
@pytest.mark.parametrize("form", ["softmax", "logit", "logits", "labels", "interval"])
def test_every_form_works_from_the_oldest_operator_set_to_the_newest(tmp_path: Path, opset: int, form: str) -> None:
    match form:
        case "softmax":
            made = softmax_model(opset=opset)
        case "logit":
            made = matrix_model([NODE("Identity", ["z"], ["o"])], [("o", FLOAT, ["n", 1])], width=1, opset=opset)
        case "logits":
            made = matrix_model([NODE("Identity", ["z"], ["o"])], [("o", FLOAT, ["n", 3])], width=3, opset=opset)
        case "labels":
            tail = [NODE("ArgMax", ["z"], ["o"], axis=1, keepdims=0)]
            made = matrix_model(tail, [("o", INT64, ["n"])], opset=opset)
        case _:
            made = bounds(names=None)
            made.opset_import[0].version = opset
    labels = {"logits": THREE, "interval": None}.get(form, ("no", "yes"))
    found = opened(tmp_path, made, labels=labels, task="regression" if form == "interval" else None)
    assert len(found.predictor.predict(table()).labels) == table().num_rows


def test_empty_tables_have_empty_answers(tmp_path: Path) -> None:
    answers = opened(tmp_path, softmax_model()).predictor.predict(table().slice(0, 0))
    assert answers.labels.shape == (0,)
    assert np.asarray(answers.probabilities).shape == (0, 2)


def test_nulls_enter_as_nan(tmp_path: Path) -> None:
    filled = matrix_model(
        [
            NODE("IsNaN", ["x"], ["gap"]),
            NODE("Cast", ["gap"], ["n"], to=FLOAT),
            NODE("ReduceSum", ["n", "axis"], ["o"]),
        ],
        [("o", FLOAT, ["n", 1])],
        width=1,
        constants={"axis": np.array([1])},
    )
    rows = pa.table({name: [1.0, None] for name in FEATURES} | {"y": [0.5, 1.0]})
    assert opened(tmp_path, filled, rows=rows, labels=None).predictor.predict(rows).labels.tolist() == [0, 3]
