"""Which class a label means, however it is written; and what is refused as a label or weight."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.assessors.answers.labels import actual_classes, actual_values, class_code, class_codes, weights_of
from seatrial.errors import InputError


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (pa.array(["no", "yes"]), ("no", "yes"), [0, 1]),
        (pa.array([0, 1]), ("0", "1"), [0, 1]),
        (pa.array([0.0, 1.0]), ("0", "1"), [0, 1]),
        (pa.array(["0", "1"]), ("0.0", "1.0"), [0, 1]),
        (pa.array([-0.0, 0.0, 1.0]), ("0", "1"), [0, 0, 1]),
        (pa.array([0.0, 1.0], pa.float16()), ("0", "1"), [0, 1]),
        (pa.array([False, True]), ("0", "1"), [0, 1]),
        (pa.array([False, True]), ("False", "True"), [0, 1]),
        (pa.array(["TRUE", "false"]), ("False", "True"), [1, 0]),
        (pa.array([1, 0]), ("False", "True"), [1, 0]),
        (pa.array([2, 10, 1]), ("1", "2", "10"), [1, 2, 0]),
        (pa.array(["b", "a"]).dictionary_encode(), ("a", "b"), [1, 0]),
        (pa.array(["1", "1.0"]), ("1", "1.0"), [0, 1]),
    ],
)
def test_a_label_is_the_class_that_it_means(
    labels: pa.Array[Any], classes: tuple[str, ...], expected: list[int]
) -> None:
    codes, strange = class_codes(labels, classes)
    assert (codes.tolist(), strange) == (expected, [])


def test_a_value_that_could_mean_two_classes_is_strange() -> None:
    codes, strange = class_codes(pa.array(["1.00"]), ("1", "1.0"))
    assert (codes.tolist(), strange) == ([-1], ["1.00"])


def test_one_strange_value_is_named_and_others_are_not_guessed() -> None:
    codes, strange = class_codes(pa.array(["1.0", "maybe"]), ("0", "1"))
    assert strange == ["1.0", "maybe"]
    assert codes.tolist() == [-1, -1]


def test_null_is_no_class() -> None:
    codes, strange = class_codes(pa.array(["a", None]), ("a", "b"))
    assert (codes.tolist(), strange) == ([0, -1], [])


@given(st.lists(st.text(max_size=3), min_size=1, max_size=8, unique=True), st.data())
def test_what_is_written_like_a_class_is_that_class(classes: list[str], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.integers(0, len(classes) - 1), max_size=20))
    chunks = pa.chunked_array([pa.array([classes[code] for code in drawn[part::2]], pa.string()) for part in (0, 1)])
    codes, strange = class_codes(chunks, classes)
    assert (codes.tolist(), strange) == ([*drawn[0::2], *drawn[1::2]], [])


def test_a_class_is_found_by_what_a_person_writes() -> None:
    assert class_code("true", ("0", "1")) == 1
    assert class_code("yes", ("0", "1")) is None


def table(**columns: list[Any]) -> pa.Table:
    return pa.table(columns)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", None, "b"], "1 of 3 rows lack a label"),
        (["a", "x", "y"], 'none of the model\'s classes: "x", "y"'),
        ([["a"], ["b"], []], "The labels are list<"),
    ],
)
def test_labels_that_are_no_class_are_refused(values: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        actual_classes(table(y=values), "y", ("a", "b"), path="test.y")
    assert caught.value.path == "test.y"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "2"], "The labels are string, and a regression needs numbers"),
        ([1.0, None], "1 of 2 rows lack a label"),
        ([1.0, float("nan"), float("inf")], "2 of 3 labels are not numbers, first nan at row 1"),
    ],
)
def test_labels_that_are_no_numbers_are_refused(values: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        actual_values(table(y=values), "y", path="test.y")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1.0, None], "first None at row 1"),
        ([0, 1], "first 0 at row 0"),
        ([1.0, 2.0, -3.0], "first -3.0 at row 2"),
        ([float("nan"), 1.0], "first nan at row 0"),
        ([1.0, float("inf")], "first inf at row 1"),
    ],
)
def test_weights_that_are_not_positive_numbers_are_named_with_their_row(values: list[object], told: str) -> None:
    with pytest.raises(InputError, match="weights are not positive numbers") as caught:
        weights_of(table(w=values), "w", path="test.w")
    assert told in str(caught.value)


def test_weights_of_text_are_refused() -> None:
    with pytest.raises(InputError, match='weights in "w" are string'):
        weights_of(table(w=["1"]), "w", path="test.w")
