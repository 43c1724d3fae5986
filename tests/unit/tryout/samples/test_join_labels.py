"""Labels find the rows that they belong to, whatever the order; what two claim and tell differently has none."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from seatrial.tryout.samples.join_labels import JoinedRows, join_labels

Row = tuple[str, int, float]
Told = tuple[str | None, int | None, str | None]


def samples(*rows: Row, release: str = "r") -> pa.Table:
    return pa.table(
        {
            "time": pa.array(range(len(rows)), pa.timestamp("us", tz="UTC")),
            "release": [release] * len(rows),
            "request_id": [row[0] for row in rows],
            "row": pa.array([row[1] for row in rows], pa.int32()),
            "age": [row[2] for row in rows],
        }
    )


def labels(*rows: Told) -> pa.Table:
    ids, places, told = ([row[place] for row in rows] for place in range(3))
    return pa.table(
        {
            "request_id": pa.array(ids, pa.string()),
            "row": pa.array(places, pa.int64()),
            "y": pa.array(told, pa.string()),
        }
    )


def joined(rows: pa.Table, *tables: pa.Table) -> tuple[dict[tuple[str, int], str | None], JoinedRows]:
    result = join_labels(rows, tables, label="y")
    table = result.table.to_pylist()
    return {(row["request_id"], row["row"]): row["y"] for row in table}, result


def test_rows_and_labels_meet_by_id_and_place() -> None:
    by_place, result = joined(
        samples(("a", 0, 1.0), ("a", 1, 2.0), ("b", 0, 3.0)),
        labels(("b", 0, "no"), ("c", 0, "no")),
        labels(("a", 1, "yes")),
    )
    assert by_place == {("a", 0): None, ("a", 1): "yes", ("b", 0): "no"}
    assert (result.labelled, result.unknown_labels) == (2, 1)


def test_ids_that_look_like_others_with_their_rows_are_not_these() -> None:
    by_place, _ = joined(samples(("a", 11, 1.0), ("a1", 1, 2.0), ("a\x1f1", 1, 3.0)), labels(("a1", 1, "yes")))
    assert [place for place, told in by_place.items() if told] == [("a1", 1)]


def test_what_repeats_another_counts_once() -> None:
    rows = samples(("a", 0, 1.0), ("a", 0, 1.0), ("b", 0, 2.0))
    by_place, result = joined(rows, labels(("a", 0, "yes"), ("a", 0, "yes"), ("b", 0, "no")))
    assert (len(by_place), result.table.num_rows) == (2, 2)
    assert (result.repeated_rows, result.repeated_labels, result.labelled) == (1, 1, 2)


def test_rows_of_one_place_that_differ_have_no_label() -> None:
    result = join_labels(
        samples(("a", 0, 1.0), ("a", 0, 2.0), ("b", 0, 2.0)), [labels(("a", 0, "yes"), ("b", 0, "no"))], label="y"
    )
    assert result.table["y"].to_pylist() == [None, None, "no"]
    assert (result.contested_rows, result.labelled) == (2, 1)


def test_labels_of_one_place_that_differ_are_none() -> None:
    by_place, result = joined(
        samples(("a", 0, 1.0), ("b", 0, 2.0)), labels(("a", 0, "yes"), ("b", 0, "no")), labels(("a", 0, "no"))
    )
    assert by_place == {("a", 0): None, ("b", 0): "no"}
    assert (result.contested_labels, result.unknown_labels, result.labelled) == (1, 0, 1)


def test_labels_without_an_id_a_row_or_a_label_say_nothing() -> None:
    _, result = joined(
        samples(("a", 0, 1.0), ("b", 0, 1.0)),
        labels((None, 0, "yes"), ("a", None, "yes"), ("a", 0, None), ("a", 0, ""), ("b", 0, "yes")),
    )
    assert (result.unusable_labels, result.labelled) == (4, 1)


def test_columns_beside_the_label_come_with_it() -> None:
    told = labels(("a", 0, "yes")).append_column("sex", pa.array(["f"]))
    result = join_labels(samples(("a", 0, 1.0), ("b", 0, 1.0)), [told], label="y", beside=["sex"])
    assert result.table["sex"].to_pylist() == ["f", None]


places = st.tuples(st.sampled_from("ab"), st.integers(0, 2))


@given(
    st.lists(st.tuples(places, st.sampled_from([1.0, 2.0])), min_size=1, max_size=12),
    st.lists(st.tuples(places, st.sampled_from(["yes", "no"])), max_size=12),
    st.integers(0, 9),
)
def test_it_is_what_a_dictionary_says_in_any_order(rows: list[Any], told: list[Any], seed: int) -> None:
    shuffled = random.Random(seed).sample(told, len(told))
    _, result = joined(
        samples(*((*place, age) for place, age in rows)), labels(*((*place, label) for place, label in shuffled))
    )
    expected = {
        (place, age): next(iter(labels_there))
        if len(labels_there := {label for at, label in told if at == place}) == 1
        and len({other for at, other in rows if at == place}) == 1
        else None
        for place, age in rows
    }
    table = result.table.to_pylist()
    assert {((row["request_id"], row["row"]), row["age"]): row["y"] for row in table} == expected
    assert len(table) == len(expected)
