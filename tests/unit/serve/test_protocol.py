from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.serve.protocol import InferRequest, model_metadata, parse_request, render_response

SIGNATURE = Signature(
    (Column("age", "number"), Column("sex", "text")), "binary", ("no", "yes"), positive="yes", threshold=0.5
)
AGE = {"name": "age", "datatype": "FP64", "shape": [2], "data": [1.5, None]}
SEX = {"name": "sex", "datatype": "BYTES", "shape": [2], "data": ["日本", None]}


def parse(*inputs: object, **fields: object) -> InferRequest:
    return parse_request(json.dumps({"inputs": list(inputs), **fields}).encode(), SIGNATURE)


def test_a_request_becomes_rows() -> None:
    request = parse(SEX, AGE, id="7")
    assert request.rows.column_names == ["age", "sex"]
    assert request.rows["sex"].to_pylist() == ["日本", None]
    assert request.rows["age"].to_pylist()[0] == 1.5
    missing = request.rows["age"].to_pylist()[1]
    assert missing is not None
    assert math.isnan(missing)
    assert (request.id, request.outputs) == ("7", ("label", "probability"))


@pytest.mark.parametrize("data", [[1.5, 2.5], [[1.5], [2.5]]], ids=["flat", "nested"])
def test_a_column_may_be_a_matrix_of_one(data: list[Any]) -> None:
    assert parse({**AGE, "shape": [2, 1], "data": data}, SEX).rows["age"].to_pylist() == [1.5, 2.5]


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_integers_of_every_width_are_numbers(bits: int) -> None:
    largest, smallest = 2 ** (bits - 1) - 1, -(2 ** (bits - 1))
    signed = {**AGE, "datatype": f"INT{bits}", "data": [largest, smallest]}
    assert parse(signed, SEX).rows["age"].to_pylist() == [largest, smallest]
    unsigned = {**AGE, "datatype": f"UINT{bits}", "data": [2**bits - 1, None]}
    assert parse(unsigned, SEX).rows["age"].to_pylist() == [2**bits - 1, None]


def test_booleans_are_numbers() -> None:
    assert parse({**AGE, "datatype": "BOOL", "data": [True, None]}, SEX).rows["age"].to_pylist() == [True, None]


def test_fp32_is_rounded_to_float32() -> None:
    values = parse({**AGE, "datatype": "FP32", "data": [0.1, 1e300]}, SEX).rows["age"].to_pylist()
    assert values == [float(np.float32(0.1)), math.inf]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": ["1.5", "2"]}, "input 'age' has values that are not FP64"),
        ({"data": [True, False]}, "input 'age' has values that are not FP64"),
        ({"data": [10**400, 1]}, "input 'age' has values that are not FP64"),
        ({"datatype": "INT64", "data": [1.5, 1]}, "not INT64"),
        ({"datatype": "INT8", "data": [128, 1]}, "not INT8"),
        ({"datatype": "UINT8", "data": [-1, 1]}, "not UINT8"),
        ({"datatype": "BYTES", "data": ["a", "b"]}, "input 'age' is a number, and cannot be 'BYTES'. Send it as FP32"),
        ({"datatype": "FP8"}, "cannot be 'FP8'"),
        ({"datatype": None}, "cannot be None"),
        ({"datatype": ["FP64"]}, "cannot be"),
        ({"shape": [3]}, "input 'age' has 2 values, its shape says 3"),
        ({"shape": [1, 2]}, r"input 'age' has the shape \[1, 2\]"),
        ({"shape": [True]}, "must have a shape"),
        ({"shape": [-2]}, "its shape says -2"),
        ({"shape": "2"}, "must have a shape"),
        ({"shape": [2, 1], "data": [[1.0], 2.0]}, "rows that are not of one value"),
        ({"shape": [2, 1], "data": [[1.0], [2.0, 3.0]]}, "rows that are not of one value"),
        ({"data": None}, "input 'age' must have data"),
        ({"data": [[1.5], [2.5]]}, "not FP64"),
        ({"shape": [1], "data": [1.5]}, "input 'sex' has 2 rows, input 'age' has 1"),
    ],
)
def test_an_ill_formed_tensor_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse({**AGE, **change}, SEX)


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(InputError, match="input 'sex' has values that are not BYTES"):
        parse(AGE, {**SEX, "data": ["\ud800", "a"]})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([AGE], "input 'sex' is missing. Send it as BYTES"),
        ([AGE, SEX, AGE], "input 'age' is there twice"),
        ([AGE, SEX, {**SEX, "name": "sexx"}], "the model does not have an input 'sexx'. Did you mean 'sex'?"),
        ([AGE, SEX, {**SEX, "name": "income"}], "the model does not have an input 'income'. The inputs are: age, sex"),
        ([AGE, SEX, {}], r"inputs\[2\] must have a name"),
        ([AGE, SEX, 7], r"inputs\[2\] is not a JSON object"),
    ],
)
def test_inputs_are_those_of_the_model(inputs: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(*inputs)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not JSON"),
        (b"\xff", "the body is not UTF-8"),
        (b"[]", "the request is not a JSON object"),
        (b"{}", "the request must have a list of inputs"),
        (b'{"inputs": {}}', "the request must have a list of inputs"),
        (b'{"inputs": [NaN]}', "NaN is not JSON; send null"),
        (b"[" * 100_000, "the body is nested too deeply"),
        (b'{"inputs": [' + b"9" * 5000 + b"]}", "the body is not JSON"),
    ],
)
def test_a_body_that_is_no_request_says_so(body: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_request(body, SIGNATURE)


def test_only_the_outputs_that_are_asked_for_are_given() -> None:
    assert parse(AGE, SEX, outputs=[{"name": "probability"}]).outputs == ("probability",)
    with pytest.raises(
        InputError, match=r"the model does not have an output 'logits'\. The outputs are: label, probability"
    ):
        parse(AGE, SEX, outputs=[{"name": "logits"}])


def test_the_response_has_the_answers_row_by_row() -> None:
    request = parse(AGE, SEX, id="日")
    answers = Predictions(np.array(["no", "yes"], object), np.array([[0.75, 0.25], [math.nan, 1.0]]))
    response = json.loads(render_response(answers, request, SIGNATURE, model="census", version="2"))
    assert response == {
        "model_name": "census",
        "model_version": "2",
        "id": "日",
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["no", "yes"]},
            {"name": "probability", "datatype": "FP64", "shape": [2, 2], "data": [0.75, 0.25, None, 1.0]},
        ],
    }


def test_a_regression_answers_with_values() -> None:
    signature = Signature((Column("age", "number"),), "regression")
    request = parse_request(json.dumps({"inputs": [AGE]}).encode(), signature)
    answers = Predictions(np.array([1.5, math.inf]), None)
    response = json.loads(render_response(answers, request, signature, model="m", version="1"))
    assert response["outputs"] == [{"name": "value", "datatype": "FP64", "shape": [2], "data": [1.5, None]}]
    assert "id" not in response


def test_metadata_names_what_the_model_takes_and_gives() -> None:
    metadata = model_metadata(SIGNATURE, model="census", version="2")
    assert metadata["inputs"] == [
        {"name": "age", "datatype": "FP64", "shape": [-1]},
        {"name": "sex", "datatype": "BYTES", "shape": [-1]},
    ]
    outputs: Any = metadata["outputs"]
    assert [output["name"] for output in outputs] == ["label", "probability"]
    assert json.loads(outputs[1]["parameters"]["classes"]) == ["no", "yes"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
tensors = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["age", "sex", "x"]) | values,
        "datatype": st.sampled_from(["FP64", "BYTES", "INT8", "BOOL"]) | values,
        "shape": st.lists(st.integers(-1, 3), max_size=3) | values,
        "data": st.lists(values, max_size=3) | values,
    },
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "inputs": st.lists(tensors | values, max_size=4) | values,
        "outputs": st.lists(st.fixed_dictionaries({"name": values}), max_size=2) | values,
        "id": values,
    },
)


@given(st.binary(max_size=200) | (requests | values).map(lambda value: json.dumps(value).encode()))
def test_whatever_arrives_is_rows_or_an_input_error(body: bytes) -> None:
    try:
        request = parse_request(body, SIGNATURE)
    except InputError:
        return  # any other error fails this test
    assert request.rows.column_names == ["age", "sex"]
