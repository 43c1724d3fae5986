"""The order of an epoch: how well it is shuffled, that planning is fast, and that nothing else decides it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.batches.plan.epoch_plan import Epoch, Plan, epoch_of

GROUPS, GROUP_ROWS = 256, 1000
ROWS = GROUPS * GROUP_ROWS
MANY_FILES = 100_000
EXPECTED_GROUPS = [0, 5, 1, 4, 2, 3]
EXPECTED_ROWS = [[1, 2, 3, 0], [7, 4, 0, 1, 2, 5, 3, 6], [0, 3, 1, 4, 2]]
FAST_S = 2.0  # CPU time of planning them, some 0.1 s; a busy machine takes any wall time


def epoch(window_groups: int, *, seed: int = 7, number: int = 0) -> Epoch:
    plan = Plan(4096, seed, number, 0, 1, 512, window_groups)
    sizes = np.full(GROUPS, 2**20)
    return epoch_of(np.full(GROUPS, GROUP_ROWS), sizes, "digest", plan)


def order_of(one: Epoch) -> NDArray[np.int64]:
    """The rows of the table, in the order of the epoch."""
    parts = []
    for window in range(one.windows):
        rows = (one.members(window)[:, None] * GROUP_ROWS + np.arange(GROUP_ROWS)).ravel()
        parts.append(rows[one.mixed(window)])
    return np.concatenate(parts)


def rank_correlation(order: NDArray[np.int64]) -> float:
    return float(np.corrcoef(order, np.arange(len(order)))[0, 1])


def pairs_that_survived(order: NDArray[np.int64]) -> int:
    """Neighbours of the table that are neighbours in the epoch, in either direction."""
    return int((np.abs(np.diff(order)) == 1).sum())


@pytest.mark.parametrize("window_groups", [1, 8, 64, GROUPS])
def test_rows_are_where_chance_puts_them_whatever_the_window(window_groups: int) -> None:
    found = [rank_correlation(order_of(epoch(window_groups, number=number))) for number in range(8)]
    # Row groups are permuted, so the correlation is that of a random permutation of 256: deviation 1/sqrt(255).
    assert np.abs(found).max() < 4.5 / np.sqrt(GROUPS - 1)


@pytest.mark.parametrize("window_groups", [1, 8, 64, GROUPS])
def test_surviving_pairs_are_as_many_as_the_window_leaves_to_chance(window_groups: int) -> None:
    """A perfect shuffle keeps 2 pairs in expectation; one within windows keeps 2 a window, for every window size."""
    found = sum(pairs_that_survived(order_of(epoch(window_groups, number=number))) for number in range(8))
    # a pair of one group survives with chance 2 / rows of the window; there are GROUP_ROWS - 1 such pairs a group
    expected = 8 * GROUPS * (GROUP_ROWS - 1) * 2 / (window_groups * GROUP_ROWS)
    assert abs(found - expected) < 5 * np.sqrt(expected) + 5


def test_a_label_that_a_table_is_sorted_by_is_mixed_as_the_window_says() -> None:
    """A label's share of a batch varies sqrt(1 + (rows of the batch − 1) / row groups of the window) times as much.

    That is what drawing its rows from so many whole row groups of one label gives.
    """
    label = np.arange(ROWS) < ROWS // 2
    ratios = []
    for window_groups in (8, 64, GROUPS):
        shares = [
            label[order_of(epoch(window_groups, number=number))].reshape(-1, 250).mean(axis=1) for number in range(6)
        ]
        ratios.append(float(np.std(np.concatenate(shares)) / np.sqrt(0.25 / 250)))
    assert ratios[0] == pytest.approx(np.sqrt(1 + 249 / 8), rel=0.25)
    assert ratios[1] == pytest.approx(np.sqrt(1 + 249 / 64 * (1 - 64 / GROUPS)), rel=0.25)
    assert ratios[2] == pytest.approx(1, rel=0.1)


@given(rows=st.lists(st.integers(0, 50), max_size=30), mib=st.integers(1, 20), seed=st.integers(0, 9), data=st.data())
def test_windows_hold_every_row_group_with_rows_once(rows: list[int], mib: int, seed: int, data: st.DataObject) -> None:
    sizes = [data.draw(st.integers(0, 2**23)) for _ in rows]
    one = epoch_of(np.array(rows, np.int64), np.array(sizes, np.int64), "t", Plan(1, seed, 0, 0, 1, 1, mib))
    members = [int(group) for window in range(one.windows) for group in one.members(window)]
    assert sorted(members) == [number for number, count in enumerate(rows) if count]
    assert one.rows == sum(rows)
    for window in range(one.windows):
        held = one.members(window)
        assert int(one.starts[window + 1] - one.starts[window]) == sum(rows[group] for group in held)
        assert sum(sizes[group] for group in held[:-1]) < mib * 2**20, "a window ends with the group that fills it"


def test_seeds_and_epochs_differ() -> None:
    orders = [order_of(epoch(8, seed=seed, number=number)) for seed, number in ((7, 0), (8, 0), (7, 1))]
    assert len({order.tobytes() for order in orders}) == 3


def test_the_order_is_the_same_in_every_version() -> None:
    one = epoch_of(np.array([2, 3, 1, 4, 5, 2]), np.full(6, 2**20), "t", Plan(1, 7, 0, 0, 1, 1, 2))
    assert one.groups.tolist() == EXPECTED_GROUPS
    assert [one.mixed(window).tolist() for window in range(one.windows)] == EXPECTED_ROWS


def test_a_hundred_thousand_files_are_planned_fast() -> None:
    rows = np.random.default_rng(7).integers(1, 10**6, MANY_FILES)
    began = time.process_time()
    one = epoch_of(rows, rows * 160, "t", Plan(4096, 7, 0, 0, 1, 512))
    for row in range(0, one.rows, one.rows // 1000):
        one.window_of(row)
    assert time.process_time() - began < FAST_S
    assert one.rows == int(rows.sum())


def test_rows_of_one_window_are_mixed_anew_in_every_window_and_epoch_and_with_every_seed() -> None:
    mixed = [
        one.mixed(window) for one in (epoch(8), epoch(8, number=1), epoch(8, seed=8)) for window in range(one.windows)
    ]
    assert len({order.tobytes() for order in mixed}) == len(mixed)
