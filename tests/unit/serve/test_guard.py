"""What the server tells of values that the model was not trained on, and that no answer changes by it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.models.codec import Codec
from seatrial.models.predictor import ArrayPredictor
from seatrial.models.signature import Column, Signature
from seatrial.serve.application import Application
from seatrial.serve.guard import VALUES, Guard, guard_of
from seatrial.serve.model_server import create_app
from tests.unit.serve.conftest import Echo
from tests.unit.serve.test_application import INFER, REQUEST
from tests.unit.serve.test_model_server import CSV_ROWS, ROWS, send

GUARD = Guard(("p", "größe"), {"p": (0.1, 0.9)}, {"größe": frozenset({"日本", ""})}, ())
HEADER_LIMIT = 8192  # what clients take of all headers together


def columns(**values: Any) -> dict[str, NDArray[Any]]:
    return {
        name: np.array(value, object if any(isinstance(item, str) for item in value) else float)
        for name, value in values.items()
    }


def report(guard: Guard, **values: Any) -> Mapping[str, Any]:
    document: dict[str, Any] = json.loads(guard.report(columns(**values)))
    return document


def test_values_are_named_by_row_column_and_what_was_known() -> None:
    told = report(GUARD, p=[0.5, 1.5, 0.1], größe=["日本", "", "x"])
    assert told == {
        "total": 2,
        "columns": {"p": 1, "größe": 1},
        "values": [
            {"row": 1, "column": "p", "value": 1.5, "range": [0.1, 0.9]},
            {"row": 2, "column": "größe", "value": "x", "unknown": True},
        ],
        "unchecked": [],
        "complete": True,
    }


def test_the_ends_of_a_range_are_within_it_as_float32_too_and_a_missing_number_is_not_out_of_it() -> None:
    told = report(GUARD, p=[0.1, 0.9, float(np.float32(0.9)), float(np.float32(0.1)), math.nan], größe=[""] * 5)
    assert told["total"] == 0
    guard = Guard(("p",), {"p": (-0.9, -0.1)}, {}, ())
    assert report(guard, p=[-0.9, float(np.float32(-0.1)), float(np.float32(-0.9))])["total"] == 0
    assert report(guard, p=[-0.90001, -0.09999])["total"] == 2


def test_an_infinity_has_a_word() -> None:
    told = report(GUARD, p=[math.inf, -math.inf], größe=["", ""])
    assert [value["value"] for value in told["values"]] == ["inf", "-inf"]


def test_many_values_are_counted_by_column_and_the_first_rows_named() -> None:
    told = report(GUARD, p=[2.0] * 1000, größe=[*["日本"] * 990, *["x"] * 10])
    assert (told["total"], told["columns"], told["complete"]) == (1010, {"p": 1000, "größe": 10}, False)
    assert [value["row"] for value in told["values"]] == list(range(VALUES))


def test_a_report_fits_into_a_header_whatever_columns_and_texts_are_like() -> None:
    names = [f"{place}\x7f\r\n" + "日" * 200 for place in range(300)]
    guard = Guard(tuple(names), {}, {name: frozenset({"a"}) for name in names}, tuple(names))
    text = guard.report({name: np.array(["\x7f\r\n\x00" + "日" * 10**5] * 30, object) for name in names})
    assert len(text) < HEADER_LIMIT * 0.7
    assert text.isascii()
    assert text.isprintable()
    told = json.loads(text)
    assert (told["total"], told["complete"]) == (9000, False)


def test_what_is_recorded_makes_the_guard() -> None:
    signature = Signature(
        (
            Column("n", "number"),
            Column("i", "integer"),
            Column("b", "boolean"),
            Column("t", "text"),
            Column("u", "text"),
        ),
        "regression",
    )
    guard = guard_of(signature, None, {"n": (0.0, 1.0), "other": (0.0, 1.0)}, lambda: {"t": ("x",)})
    assert (guard.ranges, guard.texts, guard.unchecked) == ({"n": (0.0, 1.0)}, {"t": frozenset("x")}, ("i", "u"))
    assert guard_of(signature, None, None, dict).unchecked == ("n", "i", "t", "u")


def test_a_codec_says_which_texts_were_known() -> None:
    codec = Codec.from_statistics(numbers={"p": (0.5, 0.25)}, vocabularies={"größe": ["b"]})
    guard = guard_of(Echo.signature, codec, {"p": (0.0, 1.0)}, lambda: pytest.fail("the graph was read"))
    assert (guard.texts, guard.unchecked) == ({"größe": frozenset("b")}, ())


@pytest.fixture
def app(echo: ArrayPredictor) -> Application:
    return create_app(echo, "census", "2", guard=GUARD)


@pytest.fixture
def plain(echo: ArrayPredictor) -> Application:
    return create_app(echo, "census", "2")


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/predict", json.dumps(ROWS).encode(), "application/json"),
        ("/predict", CSV_ROWS.encode(), "text/csv"),
        ("/score", json.dumps({"data": ROWS}).encode(), "application/json"),
        (INFER, json.dumps(REQUEST).encode(), "application/json"),
    ],
)
def test_bodies_are_equal_to_the_byte_whether_it_is_asked_or_not(
    app: Application, plain: Application, path: str, body: bytes, content_type: str
) -> None:
    without = send(plain, "POST", path, body, content_type=content_type)
    unasked = send(app, "POST", path, body, content_type=content_type)
    asked = send(app, "POST", path, body, content_type=content_type, seatrial_guard="true")
    assert without.content == unasked.content == asked.content
    assert without.headers == unasked.headers
    assert json.loads(asked.headers["seatrial-guard"])["total"] > 0


def test_the_parameter_of_the_protocol_is_answered_by_one(app: Application) -> None:
    asked = send(app, "POST", INFER, json.dumps({**REQUEST, "parameters": {"guard": True}}).encode()).json()
    unasked = send(app, "POST", INFER, json.dumps({**REQUEST, "parameters": {"guard": False}}).encode()).json()
    assert json.loads(asked.pop("parameters")["guard"])["columns"]
    assert asked == unasked


@pytest.mark.parametrize("value", ["yes", 1, {}])
def test_what_is_neither_true_nor_false_is_refused(app: Application, value: object) -> None:
    answer = send(app, "POST", INFER, json.dumps({**REQUEST, "parameters": {"guard": value}}).encode())
    assert (answer.status_code, "parameters.guard" in answer.text) == (400, True)
    assert send(app, "POST", "/predict", b"[]", seatrial_guard="maybe").status_code == 400


def test_who_asks_a_server_that_does_not_report_is_told_so(plain: Application) -> None:
    answer = send(plain, "POST", INFER, json.dumps({**REQUEST, "parameters": {"guard": True}}).encode())
    assert (answer.status_code, "without --guard" in answer.text) == (400, True)
    assert "without --guard" in send(plain, "POST", "/predict", b"[]", seatrial_guard="true").text


def test_the_documents_name_it_where_it_is_there(app: Application, plain: Application) -> None:
    assert "seatrial_guard" in send(app, "GET", "/v2").json()["extensions"]
    assert "seatrial_guard" not in send(plain, "GET", "/v2").json()["extensions"]
    for path in (INFER, "/predict", "/score"):
        (parameter,) = send(app, "GET", "/openapi.json").json()["paths"][path]["post"]["parameters"]
        assert parameter["name"] == "Seatrial-Guard"
    assert "Seatrial-Guard" not in send(plain, "GET", "/openapi.json").text
