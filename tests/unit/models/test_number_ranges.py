"""The ranges of numbers that go into a model's provenance."""

from __future__ import annotations

import math
from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from seatrial.models.columns import number_ranges
from seatrial.models.provenance import Provenance
from seatrial.stores.documents import from_json, to_json


def test_missing_and_infinite_values_texts_and_truths_have_no_range() -> None:
    first = pa.table({"a": [math.inf, 1.5, math.nan], "b": [None, None, None], "c": ["x", "y", "z"]})
    second = pa.table({"a": [-3, None], "d": [True, False], "e": [Decimal("1.25"), Decimal("2.5")]})
    assert number_ranges([first, second]) == {"a": (-3.0, 1.5), "e": (1.25, 2.5)}


@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.0]), min_size=1))
def test_the_order_of_rows_and_tables_changes_no_byte(values: list[float]) -> None:
    whole = number_ranges([pa.table({"a": values})])
    assert to_json(number_ranges([pa.table({"a": [value]}) for value in reversed(values)])) == to_json(whole)


def test_a_provenance_without_ranges_is_the_file_that_it_was() -> None:
    plain = Provenance("c" * 64, None, {}, (), None)
    assert b"ranges" not in to_json(plain)
    ranged = Provenance("c" * 64, None, {}, (), None, ranges={"age": (17.0, 90.0)})
    assert from_json(Provenance, to_json(ranged), path="") == ranged
