from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from seatrial.errors import InputError, Refused, StepFailed
from seatrial.models.agreement import TOLERANCE, check_agreement
from seatrial.models.codec import Codec
from seatrial.models.graph import MAX_OPSET, MIN_OPSET
from seatrial.models.package import build_package, signature_of
from seatrial.models.predictor import Predictions
from seatrial.models.provenance import Provenance
from seatrial.models.runtime import load_predictor
from seatrial.models.signature import Column
from seatrial.models.trained import Trained
from seatrial.stores.documents import from_json

Linear = Callable[..., onnx.ModelProto]
Weights = Callable[[int], NDArray[np.float32]]


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))


def test_a_package_has_exactly_its_files(package: dict[str, bytes]) -> None:
    assert list(package) == ["codec.json", "model.onnx", "provenance.json", "signature.json"]


def test_packaging_twice_gives_the_same_bytes(
    package: dict[str, bytes], binary: Trained, rows: pa.Table, provenance: Provenance
) -> None:
    assert build_package(binary, rows=rows, provenance=provenance) == package


def test_provenance_is_kept_to_the_letter(package: dict[str, bytes], provenance: Provenance) -> None:
    assert from_json(Provenance, package["provenance.json"], path="provenance.json") == provenance


@pytest.mark.parametrize("squeeze", [True, False], ids=["logits [n]", "logits [n, 1]"])
@pytest.mark.parametrize("positive", ["yes", "no"])
def test_binary_answers_are_sigmoids_in_the_order_of_the_classes(
    linear: Linear, weights: Weights, codec: Codec, rows: pa.Table, provenance: Provenance, positive: str, squeeze: bool
) -> None:
    model = linear(weights(1), squeeze=squeeze).SerializeToString()
    trained = Trained(model, codec, ("no", "yes"), positive, 0.3)
    answers = load_predictor(build_package(trained, rows=rows, provenance=provenance)).predict(rows)
    expected = sigmoid((codec.encode(rows) @ weights(1)).astype(np.float64).ravel())
    place = ("no", "yes").index(positive)
    assert answers.probabilities is not None
    np.testing.assert_allclose(answers.probabilities[:, place], expected, atol=1e-6)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-15)
    reached = answers.probabilities[:, place] >= 0.3
    assert (answers.labels == np.where(reached, positive, ("no", "yes")[1 - place])).all()
    assert 0 < reached.sum() < len(reached)


def test_the_threshold_itself_is_answered_positive(
    linear: Linear, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    model = linear(np.zeros((codec.width, 1), np.float32)).SerializeToString()
    trained = Trained(model, codec, ("no", "yes"), "yes", 0.5)
    assert set(load_predictor(build_package(trained, rows=rows, provenance=provenance)).predict(rows).labels) == {"yes"}


def test_small_probabilities_keep_their_digits(
    linear: Linear, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    slots = np.zeros((codec.width, 1), np.float32)
    slots[2:5] = 60.0  # the one slot of `sex`
    model = linear(slots).SerializeToString()
    trained = Trained(model, codec, ("no", "yes"), "yes", 0.5)
    answers = load_predictor(build_package(trained, rows=rows, provenance=provenance)).predict(rows)
    assert answers.probabilities is not None
    np.testing.assert_allclose(answers.probabilities[:, 0], math.exp(-60), rtol=1e-12)


def test_several_classes_are_a_softmax(
    linear: Linear, weights: Weights, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    classes = ("rot", "grün", "青")
    trained = Trained(linear(weights(3)).SerializeToString(), codec, classes)
    predictor = load_predictor(build_package(trained, rows=rows, provenance=provenance))
    answers = predictor.predict(rows)
    assert predictor.signature.task == "multiclass"
    assert predictor.signature.threshold is None
    assert answers.probabilities is not None
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-12)
    assert (answers.labels == np.array(classes, object)[answers.probabilities.argmax(axis=1)]).all()
    assert set(answers.labels) == set(classes)


def test_no_classes_are_a_regression(
    linear: Linear, weights: Weights, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    trained = Trained(linear(weights(1)).SerializeToString(), codec)
    answers = load_predictor(build_package(trained, rows=rows, provenance=provenance)).predict(rows)
    assert answers.probabilities is None
    assert answers.labels.dtype == np.float64
    np.testing.assert_allclose(
        answers.labels.astype(np.float64), (codec.encode(rows) @ weights(1)).ravel(), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("opset", [MIN_OPSET, MAX_OPSET])
def test_models_of_the_oldest_and_the_newest_opset_are_packaged(
    linear: Linear, weights: Weights, codec: Codec, rows: pa.Table, provenance: Provenance, opset: int
) -> None:
    trained = Trained(linear(weights(3), opset=opset).SerializeToString(), codec, ("a", "b", "c"))
    files = build_package(trained, rows=rows, provenance=provenance)
    assert onnx.load_model_from_string(files["model.onnx"]).opset_import[0].version == opset


def test_an_older_opset_says_which_ones_do(
    linear: Linear, weights: Weights, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    trained = Trained(linear(weights(3), opset=12).SerializeToString(), codec, ("a", "b", "c"))
    with pytest.raises(InputError, match=f"opset 12. Export it with {MIN_OPSET} to {MAX_OPSET}"):
        build_package(trained, rows=rows, provenance=provenance)


def test_bytes_that_are_no_model_are_an_error(codec: Codec, rows: pa.Table, provenance: Provenance) -> None:
    with pytest.raises(InputError, match=r"Trained\.fitted: these 9 bytes are not a valid ONNX model"):
        build_package(Trained(b"\x80nonsense", codec, ("a", "b"), "a"), rows=rows, provenance=provenance)


def test_a_model_for_another_width_is_an_error(
    linear: Linear, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    trained = Trained(linear(np.zeros((3, 1), np.float32)).SerializeToString(), codec, ("a", "b"), "a")
    with pytest.raises(InputError, match=rf"FLOAT\[0, 3\], not FLOAT\[any, {codec.width}\]"):
        build_package(trained, rows=rows, provenance=provenance)


def test_a_model_with_too_many_logits_is_an_error(
    linear: Linear, weights: Weights, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    trained = Trained(linear(weights(3)).SerializeToString(), codec, ("a", "b"), "a")
    with pytest.raises(InputError, match=r"array of shape \[500, 3\]"):
        build_package(trained, rows=rows, provenance=provenance)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("a",)}, r"Trained\.classes"),
        ({"classes": ("a", "a")}, r"Trained\.classes"),
        ({"positive": None}, r"Trained\.positive: None is none of the classes"),
        ({"positive": ">50k"}, r"Trained\.positive"),
        ({"classes": ("a", "b", "c")}, r"Trained\.positive: a positive class belongs to two classes, not to 3"),
        ({"threshold": 1.5}, r"Trained\.threshold: threshold must be between 0 and 1, got 1\.5"),
        ({"threshold": math.nan}, r"Trained\.threshold"),
    ],
)
def test_answers_that_do_not_fit_together_are_an_error(binary: Trained, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        signature_of(dataclasses.replace(binary, **change))


def test_the_inputs_are_the_raw_columns(binary: Trained) -> None:
    assert signature_of(binary).inputs == (
        Column("age", "number"),
        Column("hours", "number"),
        Column("sex", "text"),
        Column("city", "text"),
    )


class Unknown:
    """A model of no framework."""


def test_another_type_is_named_with_a_way_out(codec: Codec, rows: pa.Table, provenance: Provenance) -> None:
    with pytest.raises(InputError, match=r"Unknown cannot be packaged.*Convert it to ONNX, and give the model's bytes"):
        build_package(Trained(Unknown(), codec, ("a", "b"), "a"), rows=rows, provenance=provenance)


def test_an_estimator_that_is_not_fitted_says_so(codec: Codec, rows: pa.Table, provenance: Provenance) -> None:
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(InputError, match=r"Trained\.fitted: this LogisticRegression is not fitted\. Call its fit"):
        build_package(Trained(LogisticRegression(), codec, ("a", "b"), "a"), rows=rows, provenance=provenance)


def test_branches_of_a_model_keep_their_meaning(
    linear: Linear, weights: Weights, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    model = linear(weights(1))
    shape = ["rows", 1]
    doubled, halved = (
        helper.make_graph(
            [helper.make_node("Mul", ["product", factor], ["product_" + factor])],
            factor,
            [],
            [helper.make_tensor_value_info("product_" + factor, TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(np.float32(value), factor)],
        )
        for factor, value in (("two", 2.0), ("half", 0.5))
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(helper.make_node("If", ["yes"], ["chosen"], then_branch=doubled, else_branch=halved))
    model.graph.output[0].name = "chosen"
    trained = Trained(model.SerializeToString(), codec, ("no", "yes"), "yes")
    answers = load_predictor(build_package(trained, rows=rows, provenance=provenance)).predict(rows)
    expected = sigmoid(2 * (codec.encode(rows) @ weights(1)).astype(np.float64).ravel())
    np.testing.assert_allclose(np.asarray(answers.probabilities)[:, 1], expected, atol=1e-6)


def test_functions_of_a_model_become_its_nodes(
    linear: Linear, weights: Weights, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    opset = helper.make_opsetid("", 17)
    negate = helper.make_function("local", "Negate", ["x"], ["y"], [helper.make_node("Neg", ["x"], ["y"])], [opset])
    model = linear(weights(1), functions=[negate])
    model.opset_import.append(helper.make_opsetid("local", 1))
    model.graph.node.append(helper.make_node("Negate", ["product"], ["negated"], domain="local"))
    model.graph.output[0].name = "negated"
    trained = Trained(model.SerializeToString(), codec, ("no", "yes"), "yes")
    files = build_package(trained, rows=rows, provenance=provenance)
    assert not onnx.load_model_from_string(files["model.onnx"]).functions
    expected = sigmoid(-(codec.encode(rows) @ weights(1)).astype(np.float64).ravel())
    answers = load_predictor(files).predict(rows)
    np.testing.assert_allclose(np.asarray(answers.probabilities)[:, 1], expected, atol=1e-6)


def test_external_data_is_refused(
    linear: Linear, weights: Weights, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    model = linear(weights(1))
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(Refused, match="its tensor 'weights' lies in another file"):
        build_package(Trained(model.SerializeToString(), codec, ("a", "b"), "a"), rows=rows, provenance=provenance)


def test_rows_to_compare_on_are_needed(binary: Trained, rows: pa.Table, provenance: Provenance) -> None:
    with pytest.raises(InputError, match="at least one row, got 0"):
        build_package(binary, rows=rows.slice(0, 0), provenance=provenance)


def test_a_model_that_answers_nan_is_not_packaged(
    linear: Linear, codec: Codec, rows: pa.Table, provenance: Provenance
) -> None:
    model = linear(np.full((codec.width, 1), np.nan, np.float32)).SerializeToString()
    with pytest.raises(StepFailed, match=r"disagree on 500 of 500 rows.*nothing was packaged"):
        build_package(Trained(model, codec, ("a", "b"), "a"), rows=rows, provenance=provenance)


class Answers:
    """A predictor that answers what it is given."""

    def __init__(self, binary: Trained, labels: NDArray[np.object_], probabilities: NDArray[np.float64]) -> None:
        self.signature = signature_of(binary)
        self._answers = Predictions(labels, probabilities)

    def predict(self, rows: pa.Table) -> Predictions:
        places = rows.column("id").to_numpy()
        probabilities = self._answers.probabilities
        return Predictions(self._answers.labels[places], None if probabilities is None else probabilities[places])


def agree(binary: Trained, package: dict[str, bytes], rows: pa.Table, *, shift: float = 0.0, swap: int = 0) -> None:
    """Compares the framework's answers with the package's, the latter shifted, and the first `swap` labels changed."""
    right = load_predictor(package).predict(rows)
    assert right.probabilities is not None
    assert binary.codec is not None
    labels = right.labels.astype(object)
    labels[:swap] = np.where(labels[:swap] == ">50K", "<=50K", ">50K")
    logits = np.log(right.probabilities[:, 1]) - np.log(right.probabilities[:, 0])
    packaged = Answers(binary, labels, right.probabilities + shift * (np.arange(rows.num_rows) == 3)[:, None])
    check_agreement(binary.codec, signature_of(binary), lambda _: logits, packaged, rows)


def test_a_difference_within_the_tolerance_agrees(binary: Trained, package: dict[str, bytes], rows: pa.Table) -> None:
    agree(binary, package, rows, shift=0.9 * TOLERANCE)


def test_a_difference_beyond_the_tolerance_shows_the_worst_rows(
    binary: Trained, package: dict[str, bytes], rows: pa.Table
) -> None:
    with pytest.raises(StepFailed, match=r"disagree on 1 of 500 rows[^?]*row 3: the framework \[0.*apart by 0\.2"):
        agree(binary, package, rows, shift=0.2)


def test_another_label_disagrees_though_probabilities_are_equal(
    binary: Trained, package: dict[str, bytes], rows: pa.Table
) -> None:
    with pytest.raises(StepFailed, match="disagree on 2 of 500 rows"):
        agree(binary, package, rows, swap=2)


def test_another_label_within_the_tolerance_of_the_threshold_agrees(
    binary: Trained, package: dict[str, bytes], rows: pa.Table
) -> None:
    right = load_predictor(package).predict(rows)
    assert right.probabilities is not None
    at_threshold = dataclasses.replace(binary, threshold=float(right.probabilities[0, 1]) + TOLERANCE / 2)
    agree(
        at_threshold,
        build_package(at_threshold, rows=rows, provenance=load_predictor(package).provenance),
        rows,
        swap=1,
    )
