"""Rank and world size: the caller's, else those of the environment; and every row comes to one rank, once an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.batches.parquet_table import parquet_table
from seatrial.batches.plan.distributed_rank import rank_and_world
from seatrial.errors import InputError

SECOND_OF_FOUR = {"RANK": "1", "WORLD_SIZE": "4"}


@pytest.mark.parametrize(
    ("rank", "world", "environment", "expected"),
    [
        (None, None, {}, (0, 1)),
        (None, None, SECOND_OF_FOUR, (1, 4)),
        (0, 1, SECOND_OF_FOUR, (0, 1)),
        (2, 3, SECOND_OF_FOUR, (2, 3)),
        (None, 2, SECOND_OF_FOUR, (0, 2)),
        (None, None, {"RANK": "captain"}, (0, 1)),  # half of it is somebody else's variable
    ],
)
def test_the_caller_counts_before_the_environment(
    rank: int | None, world: int | None, environment: Mapping[str, str], expected: tuple[int, int]
) -> None:
    assert rank_and_world(rank, world, environment) == expected


@pytest.mark.parametrize("text", ["", "-1", "one", "1.0", "\u0661"])
def test_what_the_environment_cannot_mean_is_told(text: str) -> None:
    with pytest.raises(InputError, match="RANK must be a whole number"):
        rank_and_world(None, None, {"RANK": text, "WORLD_SIZE": "4"})


@pytest.mark.simulation
@settings(max_examples=60)
@given(
    rows=st.integers(0, 60),
    workers=st.integers(1, 6),
    batch_rows=st.integers(1, 25),
    group_rows=st.integers(1, 20),
    epoch=st.integers(0, 3),
)
@example(rows=1, workers=6, batch_rows=4, group_rows=1, epoch=0)  # ranks without a row
@example(rows=7, workers=4, batch_rows=5, group_rows=3, epoch=1)  # no share is even
def test_each_row_comes_once_an_epoch_over_all_workers(
    tmp_path_factory: pytest.TempPathFactory, rows: int, workers: int, batch_rows: int, group_rows: int, epoch: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("rows")
    pq.write_table(pa.table({"id": pa.array(range(rows), pa.int64())}), folder / "0.parquet", row_group_size=group_rows)
    table = parquet_table(folder)
    alone = [batch["id"].tolist() for batch in table.batches(batch_rows=batch_rows, epoch=epoch, rank=0, world=1)]
    ranks = []
    for rank in range(workers):
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("RANK", str(rank))
            patched.setenv("WORLD_SIZE", str(workers))
            ranks.append([batch["id"].tolist() for batch in table.batches(batch_rows=batch_rows, epoch=epoch)])
    assert {len(batches) for batches in ranks} == {len(alone)}  # they stay in step
    together = [list(chain(*stripes)) for stripes in zip(*ranks, strict=True)]
    assert together == alone  # the same global batches, whose rows are all there
    assert sorted(chain(*alone)) == list(range(rows))
    assert all(max(map(len, stripes)) - min(map(len, stripes)) <= 1 for stripes in zip(*ranks, strict=True))
