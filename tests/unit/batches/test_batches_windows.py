"""While the rows of one window are given out, the next one comes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.batches.reading import reader, reader_threads
from seatrial.batches.wire.wire import DataFile, FolderWire

LARGE, SMALL = 400_000, 40_000  # rows of four doubles: 12 MiB, and one
COLUMNS = {"m": ["a", "b", "c", "d"]}
SOON_S = 20.0  # within which a thread that has nothing to wait for has begun


class Watched(FolderWire):
    """Tells which files were asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.changed = threading.Condition()

    def read(self, file: DataFile, start: int, into: Sequence[memoryview]) -> None:
        with self.changed:
            self.asked.add(Path(file.path).stem)
            self.changed.notify_all()
        super().read(file, start, into)

    def comes(self, name: str) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: name in self.asked, SOON_S)


@pytest.fixture
def table(tmp_path: Path) -> ParquetTable:
    for name, rows in (("large", LARGE), ("small", SMALL)):
        columns: Any = {column: np.arange(rows, dtype=np.float64) for column in COLUMNS["m"]}
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet", compression="none", use_dictionary=False)
    return parquet_table(tmp_path)


@pytest.mark.parametrize("first", ["large", "small"])
def test_the_next_window_is_asked_for_before_the_last_row_of_this_one_is_taken_whatever_their_sizes(
    table: ParquetTable, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(reader_threads, "AHEAD_BYTES", 0)  # else all of a table as small as this fits
    wire = Watched()
    monkeypatch.setattr(reader, "open_wire", lambda *asked: wire)
    rows = LARGE if first == "large" else SMALL
    for seed in range(20):
        batches = table.batches(columns=COLUMNS, seed=seed, window_mib=1, memory_mib=256, batch_rows=rows // 20)
        if batches.opened.epoch.starts[1] == rows:
            break
    with batches:
        next(batches)  # the window has nineteen more, of which the queue holds some
        assert wire.comes("small" if first == "large" else "large")
