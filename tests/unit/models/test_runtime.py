from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pyarrow as pa
import pytest
import safetensors.numpy
from onnx import TensorProto, helper

from seatrial.errors import Corrupt, InputError, Refused, SeatrialError
from seatrial.models import runtime
from seatrial.models.runtime import load_predictor

Package = dict[str, bytes]


def changed(package: Package, change: Callable[[onnx.ModelProto], object]) -> Package:
    model = onnx.load_model_from_string(package["model.onnx"])
    change(model)
    return {**package, "model.onnx": model.SerializeToString()}


def test_answers_keep_the_order_over_batches(package: Package, rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = load_predictor(package, threads=1)
    whole = predictor.predict(rows)
    monkeypatch.setattr(runtime, "BATCH_ROWS", 7)
    parts = predictor.predict(rows)
    assert (whole.labels == parts.labels).all()
    np.testing.assert_allclose(np.asarray(whole.probabilities), np.asarray(parts.probabilities), atol=1e-7)


def test_no_rows_have_no_answers(package: Package, rows: pa.Table) -> None:
    answers = load_predictor(package).predict(rows.slice(0, 0))
    assert answers.labels.shape == (0,)
    assert np.asarray(answers.probabilities).shape == (0, 2)


def test_a_missing_column_names_the_close_one(package: Package, rows: pa.Table) -> None:
    with pytest.raises(InputError, match=r'^age: the rows do not have this column\. Rename the column "Age" to "age"'):
        load_predictor(package).predict(rows.rename_columns({"age": "Age"}))


def test_texts_may_be_dictionaries_and_numbers_decimals(package: Package, rows: pa.Table) -> None:
    predictor = load_predictor(package)
    other = rows.set_column(rows.column_names.index("sex"), "sex", rows["sex"].dictionary_encode())
    other = other.set_column(1, "hours", rows["hours"].cast(pa.decimal128(30, 2)))
    assert (predictor.predict(other).labels == predictor.predict(rows).labels).all()


def test_null_texts_are_empty_texts(package: Package, rows: pa.Table) -> None:
    predictor = load_predictor(package)
    filled = rows.set_column(3, "city", rows["city"].fill_null(pa.scalar("")))
    assert rows["city"].null_count > 0
    assert (np.asarray(predictor.predict(filled).probabilities) == predictor.predict(rows).probabilities).all()


@pytest.mark.parametrize("name", ["model.onnx", "signature.json", "provenance.json"])
def test_a_missing_file_is_named(package: Package, name: str) -> None:
    with pytest.raises(Corrupt, match=f"^{name}: the package lacks this file"):
        load_predictor({path: data for path, data in package.items() if path != name})


def test_a_file_too_many_is_named(package: Package) -> None:
    with pytest.raises(Corrupt, match=r"^model\.pkl: the file does not belong to a package"):
        load_predictor({**package, "model.pkl": b""})


@pytest.mark.parametrize("name", ["model.onnx", "signature.json", "codec.json", "provenance.json"])
def test_an_ill_formed_file_is_named(package: Package, name: str) -> None:
    with pytest.raises(Corrupt, match=f"^{name}: "):
        load_predictor({**package, name: b"\xff{"})


def test_a_custom_operator_is_refused(package: Package) -> None:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node[0].domain = "com.evil"

    with pytest.raises(Refused, match=r"it has the operator com\.evil"):
        load_predictor(changed(package, change))


def test_a_custom_operator_within_a_branch_is_refused(package: Package) -> None:
    def change(model: onnx.ModelProto) -> None:
        inner = helper.make_graph([helper.make_node("Shell", [], ["x"], domain="com.evil")], "inner", [], [])
        outer = helper.make_graph([helper.make_node("If", ["c"], ["x"], then_branch=inner)], "outer", [], [])
        model.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=outer, else_branch=outer))

    with pytest.raises(Refused, match=r"com\.evil\.Shell"):
        load_predictor(changed(package, change))


def test_a_contributed_operator_set_is_refused(package: Package) -> None:
    with pytest.raises(Refused, match=r"operator set 'com\.microsoft'"):
        load_predictor(
            changed(package, lambda model: model.opset_import.append(helper.make_opsetid("com.microsoft", 1)))
        )


def test_an_unknown_opset_is_refused(package: Package) -> None:
    def change(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = 99

    with pytest.raises(Refused, match=r"version 99 of ai\.onnx"):
        load_predictor(changed(package, change))


def test_a_function_is_refused(package: Package) -> None:
    function = helper.make_function("local", "twice", ["x"], ["y"], [], [])
    with pytest.raises(Refused, match=r"it defines the function local\.twice"):
        load_predictor(changed(package, lambda model: model.functions.append(function)))


@pytest.mark.parametrize("place", ["initializer", "attribute", "training"])
def test_external_data_is_refused_wherever_it_hides(package: Package, place: str) -> None:
    outside = TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[1])
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../../etc/passwd")

    def change(model: onnx.ModelProto) -> None:
        if place == "initializer":
            model.graph.initializer.append(outside)
        elif place == "attribute":
            model.graph.node.append(helper.make_node("Constant", [], ["k"], value=outside))
        else:
            model.training_info.add().initialization.initializer.append(outside)

    with pytest.raises(Refused, match="its tensor 'outside' lies in another file"):
        load_predictor(changed(package, change))


def test_a_signature_of_other_inputs_is_corrupt(package: Package) -> None:
    other = package["signature.json"].replace(b'"age"', b'"wage"')
    with pytest.raises(Corrupt, match=r"codec\.json: the codec's inputs are not those of the signature"):
        load_predictor({**package, "signature.json": other})


def test_a_graph_of_other_inputs_is_corrupt(package: Package) -> None:
    files = {name: package[name].replace(b'"age"', b'"wage"') for name in ("signature.json", "codec.json")}
    with pytest.raises(Corrupt, match=r"model\.onnx: the graph's inputs are not those of signature\.json"):
        load_predictor({**package, **files})


def test_a_graph_of_another_task_is_corrupt(package: Package) -> None:
    other = package["signature.json"].replace(b'"binary"', b'"regression"')
    with pytest.raises(Corrupt, match=r"model\.onnx: the graph's outputs \['label', 'probability'\] are not those"):
        load_predictor({**package, "signature.json": other})


def test_weights_that_are_not_the_graphs_are_corrupt(package: Package) -> None:
    model = onnx.load_model_from_string(package["model.onnx"])
    held = next(tensor for tensor in model.graph.initializer if tensor.name == "model/weights")
    right = onnx.numpy_helper.to_array(held)
    load_predictor({**package, "weights.safetensors": safetensors.numpy.save({"model/weights": right})})
    for wrong in ({"model/weights": right + 1}, {"model/weights": right.reshape(-1)}, {"other": right}):
        with pytest.raises(Corrupt, match=r"weights\.safetensors: the tensor '.*' is not the one in model\.onnx"):
            load_predictor({**package, "weights.safetensors": safetensors.numpy.save(wrong)})


def test_weights_that_are_no_safetensors_are_corrupt(package: Package) -> None:
    with pytest.raises(Corrupt, match=r"weights\.safetensors: the file is not a valid safetensors file"):
        load_predictor({**package, "weights.safetensors": b"\x80\x04pickle"})


@pytest.mark.simulation
def test_no_change_of_one_byte_of_the_model_escapes_the_error_tree(package: Package) -> None:
    data = package["model.onnx"]
    for place in np.random.default_rng(3).integers(0, len(data), 200):
        damaged = bytearray(data)
        damaged[place] ^= 0x5A
        try:
            load_predictor({**package, "model.onnx": bytes(damaged)})
        except SeatrialError:
            continue  # what still loads is another model: its digest tells, not this check
