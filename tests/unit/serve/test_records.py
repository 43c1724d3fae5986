from __future__ import annotations

import csv
import io
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
from seatrial.serve.formats.records import parse_csv, parse_records, parse_score
from seatrial.serve.formats.request_columns import Question

SIGNATURE = Signature(
    (Column("age", "number"), Column("sex", "text"), Column("member", "boolean")),
    "binary",
    ("no", "yes"),
    positive="yes",
    threshold=0.5,
)
ROWS: list[dict[str, Any]] = [
    {"age": 1.5, "sex": "日本", "member": True, "more": [1]},
    {"age": None, "sex": None, "member": 0},
]
GONE = Predictions(np.array(["no", "yes"], object), np.array([[0.75, 0.25], [math.nan, math.nan]]))


def columns(question: Question) -> dict[str, list[Any]]:
    return {name: [None if value != value else value for value in values] for name, values in question.columns.items()}


EXPECTED = {"age": [1.5, None], "sex": ["日本", ""], "member": [1.0, 0.0]}


def test_objects_become_columns() -> None:
    question = parse_records(json.dumps(ROWS).encode(), SIGNATURE)
    assert (question.rows, columns(question)) == (2, EXPECTED)


SPLIT = {
    "columns": ["age", "sex", "member"],
    "index": [7, 8],
    "data": [[1.5, "日本", True], [None, None, False]],
}


@pytest.mark.parametrize(
    "document",
    [ROWS, {"data": ROWS}, {"input_data": ROWS}, {"input_data": SPLIT, "params": {}}, {"inputs": ROWS}],
    ids=["array", "data", "input_data", "split", "inputs"],
)
def test_azures_clients_send_rows_in_several_ways(document: object) -> None:
    assert columns(parse_score(json.dumps(document).encode(), SIGNATURE)) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        "age,sex,member\n1.5,日本,true\n,,False\n",
        "\ufeffmore,age,sex,member\r\n1,1.5,日本,1\r\n2,,,0",
        'age,"sex",member\n 1.5 ,"日本",TRUE\n\n,"",false\n',
    ],
    ids=["plain", "mark and order", "quotes and blanks"],
)
def test_csv_becomes_columns(text: str) -> None:
    assert columns(parse_csv(text.encode(), SIGNATURE)) == EXPECTED


@pytest.mark.parametrize("blank", ["", '""'])
def test_a_blank_line_of_one_column_is_a_missing_value_unless_it_is_the_last(blank: str) -> None:
    one = Signature(SIGNATURE.inputs[:1], "regression")
    question = parse_csv(f"age\n1\n{blank}\n2\n\n".encode(), one)
    assert question.rows == 3
    assert np.array_equal(question.columns["age"], [1.0, math.nan, 2.0], equal_nan=True)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "expected an array of rows, got an object"),
        ([7], r"\[0\]: expected an object, got 7 \(a number\)"),
        ([ROWS[0], {"age": 1, "sex": "a"}], r"\[1\]: the row does not have 'member'"),
        ([{**ROWS[0], "age": "1"}], r"\[0\].age: expected a number .*, got '1' \(a text\)"),
        ([{**ROWS[0], "sex": 1}], r"\[0\].sex: expected a text .*, got 1 \(a number\)"),
        ([{**ROWS[0], "sex": 10**4200}], r"\[0\].sex: expected a text .*, got a number"),
        ([{**ROWS[0], "age": 10**400}], r"\[0\].age: the number is too large"),
    ],
)
def test_rows_that_are_wrong_are_named(document: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_records(json.dumps(document).encode(), SIGNATURE)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "expected an array of rows, or an object"),
        ({"data": 7}, "data: expected an array of rows"),
        ({"data": [{}]}, r"data\[0\]: the row does not have 'age'"),
        ({"input_data": {"columns": ["age"]}}, 'input_data: expected "columns"'),
        ({"input_data": {"columns": ["age"], "data": [[1, 2]]}}, r"input_data.data\[0\]: expected a row of 1 values"),
        ({"input_data": {"columns": ["age"], "data": [[1]]}}, r"input_data.data\[0\]: the row does not have 'sex'"),
    ],
)
def test_documents_that_are_wrong_are_named(document: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_score(json.dumps(document).encode(), SIGNATURE)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body has no line of names"),
        (b"\xff", "the body is not UTF-8"),
        (b"age,sex\n1,a\n", "the column 'member' is missing"),
        (b"age,age,sex,member\n1,1,a,1\n", "the column 'age' is there twice"),
        (b"age,sex,member\n1,a\n", r"row 0 \(the first is 0\): the row has 2 fields, the line of names 3"),
        (b"age,sex,member\n1_0,a,1\n", r"row 0 \(the first is 0\), 'age': expected a number, got '1_0'"),
        (b"age,sex,member\n1,a,maybe\n", "'member': expected a boolean, got 'maybe'"),
        (b'age,sex,member\n"1', "the body is not CSV"),
        (b"age,sex,member\n" + b"9" * 200_000 + b",a,1\n", "the body is not CSV: field larger"),
    ],
)
def test_csv_that_is_wrong_is_named(body: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_csv(body, SIGNATURE)


def test_a_row_without_an_answer_is_null_and_counted() -> None:
    reply = parse_records(json.dumps(ROWS).encode(), SIGNATURE).reply(GONE)
    assert json.loads(reply.body) == [
        {"predicted": "no", "probability=no": 0.75, "probability=yes": 0.25},
        {"predicted": None, "probability=no": None, "probability=yes": None},
    ]
    assert dict(reply.headers) == {b"seatrial-unanswered-rows": b"1"}


def test_csv_is_answered_in_csv() -> None:
    reply = parse_csv(b"age,sex,member\n1,a,1\n2,b,0\n", SIGNATURE).reply(GONE)
    assert reply.media_type == "text/csv"
    lines = list(csv.reader(io.StringIO(reply.body.decode())))
    assert lines == [["predicted", "probability=no", "probability=yes"], ["no", "0.75", "0.25"], ["", "", ""]]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["age", "sex", "member", "data", "columns"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
def test_whatever_json_comes_is_rows_or_an_input_error(value: object) -> None:
    body = json.dumps(value).encode()
    for parse in (parse_records, parse_score):
        try:
            question = parse(body, SIGNATURE)
        except InputError:
            continue
        assert {len(column) for column in question.columns.values()} == {question.rows}


@given(st.text(max_size=60) | st.text(st.sampled_from('a,"\n\r\0;1.'), max_size=30), st.booleans())
def test_whatever_text_comes_is_rows_or_an_input_error(text: str, named: bool) -> None:
    body = (("age,sex,member\n" if named else "") + text).encode(errors="surrogatepass")
    try:
        question = parse_csv(body, SIGNATURE)
    except InputError:
        return
    assert {len(column) for column in question.columns.values()} == {question.rows}
