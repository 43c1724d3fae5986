"""The digest of test data that arrives in tables is the digest of all of it at once, and its format stays."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.verdicts.digest import DigestOfTestData
from seatrial.verdicts.digest import test_digest as digest_of

COLUMNS = ("number", "whole", "flag", "text", "label")
rows = st.lists(
    st.tuples(
        st.sampled_from([0.0, -0.0, 1.5, float("nan"), None]),
        st.sampled_from([1, -7, None]),
        st.sampled_from([True, False, None]),
        st.sampled_from(["", "a", "é", "zz", None]),
        st.sampled_from("yn"),
    ),
    max_size=12,
)
TYPES = (pa.float64(), pa.int32(), pa.bool_(), pa.string(), pa.string())


def _table(items: list[tuple[object, ...]]) -> pa.Table:
    arrays = [pa.array([item[place] for item in items], kind) for place, kind in enumerate(TYPES)]
    return pa.table(dict(zip(COLUMNS, arrays, strict=True)))


@pytest.mark.simulation
@settings(deadline=None)
@given(rows, st.lists(st.integers(0, 12), max_size=4), st.booleans())
def test_tables_one_after_the_other_have_the_digest_of_the_whole(
    items: list[tuple[object, ...]], cuts: list[int], encoded: bool
) -> None:
    whole = _table(items)
    inputs = COLUMNS[:-1]
    digest = DigestOfTestData(label="label", inputs=inputs)
    limits = [0, *sorted(min(cut, len(items)) for cut in cuts), len(items)]
    for start, end in pairwise(limits):
        part = whole.slice(start, end - start)
        if encoded:
            part = part.set_column(3, "text", part.column("text").dictionary_encode())
        digest.add(part)
    assert digest.hexdigest() == digest_of(whole, label="label", inputs=inputs)


def test_the_format_is_the_one_that_recorded_uses_were_counted_by() -> None:
    table = pa.table(
        {
            "age": pa.array([39, None, 17, 17], pa.int32()),
            "work": pa.array(["Private", None, "é", ""]),
            "paid": pa.array([True, False, None, True]),
            "rate": pa.array([0.1, -0.0, float("nan"), 2.5]),
            "income": ["<=50K", ">50K", "<=50K", "<=50K"],
        }
    )
    known = "ca976cbd860bb8b8c2d6ab9af51458a1d3cd89a35c122ab526eb296fe6f78bba"
    assert digest_of(table, label="income", inputs=["work", "age", "rate", "paid"]) == known
