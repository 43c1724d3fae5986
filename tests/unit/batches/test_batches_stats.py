"""What a reader says of itself: how far it is, and what limits it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.batches.wire.wire import DataFile, FolderWire

ROWS = 60_000
READ_AHEAD_BATCHES = 10  # that were fetched or decoded before things changed


@pytest.fixture
def table(tmp_path: Path) -> ParquetTable:
    rows: Any = {"id": np.arange(ROWS), "data": [b"0123456789"] * ROWS}
    pq.write_table(pa.table(rows), tmp_path / "a.parquet", row_group_size=ROWS // 40, use_dictionary=False)
    return parquet_table(tmp_path)


def test_what_was_read_is_counted(table: ParquetTable) -> None:
    batches = table.batches(columns=["id"], batch_rows=1000)
    assert (batches.stats().seconds, batches.stats().rows, batches.stats().first_batch_s) == (0, 0, None)
    list(batches)
    stats = batches.stats()
    assert (stats.rows, stats.batches) == (ROWS, 60)
    assert stats.requests >= 1
    assert 0 < stats.fetched_bytes < Path(table.url, "a.parquet").stat().st_size
    assert stats.first_batch_s is not None
    assert stats.first_batch_s <= stats.seconds
    assert batches.stats() == stats, "time stands still when a reader has ended"


def test_a_slow_step_is_the_bottleneck(table: ParquetTable) -> None:
    with table.batches(columns=["id"], batch_rows=2000) as batches:
        for _ in batches:
            time.sleep(0.01)
    assert batches.stats().bottleneck == "trainer"
    assert "the trainer is busy" in str(batches.stats())


def test_a_slow_decoder_is_the_bottleneck(table: ParquetTable) -> None:
    def slow(data: memoryview) -> Any:
        time.sleep(0.00005)
        return np.frombuffer(data, np.uint8)

    with table.batches(decode={"data": slow}, batch_rows=200) as batches:
        for _ in range(8):
            next(batches)
        assert batches.stats().bottleneck == "decode"


def test_a_slow_wire_is_the_bottleneck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = FolderWire.read

    def slow(self: FolderWire, file: DataFile, start: int, into: Sequence[memoryview]) -> None:
        time.sleep(0.05)
        read(self, file, start, into)

    monkeypatch.setattr(FolderWire, "read", slow)
    numbers: Any = {"x": np.random.default_rng(7).random(500_000)}
    pq.write_table(pa.table(numbers), tmp_path / "x.parquet", row_group_size=12_500, use_dictionary=False)
    with parquet_table(tmp_path / "x.parquet").batches(window_mib=1) as batches:
        for _ in batches:
            pass
    assert batches.stats().bottleneck == "wire"


@pytest.mark.simulation
def test_what_limits_now_is_what_was_done_since_an_earlier_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One epoch in which the wire is slow, then decoding, then whoever takes the batches."""
    slow = {"wire": 0.04, "decode": 0.0, "trainer": 0.0}
    read = FolderWire.read

    def fetched(self: FolderWire, file: DataFile, start: int, into: Sequence[memoryview]) -> None:
        time.sleep(slow["wire"])
        read(self, file, start, into)

    def decoded(data: memoryview) -> Any:
        if slow["decode"]:
            time.sleep(slow["decode"])
        return np.frombuffer(data, np.uint8)

    monkeypatch.setattr(FolderWire, "read", fetched)
    values: Any = {"data": [bytes(4096)] * 20_000}
    pq.write_table(pa.table(values), tmp_path / "x.parquet", row_group_size=250, use_dictionary=False)
    table = parquet_table(tmp_path / "x.parquet")
    found = {}
    with table.batches(decode={"data": decoded}, batch_rows=250, window_mib=1, memory_mib=20) as batches:
        for limit, seconds in (("wire", 0.04), ("decode", 0.0002), ("trainer", 0.1)):
            slow.update({"wire": 0.0, "decode": 0.0, "trainer": 0.0, limit: seconds})
            for number in range(15):
                if number == READ_AHEAD_BATCHES:
                    before = batches.stats()
                next(batches)
                time.sleep(slow["trainer"] if number >= READ_AHEAD_BATCHES else 0)
            found[limit] = batches.stats().since(before)
    assert {limit: stats.bottleneck for limit, stats in found.items()} == {one: one for one in slow}
    assert [stats.batches for stats in found.values()] == [15 - READ_AHEAD_BATCHES] * 3
