from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.serve.formats.model_documents import model_metadata
from seatrial.serve.formats.open_inference import parse_request
from seatrial.serve.formats.request_columns import Question, Reply, Unanswered

SIGNATURE = Signature(
    (Column("age", "number"), Column("sex", "text")), "binary", ("no", "yes"), positive="yes", threshold=0.5
)
AGE = {"name": "age", "datatype": "FP64", "shape": [2], "data": [1.5, None]}
SEX = {"name": "sex", "datatype": "BYTES", "shape": [2], "data": ["日本", None]}
ANSWERS = Predictions(np.array(["no", "yes"], object), np.array([[0.75, 0.25], [0.0, 1.0]]))


def read(body: bytes, signature: Signature = SIGNATURE, header_length: int | None = None) -> Question:
    return parse_request(body, signature, model="census", version="2", header_length=header_length)


def parse(*inputs: object, **fields: object) -> Question:
    return read(json.dumps({"inputs": list(inputs), **fields}).encode())


def numbers(question: Question) -> list[float]:
    values: list[float] = question.columns["age"].tolist()
    return values


def with_tensors(*inputs: tuple[dict[str, Any], bytes], **fields: object) -> Question:
    """The inputs as binary tensors behind the document."""
    document = json.dumps(
        {"inputs": [{**tensor, "parameters": {"binary_data_size": len(data)}} for tensor, data in inputs], **fields}
    ).encode()
    return read(document + b"".join(data for _, data in inputs), header_length=len(document))


def texts_bytes(*texts: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


BINARY_AGE: dict[str, Any] = {"name": "age", "datatype": "FP64", "shape": [2]}
BINARY_SEX: dict[str, Any] = {"name": "sex", "datatype": "BYTES", "shape": [2]}
TWO_TEXTS = texts_bytes("日本".encode(), b"")


def test_a_request_becomes_columns() -> None:
    question = parse(SEX, AGE, id="7")
    assert question.rows == 2
    assert question.columns["sex"].tolist() == ["日本", ""]
    assert question.columns["age"].dtype == np.float64
    assert numbers(question)[0] == 1.5
    assert math.isnan(numbers(question)[1])


@pytest.mark.parametrize("data", [[1.5, 2.5], [[1.5], [2.5]]], ids=["flat", "nested"])
def test_a_column_may_be_a_matrix_of_one(data: list[Any]) -> None:
    assert numbers(parse({**AGE, "shape": [2, 1], "data": data}, SEX)) == [1.5, 2.5]


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_integers_of_every_width_are_numbers(bits: int) -> None:
    largest, smallest = 2 ** (bits - 1) - 1, -(2 ** (bits - 1))
    assert numbers(parse({**AGE, "datatype": f"INT{bits}", "data": [largest, smallest]}, SEX)) == [largest, smallest]
    assert numbers(parse({**AGE, "datatype": f"UINT{bits}", "data": [2**bits - 1, 0]}, SEX)) == [2**bits - 1, 0]
    assert math.isnan(numbers(parse({**AGE, "datatype": f"INT{bits}", "data": [1, None]}, SEX))[1])


def test_integers_beyond_what_a_double_holds_are_rounded() -> None:
    question = parse({**AGE, "datatype": "INT64", "data": [2**63 - 1, -(2**63)]}, SEX)
    assert numbers(question) == [float(2**63), -float(2**63)]


def test_booleans_are_numbers() -> None:
    values = numbers(parse({**AGE, "datatype": "BOOL", "data": [True, None]}, SEX))
    assert values[0] == 1.0
    assert math.isnan(values[1])


def test_fp32_is_rounded_to_float32() -> None:
    values = numbers(parse({**AGE, "datatype": "FP32", "data": [0.1, 1e300]}, SEX))
    assert values == [float(np.float32(0.1)), math.inf]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": ["1.5", "2"]}, r"inputs\[0\].data\[0\]: expected FP64 .*, got '1.5' \(a text\)"),
        ({"data": [1.5, True]}, r"inputs\[0\].data\[1\]: expected FP64 .*, got True \(a boolean\)"),
        ({"data": [1, 10**400]}, r"inputs\[0\].data\[1\]: the number is too large"),
        ({"data": [1, 10**4000], "datatype": "INT64"}, r"inputs\[0\].data\[1\]: expected INT64"),
        ({"datatype": "INT64", "data": [1, 1.5]}, r"inputs\[0\].data\[1\]: expected INT64"),
        ({"datatype": "INT8", "data": [128, 1]}, r"inputs\[0\].data\[0\]: expected INT8"),
        ({"datatype": "UINT8", "data": [-1, 1]}, "expected UINT8"),
        (
            {"datatype": "BYTES", "data": ["a", "b"]},
            r"inputs\[0\].datatype: input 'age' is a number, and cannot be 'BY",
        ),
        ({"datatype": "FP8"}, "cannot be 'FP8'"),
        ({"datatype": "FP16"}, "FP16 has no form in JSON"),
        ({"datatype": "BF16"}, "BF16 has no form in JSON"),
        ({"datatype": None}, "cannot be None"),
        ({"datatype": ["FP64"]}, "cannot be"),
        ({"datatype": 10**4299}, "cannot be a number"),
        ({"datatype": [10**4299]}, "cannot be a list"),
        ({"shape": [3]}, r"inputs\[0\].shape: input 'age' has 2 values, its shape says 3"),
        ({"shape": [1, 2]}, r"the shape is \[1, 2\]"),
        ({"shape": [True]}, "must have a shape"),
        ({"shape": [-2]}, r"the shape is \[-2\]"),
        ({"shape": "2"}, "must have a shape"),
        ({"shape": [10**4299]}, r"inputs\[0\].shape: the shape has a size beyond 2\*\*31 - 1\. Send"),
        ({"shape": [2, -(10**4299)]}, "the shape has a size beyond"),
        ({"shape": [2, 1], "data": [[1.0], 2.0]}, r"inputs\[0\].data\[1\]: expected a row of one value"),
        ({"shape": [2, 1], "data": [[1.0], [2.0, 3.0]]}, "expected a row of one value"),
        ({"shape": [2, 1], "data": [[1.0], ["a"]]}, r"inputs\[0\].data\[1\]\[0\]: expected FP64"),
        ({"data": None}, r"inputs\[0\].data: input 'age' must have data"),
        ({"data": [[1.5], [2.5]]}, r"got a list"),
        ({"shape": [1], "data": [1.5]}, "input 'sex' has 2 rows, input 'age' has 1"),
        ({"parameters": 7}, r"inputs\[0\].parameters: the parameters must be a JSON object"),
        ({"parameters": {"binary_data_size": 8}}, "at most the 0 that are left"),
    ],
)
def test_an_ill_formed_tensor_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse({**AGE, **change}, SEX)


def test_an_id_comes_back_unless_it_is_long() -> None:
    body = {"inputs": [AGE, SEX]}
    assert answered(read(json.dumps({**body, "id": "a" * 256}).encode()))["id"] == "a" * 256
    with pytest.raises(InputError, match="id: the id is longer than 256 characters"):
        read(json.dumps({**body, "id": "a" * 257}).encode())


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(InputError, match="the body is not JSON"):
        parse(AGE, {**SEX, "data": ["\ud800", "a"]})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([AGE], "input 'sex' is missing. Send it as BYTES"),
        ([AGE, SEX, AGE], "input 'age' is there twice"),
        ([AGE, SEX, {**SEX, "name": "sexx"}], "the model does not have an input 'sexx'. Did you mean 'sex'?"),
        ([AGE, SEX, {**SEX, "name": "income"}], "the model does not have an input 'income'. The inputs are: age, sex"),
        ([AGE, SEX, {}], r"inputs\[2\]: the input must have a name"),
        ([AGE, SEX, 7], r"inputs\[2\]: expected a JSON object"),
    ],
)
def test_inputs_are_those_of_the_model(inputs: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(*inputs)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[]", "the request must be a JSON object"),
        (b"{}", "inputs: the request must have a list of inputs"),
        (b'{"inputs": {}}', "the request must have a list of inputs"),
        (b'{"inputs": [NaN]}', "a missing number is null"),
        (b"[" * 100_000, "recursion limit exceeded"),
        (b'{"inputs": [' + b"9" * 5000 + b"]}", "the body is not JSON"),
    ],
)
def test_a_body_that_is_no_request_says_so(body: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(body)


def answered(question: Question, answers: Predictions = ANSWERS) -> dict[str, Any]:
    reply = question.reply(answers)
    assert reply.media_type == "application/json"
    document: dict[str, Any] = json.loads(reply.body)
    return document


def test_only_the_outputs_that_are_asked_for_are_given() -> None:
    document = answered(parse(AGE, SEX, outputs=[{"name": "probability"}]))
    assert [output["name"] for output in document["outputs"]] == ["probability"]
    with pytest.raises(
        InputError,
        match=r"outputs\[0\].name: the model does not have an output 'logits'\. The outputs are: label, probability",
    ):
        parse(AGE, SEX, outputs=[{"name": "logits"}])


def test_the_response_has_the_answers_row_by_row() -> None:
    assert answered(parse(AGE, SEX, id="日")) == {
        "model_name": "census",
        "model_version": "2",
        "id": "日",
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["no", "yes"]},
            {"name": "probability", "datatype": "FP64", "shape": [2, 2], "data": [0.75, 0.25, 0.0, 1.0]},
        ],
    }


def test_a_row_without_an_answer_is_refused_by_its_number() -> None:
    gone = Predictions(np.array(["no", "yes"], object), np.array([[0.75, 0.25], [math.nan, math.nan]]))
    with pytest.raises(Unanswered, match="does not answer row 1, where 'age', 'sex' have no value"):
        parse(AGE, SEX).reply(gone)


def test_a_regression_answers_with_values() -> None:
    signature = Signature((Column("age", "number"),), "regression")
    document = answered(
        read(json.dumps({"inputs": [AGE]}).encode(), signature), Predictions(np.array([1.5, math.inf]), None)
    )
    assert document["outputs"] == [{"name": "value", "datatype": "FP64", "shape": [2], "data": [1.5, None]}]
    assert "id" not in document


def binary(reply: Reply) -> tuple[dict[str, Any], bytes]:
    length = int(dict(reply.headers)[b"inference-header-content-length"])
    assert reply.media_type == "application/octet-stream"
    return json.loads(reply.body[:length]), reply.body[length:]


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        ("FP64", "<f8"),
        ("FP32", "<f4"),
        ("FP16", "<f2"),
        *[(f"INT{bits}", f"<i{bits // 8}") for bits in (8, 16, 32, 64)],
        *[(f"UINT{bits}", f"<u{bits // 8}") for bits in (8, 16, 32, 64)],
        ("BOOL", "?"),
    ],
)
def test_numbers_come_as_bytes_of_any_datatype(datatype: str, dtype: str) -> None:
    data = np.array([1, 0], dtype).tobytes()
    question = with_tensors(({**BINARY_AGE, "datatype": datatype}, data), (BINARY_SEX, TWO_TEXTS))
    assert numbers(question) == [1.0, 0.0]
    assert question.columns["sex"].tolist() == ["日本", ""]


def test_bf16_is_the_upper_half_of_a_float32() -> None:
    data = np.array([1.5, -2.0], np.float32).view(np.uint16)[1::2].tobytes()
    question = with_tensors(({**BINARY_AGE, "datatype": "BF16"}, data), (BINARY_SEX, TWO_TEXTS))
    assert numbers(question) == [1.5, -2.0]


def test_json_and_bytes_may_be_mixed() -> None:
    document = json.dumps(
        {"inputs": [{**BINARY_SEX, "parameters": {"binary_data_size": len(TWO_TEXTS)}}, {**AGE, "data": [1, 2]}]}
    ).encode()
    question = read(document + TWO_TEXTS, header_length=len(document))
    assert numbers(question) == [1.0, 2.0]
    assert question.columns["sex"].tolist() == ["日本", ""]


def test_outputs_come_as_bytes_where_that_is_asked() -> None:
    document, raw = binary(parse(AGE, SEX, parameters={"binary_data_output": True}).reply(ANSWERS))
    sizes = [output["parameters"]["binary_data_size"] for output in document["outputs"]]
    assert raw[: sizes[0]] == texts_bytes(b"no", b"yes")
    assert np.frombuffer(raw[sizes[0] :], "<f8").tolist() == [0.75, 0.25, 0.0, 1.0]
    assert sum(sizes) == len(raw)
    wanted = [{"name": "label"}, {"name": "probability", "parameters": {"binary_data": True}}]
    document, raw = binary(parse(AGE, SEX, outputs=wanted).reply(ANSWERS))
    assert document["outputs"][0]["data"] == ["no", "yes"]
    assert "data" not in document["outputs"][1]
    assert len(raw) == 4 * 8


@pytest.mark.parametrize(
    ("age", "sex", "message"),
    [
        (b"\0" * 15, TWO_TEXTS, r"inputs\[0\]: expected 16 bytes for 2 values of FP64, got 15"),
        (b"\0" * 16, texts_bytes(b"a"), r"inputs\[1\]: expected 2 values of BYTES, got 1"),
        (b"\0" * 16, texts_bytes(b"a", b"b", b"c"), "expected 2 values of BYTES, got more"),
        (b"\0" * 16, texts_bytes(b"a", b"\xff"), r"inputs\[1\]\[1\]: expected text in UTF-8"),
        (b"\0" * 16, TWO_TEXTS[:-1], r"inputs\[1\]\[1\]: the element ends beyond the tensor"),
        (b"\0" * 16, TWO_TEXTS + b"\xff\xff\xff\xff", "the element ends beyond the tensor"),
    ],
)
def test_bytes_that_are_no_tensor_are_named(age: bytes, sex: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_tensors((BINARY_AGE, age), (BINARY_SEX, sex))


@pytest.mark.parametrize("size", [-1, 17, True, "16", 1e300])
def test_a_size_that_cannot_be_is_named(size: object) -> None:
    tensor = {**BINARY_AGE, "parameters": {"binary_data_size": size}}
    document = json.dumps({"inputs": [tensor]}).encode()
    with pytest.raises(InputError, match=r"inputs\[0\].parameters.binary_data_size: expected a number of bytes"):
        read(document + b"\0" * 16, header_length=len(document))


def test_bytes_that_belong_to_no_input_are_refused() -> None:
    document = json.dumps({"inputs": [AGE, SEX]}).encode()
    with pytest.raises(InputError, match="3 bytes behind the document belong to no input"):
        read(document + b"abc", header_length=len(document))
    with pytest.raises(InputError, match="Inference-Header-Content-Length is 999"):
        read(document, header_length=999)


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
        question = read(body)
    except InputError:
        return  # any other error fails this test
    assert set(question.columns) == {"age", "sex"}


@given(st.binary(max_size=60), st.lists(st.integers(-1, 40) | values, max_size=2), st.integers(0, 80))
def test_whatever_bytes_follow_are_columns_or_an_input_error(raw: bytes, sizes: list[Any], length: int) -> None:
    shaped = zip((BINARY_AGE, BINARY_SEX), sizes, strict=False)
    document = json.dumps({"inputs": [{**one, "parameters": {"binary_data_size": size}} for one, size in shaped]})
    for header_length in (len(document.encode()), length):
        try:
            question = read(document.encode() + raw, header_length=header_length)
        except InputError:
            continue
        assert question.rows == 2
