"""The label column tells the task where it can, the classes, and which of two things are named after."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from seatrial.errors import InputError
from seatrial.rows import rows_of
from seatrial.trial.label_column import MOST_CLASSES, has_label, likely_positive, read_labels


def labels_of(values: pa.Array[Any]) -> Any:
    return read_labels(rows_of(pa.table({"y": values, "x": pa.nulls(len(values))})), "y")


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (pa.array(["no", "yes", "no"]), "binary", ("no", "yes")),
        (pa.array(["a", "c", "b"]), "multiclass", ("a", "b", "c")),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "binary", ("a", "b")),
        (pa.array([True, False]), "binary", ("false", "true")),
        (pa.array([0, 1, 1]), "binary", ("0", "1")),
        (pa.array([0.0, 1.0]), "binary", ("0", "1")),
        (pa.array([0.0, -0.0, 1.0]), "binary", ("0", "1")),
        (pa.array([0.0, 1.0], pa.float16()), "binary", ("0", "1")),
        (pa.array([2**64, 2**64 + 1], pa.decimal128(38, 0)), "binary", (str(2**64), str(2**64 + 1))),
        (pa.array([10, 2, 9]), None, ("2", "9", "10")),
        (pa.array([0.5, 1.0]), "regression", None),
        (pa.array(range(MOST_CLASSES + 1)), "regression", None),
        (pa.array(["only", "only"]), "binary", ("only",)),
    ],
)
def test_values_tell_the_task_and_the_classes(values: pa.Array[Any], task: str | None, classes: Any) -> None:
    found = labels_of(values)
    assert (found.task, found.classes) == (task, classes)


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", None, "", "b"]),
        pa.array([1.0, float("nan"), None, 0.5]),
        pa.array(["a", None, "", "b"]).dictionary_encode(),
    ],
    ids=["text", "number", "dictionary"],
)
def test_rows_without_a_label_are_counted_and_are_no_class(values: pa.Array[Any]) -> None:
    found = labels_of(values)
    assert (found.rows, found.missing) == (4, 2)
    assert "" not in (found.classes or ())
    assert has_label(pa.chunked_array([values])).tolist() == [True, False, False, True]


def test_a_column_of_dates_is_no_label() -> None:
    with pytest.raises(InputError, match="neither a class nor a number"):
        labels_of(pa.array([0, 1], pa.timestamp("s")))


@pytest.mark.parametrize(
    ("classes", "positive"),
    [
        (("<=50K", ">50K"), ">50K"),
        (("No", "Yes"), "Yes"),
        (("1", "0"), "1"),
        (("false", "true"), "true"),
        (("fraud", "genuine"), "fraud"),
        (("bad", "good"), "good"),  # nothing tells: the later one
        (("ja", "nein"), "ja"),
        (("a", "b", "c"), None),
        (("a",), None),
    ],
)
def test_of_two_classes_the_likely_positive_one(classes: tuple[str, ...], positive: str | None) -> None:
    assert likely_positive(classes) == positive
