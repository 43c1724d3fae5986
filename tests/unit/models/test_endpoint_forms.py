from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from seatrial.errors import InputError, SeatrialError, TargetError
from seatrial.models.endpoints import RequestLimits
from seatrial.models.endpoints.answers import Answers, Reading, recognise_answers
from seatrial.models.endpoints.columns import sent_columns, values
from seatrial.models.endpoints.exchange import _wished
from seatrial.models.endpoints.inference_protocol import Matrix, NamedTensors, form_of, parse_answer, parse_metadata
from seatrial.models.endpoints.scoring import FORMS, parse_scores
from seatrial.models.finished import ModelOptions
from seatrial.models.signature import Column

HERE = "http://here/v2/models/m"
ROWS = pa.table(
    {
        "age": pa.array([1.5, None]),
        "size": pa.array([3, 4]),
        "vip": pa.array([True, False]),
        "sex": pa.array(["F", None]),
        "y": pa.array(["no", "yes"]),
    }
)


def metadata(*inputs: tuple[str, str, list[int]], outputs: Sequence[dict[str, Any]] = ()) -> Any:
    document = {
        "inputs": [{"name": name, "datatype": datatype, "shape": shape} for name, datatype, shape in inputs],
        "outputs": list(outputs),
    }
    return parse_metadata(document, address=HERE)


def test_named_inputs_are_columns_of_their_datatype() -> None:
    found = metadata(("sex", "BYTES", [-1]), ("age", "FP32", [-1, 1]), ("size", "INT64", [-1]), ("vip", "BOOL", [-1]))
    form, said = form_of(found, ROWS.schema, label="y", inputs=None, address=HERE)
    assert isinstance(form, NamedTensors)
    assert said is None
    assert [column.kind for column in form.columns] == ["text", "number", "integer", "boolean"]
    assert form.document(ROWS, ["label"]) == {
        "inputs": [
            {"name": "sex", "shape": [2], "datatype": "BYTES", "data": ["F", ""]},
            {"name": "age", "shape": [2, 1], "datatype": "FP32", "data": [1.5, None]},
            {"name": "size", "shape": [2], "datatype": "INT64", "data": [3, 4]},
            {"name": "vip", "shape": [2], "datatype": "BOOL", "data": [True, False]},
        ],
        "outputs": [{"name": "label"}],
    }


@pytest.mark.parametrize("inputs", [[("x", "FP32", [-1, 2])], [("x", "FP32", [-1, -1])], []])
def test_one_matrix_takes_the_columns_in_their_order(inputs: list[tuple[str, str, list[int]]]) -> None:
    schema = ROWS.select(["size", "age", "y"]).schema
    form, said = form_of(metadata(*inputs), schema, label="y", inputs=None, address=HERE)
    assert isinstance(form, Matrix)
    assert said == "inputs: one matrix of size, age, in this order"
    [tensor] = form.document(ROWS, [])["inputs"]
    assert (tensor["shape"], tensor["data"]) == ([2, 2], [3.0 if inputs else 3, 1.5, 4, None])


def test_columns_that_are_wanted_need_no_sentence() -> None:
    form, said = form_of(metadata(("x", "FP64", [-1, 2])), ROWS.schema, label="y", inputs=["age", "size"], address=HERE)
    assert [column.name for column in form.columns] == ["age", "size"]
    assert said is None


@pytest.mark.parametrize(
    ("inputs", "named", "message"),
    [
        ([("agee", "FP64", [-1]), ("sex", "BYTES", [-1])], None, "takes 'agee', .* such a column. Rename .* 'age'"),
        ([("sex", "FP64", [-1])], None, r"takes a number \(FP64\) for 'sex', and the rows hold string"),
        ([("age", "BYTES", [-1]), ("sex", "BYTES", [-1])], None, 'takes texts for "age"'),
        ([("x", "FP32", [-1, 3])], None, "matrix of FP32, and column 'sex' holds texts"),
        ([("x", "FP32", [-1, 3])], ["age"], "matrix of 3 columns, and 1 are named"),
        ([("x", "FP32", [-1, 3])], ["age", "none"], "takes 'none'"),
    ],
)
def test_columns_that_do_not_fit_are_named(
    inputs: list[tuple[str, str, list[int]]], named: list[str] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        form_of(metadata(*inputs), ROWS.schema, label="y", inputs=named, address=HERE)


@pytest.mark.parametrize("document", [[], {"inputs": [{"name": "x"}]}, {"inputs": 3}, "ready"])
def test_what_is_no_metadata_is_said(document: Any) -> None:
    with pytest.raises(TargetError, match="must answer with the metadata of a model"):
        parse_metadata(document, address=HERE)


def test_classes_are_read_from_the_parameter_of_an_output() -> None:
    output = {"name": "p", "datatype": "FP64", "shape": [-1, 2], "parameters": {"classes": '["a", "ü"]'}}
    assert metadata(outputs=[output]).classes == ("a", "ü")


@pytest.mark.parametrize(
    ("data", "shape"),
    [([0.25, 0.75, 0.5, 0.5], [2, 2]), ([[0.25, 0.75], [0.5, 0.5]], [2, 2]), ([[0.25, 0.75], [0.5, 0.5]], None)],
)
def test_tensors_are_flat_or_nested(data: list[Any], shape: list[int] | None) -> None:
    item = {"name": "p", "data": data, **({} if shape is None else {"shape": shape})}
    found = parse_answer({"outputs": [item]}, 2, address=HERE)
    assert found["p"].tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_a_tensor_for_half_the_rows_with_twice_the_values_is_refused() -> None:
    with pytest.raises(TargetError, match="answers for 1 rows in 'p', and was asked for 2"):
        parse_answer({"outputs": [{"name": "p", "shape": [1, 2], "data": [0.5, 0.5]}]}, 2, address=HERE)


def test_a_tensor_of_several_types_is_refused() -> None:
    with pytest.raises(TargetError, match="'p' is not of one type"):
        parse_answer({"outputs": [{"name": "p", "shape": [2], "data": [0.5, "a"]}]}, 2, address=HERE)


def test_scores_are_asked_for_in_each_documented_form() -> None:
    columns = sent_columns(ROWS.schema, label="y", inputs=["age", "sex"], address=HERE)
    data, records = [[1.5, "F"], [None, ""]], [{"age": 1.5, "sex": "F"}, {"age": None, "sex": ""}]
    split = {"columns": ["age", "sex"], "index": [0, 1], "data": data}
    assert [render(ROWS, columns) for _, render in FORMS] == [
        {"input_data": split},
        {"dataframe_split": split},
        {"Inputs": {"data": records}, "GlobalParameters": {"method": "predict"}},
        {"input_data": data},
        {"data": data},
    ]


@pytest.mark.parametrize(
    "document",
    [
        ["a", "b"],
        {"predictions": ["a", "b"]},
        {"Results": ["a", "b"]},
        '{"result": ["a", "b"]}',
        '"[\\"a\\", \\"b\\"]"',
    ],
)
def test_scores_are_found_in_each_documented_wrapping(document: Any) -> None:
    assert parse_scores(document, 2, address=HERE)["answer"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (["a"], "answers for 1 rows, and was asked for 2"),
        ({"error": "no"}, "must answer with a list"),
        ([[0.5, 0.5], [1.0]], "differ in their length"),
        ([{"a": 1}, {"b": 1}], "differ in their keys"),
        ("no JSON", "must answer with a list"),
        (None, "must answer with a list"),
    ],
)
def test_scores_that_are_none_are_said(document: Any, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        parse_scores(document, 2, address=HERE)


def reading(answers: Answers, labels: Sequence[str] | None = ("no", "yes"), **options: Any) -> Reading:
    declared = options.pop("declared", None)
    return recognise_answers(answers, declared=declared, labels=labels, options=ModelOptions(**options), address=HERE)


def array(*values: Any) -> np.ndarray[Any, Any]:
    return np.array(values, object if any(isinstance(value, str) for value in values) else np.float64)


def test_texts_are_labels() -> None:
    found = reading({"x": array("no", "yes", "no")})
    assert (found.task, found.classes, found.label, found.probability) == ("binary", ("no", "yes"), "x", None)
    assert found.notes == ("classes: no, yes, for the service names none; it gives no probabilities",)


def test_numbers_that_are_the_labels_are_labels() -> None:
    found = reading({"predict": array(2, 1, 3)}, labels=("1", "2", "3"))
    assert found.read({"predict": array(3, 1)}, address=HERE).labels.tolist() == ["3", "1"]


def test_codes_stand_for_the_labels_in_their_order_and_that_is_said() -> None:
    found = reading({"predict": array(1, 0)})
    assert found.read({"predict": array(0, 1)}, address=HERE).labels.tolist() == ["no", "yes"]
    assert "labels: 0 to 1 stand for no, yes" in found.notes


def test_rows_that_sum_to_one_are_probabilities_of_the_labels_in_their_order() -> None:
    found = reading({"predict": array("no", "yes"), "predict_proba": array([0.8, 0.2], [0.1, 0.9])})
    assert (found.label, found.probability, found.threshold) == ("predict", "predict_proba", None)
    assert any("the label's values in their order" in note for note in found.notes)


def test_a_threshold_that_is_asked_for_overrules_the_services_labels() -> None:
    answers = {"label": array("no", "yes"), "probability": array([0.6, 0.4], [0.1, 0.9])}
    found = reading(answers, threshold=0.3, positive="yes")
    assert found.read(answers, address=HERE).labels.tolist() == ["yes", "yes"]
    assert any("threshold 0.3" in note for note in found.notes)


def test_one_fraction_a_row_is_the_probability_of_the_positive_class() -> None:
    answers = {"answer": array(0.2, 0.9)}
    found = reading(answers, positive="no").read(answers, address=HERE)
    assert found.labels.tolist() == ["yes", "no"]
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, [[0.2, 0.8], [0.9, 0.1]])


def test_keys_that_are_the_classes_hold_their_probabilities() -> None:
    answers = {"yes": array(0.2, 0.9), "no": array(0.8, 0.1)}
    found = reading(answers).read(answers, address=HERE)
    assert found.labels.tolist() == ["no", "yes"]


def test_values_are_a_regression_where_the_label_has_no_classes() -> None:
    answers = {"value": array(3.5, 4), "lower": array(3, 3), "upper": array(5, 5)}
    found = reading(answers, labels=None)
    assert (found.task, found.interval) == ("regression", ("lower", "upper"))
    assert found.read(answers, address=HERE).interval is not None


def test_fractions_beyond_one_are_values_whatever_the_label_looks_like() -> None:
    found = reading({"answer": array(3.7, 8.1)}, labels=("3", "8"))
    assert (found.task, found.notes) == ("regression", ("task: regression, for it answers with fractions",))


def test_labels_and_probabilities_in_contradiction_mean_another_order() -> None:
    answers = {"label": array("no", "yes"), "probability": array([0.2, 0.8], [0.9, 0.1])}
    with pytest.raises(InputError, match="contradict its probabilities, if these are of no, yes in this order"):
        reading(answers)
    assert reading(answers, classes=("yes", "no")).classes == ("yes", "no")


@pytest.mark.parametrize(
    ("answers", "options", "message"),
    [
        ({}, {}, "neither labels nor probabilities nor values: nothing"),
        ({"a": array([3.0, 9.0], [1.0, 2.0])}, {}, "neither labels nor probabilities"),
        ({"a": array(0.5, 0.2), "b": array(0.1, 0.3)}, {}, "neither labels nor probabilities"),
        ({"a": array(7, 8)}, {}, "answers 8, which is none of the classes no, yes"),
        ({"p": array([0.2, 0.3, 0.5])}, {}, "3 classes"),
        ({"a": array("no", "yes")}, {"positive": "maybe"}, "positive 'maybe' is none of the classes"),
        ({"a": array("no", "no")}, {"labels": ("no",)}, "one class only"),
        ({"a": array("x", "y")}, {"task": "regression"}, "neither labels nor probabilities nor values"),
    ],
)
def test_answers_without_a_meaning_are_said(answers: Answers, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SeatrialError, match=message):
        reading(answers, **options)


def test_a_missing_number_is_null_whatever_its_column() -> None:
    rows = pa.table({"size": pa.array([3, None])})
    assert values(rows, Column("size", "integer")) == [3.0, None]


def test_a_wish_to_wait_is_read_in_both_forms() -> None:
    assert _wished(httpx.Headers({"Retry-After": "7"})) == 7
    found = _wished(
        httpx.Headers({"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)})
    )
    assert found is not None
    assert 500 <= found <= 600


@pytest.mark.parametrize("text", ["", "soon", "-3", "Tue, 99 Nov 2026"])
def test_a_wish_that_says_nothing_is_none(text: str) -> None:
    assert _wished(httpx.Headers({"Retry-After": text})) is None


def test_a_date_that_has_passed_is_no_wait() -> None:
    assert _wished(httpx.Headers({"Retry-After": "Tue, 01 Jan 2019 00:00:00 GMT"})) == 0


@pytest.mark.parametrize("name", ["rows_per_request", "at_once", "requests_per_s", "timeout_s", "total_s"])
def test_politeness_is_positive(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is 0"):
        RequestLimits(**{name: 0})
