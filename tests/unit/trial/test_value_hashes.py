from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.trial.data_checks import value_hashes
from seatrial.trial.data_checks.hash_sample import HashSample
from seatrial.trial.data_checks.value_hashes import combine_hashes, hash_column, mix_bits

texts = st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=60)


@settings(deadline=None)  # imports and a busy machine are no fault
@given(texts)
def test_equal_texts_have_equal_hashes_and_different_ones_different(values: list[str | None]) -> None:
    found = hash_column(pa.chunked_array([pa.array(values, pa.string())])).hashes.tolist()
    meaning = ["" if value is None else value for value in values]
    assert len(set(found)) == len(set(meaning))
    assert len(set(zip(found, meaning, strict=True))) == len(set(meaning))


@settings(deadline=None)  # imports and a busy machine are no fault
@given(st.lists(st.floats() | st.none(), min_size=1), st.integers(0, 20))
def test_a_number_has_one_hash_wherever_its_table_is_cut(values: list[float | None], cut: int) -> None:
    whole = pa.array(values, pa.float64())
    parts = pa.chunked_array([whole[:cut], whole[cut:]])
    assert np.array_equal(hash_column(parts).hashes, hash_column(pa.chunked_array([whole])).hashes)


def test_a_number_has_one_hash_in_every_type() -> None:
    one = [
        hash_column(pa.chunked_array([pa.array([1, None], kind)])).hashes
        for kind in (pa.int8(), pa.int64(), pa.float32())
    ]
    assert all(np.array_equal(one[0], other) for other in one)
    assert (
        hash_column(pa.chunked_array([[-0.0, 0.0]])).hashes.tolist()[0]
        == hash_column(pa.chunked_array([[0.0]])).hashes[0]
    )


def test_a_text_in_a_dictionary_has_the_hash_it_has_outside() -> None:
    plain = pa.chunked_array([["a", "b", "a", None]])
    assert np.array_equal(hash_column(plain).hashes, hash_column(plain.dictionary_encode()).hashes)


def test_texts_longer_than_a_piece_are_told_apart() -> None:
    long = "x" * (value_hashes._PIECE_BYTES + 1)
    found = hash_column(pa.chunked_array([["a", long, long + "y", "a", long, "b"]])).hashes.tolist()
    assert found[0] == found[3]
    assert found[1] == found[4]
    assert len(set(found)) == 4


def test_a_row_is_told_from_one_with_its_values_exchanged() -> None:
    one, other = hash_column(pa.chunked_array([[1, 2]])).hashes, hash_column(pa.chunked_array([[2, 1]])).hashes
    assert not np.isin(combine_hashes([one, other]), combine_hashes([other, one])[:1])[0]


@settings(deadline=None)  # imports and a busy machine are no fault
@given(st.lists(st.integers(0, 50), max_size=300), st.lists(st.integers(0, 50), max_size=300))
def test_a_sample_that_holds_everything_counts_exactly(ours: list[int], theirs: list[int]) -> None:
    one, other = HashSample(10_000), HashSample(10_000)
    one.add(mix_bits(np.array(ours, np.uint64)))
    other.add(mix_bits(np.array(theirs, np.uint64)))
    assert (one.exact, one.distinct, one.repeated()) == (True, len(set(ours)), len(ours) - len(set(ours)))
    assert one.rows_in(other) == sum(value in set(theirs) for value in ours)


def test_a_sample_of_many_holds_few_and_counts_nearly() -> None:
    sample = HashSample(2**12)
    values = np.arange(200_000, dtype=np.uint64) % np.uint64(100_000)
    for start in range(0, len(values), 10_000):
        sample.add(mix_bits(values[start : start + 10_000]))
    assert not sample.exact
    assert len(sample._keys) <= 2**12
    assert abs(sample.distinct - 100_000) < 10_000  # 1 / √2048 is 2.2 %: more than 4 standard errors
    assert abs(sample.repeated() - 100_000) < 10_000


def test_fractions_that_differ_by_a_hair_are_near_and_whole_numbers_are_themselves() -> None:
    numbers = np.random.default_rng(1).normal(size=2000).round(3)
    column, shifted = (hash_column(pa.chunked_array([pa.array(values)])) for values in (numbers, numbers + 1e-9))
    assert not (column.hashes == shifted.hashes).any()
    assert (column.near == shifted.near).mean() > 0.99
    ids = np.arange(10_000_000.0, 10_001_000.0)
    assert len(np.unique(hash_column(pa.chunked_array([pa.array(ids)])).near)) == 1000
    assert len(np.unique(hash_column(pa.chunked_array([pa.array([0.5, 0.50001, 0.5001])])).near)) == 3


def test_a_missing_number_is_near_one_value_and_whole_numbers_are_near_their_fractions() -> None:
    missing = hash_column(pa.chunked_array([pa.array([None, float("nan"), float("-nan"), 2.5])]))
    assert len(np.unique(missing.near)) == 2
    whole, fraction = (hash_column(pa.chunked_array([pa.array([3], kind)])) for kind in (pa.int64(), pa.float64()))
    assert whole.near == fraction.near
