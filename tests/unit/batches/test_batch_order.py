from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.batches.plan.permutation import permutation, stripe

EXPECTED = [4, 5, 6, 3, 7, 0, 1, 2]


@given(st.integers(0, 3000), st.text(max_size=8), st.integers(0, 2**32), st.integers(0, 100))
def test_every_position_comes_once(rows: int, digest: str, seed: int, epoch: int) -> None:
    order = permutation(rows, digest, seed, epoch)
    assert np.array_equal(np.sort(order), np.arange(rows))


def test_the_order_is_the_same_on_every_machine_and_in_every_version() -> None:
    assert permutation(8, "1", 7, 0).tolist() == EXPECTED


def test_the_generator_is_the_published_one() -> None:
    # SplitMix64 from state 0 gives these first values (Vigna, splitmix64.c; Java's SplittableRandom(0)).
    with patch("seatrial.batches.plan.permutation.hashlib.sha256") as hashed:
        hashed.return_value.digest.return_value = bytes(32)
        order = permutation(3, "0", 0, 0)
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert order.tolist() == np.argsort(np.array(published, np.uint64)).tolist()


@pytest.mark.parametrize("other", [("2", 7, 0), ("1", 8, 0), ("1", 7, 1)])
def test_another_table_seed_or_epoch_gives_another_order(other: tuple[str, int, int]) -> None:
    assert not np.array_equal(permutation(100, "1", 7, 0), permutation(100, *other))


def test_neighbours_are_torn_apart() -> None:
    order = permutation(10_000, "1", 7, 0)
    # of 9,999 neighbouring pairs of a random order, 2 in expectation lie side by side; 12 has a chance below 1e-5
    assert (np.abs(np.diff(order)) == 1).sum() < 12


@given(st.integers(0, 1000), st.integers(0, 500), st.integers(1, 17))
def test_the_stripes_of_all_ranks_are_the_batch(start: int, count: int, world: int) -> None:
    stripes = [stripe(start, start + count, rank=rank, world=world) for rank in range(world)]
    assert stripes[0][0] == start
    assert stripes[-1][1] == start + count
    assert all(one[1] == other[0] for one, other in pairwise(stripes))
    sizes = [stop - first for first, stop in stripes]
    assert max(sizes) - min(sizes) <= 1
