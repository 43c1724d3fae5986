"""However little room there is, and however windows and batches overlap, a reader comes to its end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.batches.reading import reader_threads
from seatrial.errors import InputError

ROWS = 200_000
pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> ParquetTable:
    """Row groups of very different sizes, and windows of one or several of them."""
    folder = tmp_path_factory.mktemp("room")
    rows: Any = {"id": np.arange(ROWS), "x": np.random.default_rng(7).random(ROWS), "y": np.zeros(ROWS)}
    whole = pa.table(rows)
    start = 0
    for number, size in enumerate((90_000, 1000, 50_000, 500, 30_000, 3, 20_000, 8497)):
        pq.write_table(whole.slice(start, size), folder / f"{number}.parquet", compression="none", use_dictionary=False)
        start += size
    return parquet_table(folder)


@pytest.mark.simulation
@pytest.mark.parametrize("batch_rows", [100, 33_333, ROWS])
@pytest.mark.parametrize("ahead_bytes", [0, reader_threads.AHEAD_BYTES])
def test_in_the_least_memory_that_is_taken_every_row_comes(
    table: ParquetTable, monkeypatch: pytest.MonkeyPatch, batch_rows: int, ahead_bytes: int
) -> None:
    monkeypatch.setattr(reader_threads, "AHEAD_BYTES", ahead_bytes)
    asked: dict[str, Any] = {"columns": {"m": ["x", "y"], "id": "id"}, "batch_rows": batch_rows, "window_mib": 1}
    with pytest.raises(InputError, match="memory_mib=") as caught:
        table.batches(**asked, memory_mib=1)
    needed = int(str(caught.value).rpartition("memory_mib=")[2].partition(",")[0])
    orders = []
    for memory in (needed, 512):
        for world in (1, 3):
            ranks = [table.batches(**{**asked, "memory_mib": memory}, rank=rank, world=world) for rank in range(world)]
            steps = zip(*ranks, strict=True)
            orders.append(np.concatenate([batch["id"] for step in steps for batch in step]))
    assert np.array_equal(np.sort(orders[0]), np.arange(ROWS))
    assert all(np.array_equal(order, orders[0]) for order in orders)


def test_another_epoch_of_a_reader_is_that_epoch_of_the_table(table: ParquetTable) -> None:
    first = table.batches(columns=["id"], window_mib=1)
    for epoch in range(6):
        orders = [
            np.concatenate([batch["id"] for batch in one])
            for one in (first.at(epoch=epoch), table.batches(columns=["id"], window_mib=1, epoch=epoch))
        ]
        assert np.array_equal(orders[0], orders[1])
