"""What a process leaves of its reading for whoever started it."""

from __future__ import annotations

import gc
import multiprocessing
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.batches.telemetry import stats_exporter
from seatrial.batches.telemetry.progress_lines import ExportedSnapshot, read_snapshots

pytestmark = pytest.mark.simulation

ROWS = 20_000
WAIT_S = 20.0  # of what takes a tenth of a second on idle cores


@pytest.fixture
def table(tmp_path: Path) -> ParquetTable:
    rows: Any = {"id": np.arange(ROWS)}
    (tmp_path / "table").mkdir()
    pq.write_table(pa.table(rows), tmp_path / "table" / "a.parquet", row_group_size=ROWS // 4)
    return parquet_table(tmp_path / "table")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of snapshots, written often; the first who exports one makes it."""
    monkeypatch.setenv(stats_exporter.FOLDER_VARIABLE, str(tmp_path / "telemetry"))
    monkeypatch.setattr(stats_exporter, "EXPORT_INTERVAL_S", 0.05)
    return tmp_path / "telemetry"


@pytest.fixture(autouse=True)
def _no_thread_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Other tests count the threads of the process, and an exporter's lives on for `RECENT_S`."""
    yield
    monkeypatch.setattr(stats_exporter, "RECENT_S", 0.01)
    until = time.monotonic() + WAIT_S
    while exporting_threads():
        assert time.monotonic() < until
        time.sleep(0.02)


def exporting_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "seatrial-telemetry"]


def read(table: ParquetTable, *, epoch: int = 0) -> None:
    for _ in table.batches(batch_rows=1000, epoch=epoch):
        pass


def snapshots_when(folder: Path, enough: Any) -> list[ExportedSnapshot]:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if enough(found := read_snapshots(folder)):
            return found
        time.sleep(0.02)
    raise AssertionError(read_snapshots(folder))


def test_nothing_is_left_and_no_thread_runs_where_nobody_wants_to_know(
    table: ParquetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(stats_exporter.FOLDER_VARIABLE, raising=False)
    with table.batches(batch_rows=1000) as batches:
        next(batches)
        assert not exporting_threads()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table"]


def test_a_reader_is_followed_while_it_runs(table: ParquetTable, folder: Path) -> None:
    with table.batches(batch_rows=1000, epoch=3) as batches:
        next(batches)
        (left,) = snapshots_when(folder, lambda found: found and found[0].snapshot.whole.rows == 1000)
        assert (left.snapshot.whole.epoch, left.snapshot.whole.done, left.snapshot.world) == (3, 0.05, 1)
        assert left.age_s < WAIT_S
        next(batches)
        snapshots_when(folder, lambda found: found[0].snapshot.whole.rows == 2000)


def test_what_short_readers_read_is_there_when_they_have_ended_and_adds_up(table: ParquetTable, folder: Path) -> None:
    for epoch in range(3):
        read(table, epoch=epoch)
    (left,) = read_snapshots(folder)
    assert (left.snapshot.whole.rows, left.snapshot.whole.epoch, left.snapshot.whole.done) == (3 * ROWS, 2, 1.0)
    assert left.snapshot.whole.seconds >= left.snapshot.recent.seconds > 0


def test_what_is_recent_is_forgotten_and_so_is_the_thread(
    table: ParquetTable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats_exporter, "RECENT_S", 0.2)
    read(table)
    (left,) = snapshots_when(folder, lambda found: found[0].snapshot.recent.seconds == 0)
    assert left.snapshot.whole.rows == ROWS
    until = time.monotonic() + WAIT_S
    while exporting_threads():
        assert time.monotonic() < until
        time.sleep(0.02)
    read(table)  # and comes back with the next reader
    snapshots_when(folder, lambda found: found[0].snapshot.whole.rows == 2 * ROWS)


def test_a_reader_that_is_watched_and_forgotten_ends(table: ParquetTable, folder: Path) -> None:
    batches = table.batches(batch_rows=1000)
    next(batches)
    del batches
    gc.collect()
    (left,) = snapshots_when(folder, lambda found: found)
    assert left.snapshot.whole.rows == 1000
    until = time.monotonic() + WAIT_S
    while [one for one in threading.enumerate() if one.name.startswith(("seatrial-fetch", "seatrial-make"))]:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_was_forked_leaves_a_file_of_its_own(table: ParquetTable, folder: Path) -> None:
    read(table)
    child = multiprocessing.get_context("fork").Process(target=read, args=(table,))
    child.start()
    child.join(WAIT_S)
    assert child.exitcode == 0
    assert [left.snapshot.whole.rows for left in read_snapshots(folder)] == [ROWS, ROWS]


def test_a_folder_that_cannot_be_written_disturbs_nobody(
    table: ParquetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(stats_exporter.FOLDER_VARIABLE, str(tmp_path / "file" / "folder"))
    read(table)
