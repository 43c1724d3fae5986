"""Bad days: whatever the wire does, every row comes once and right, or there is one clear error."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from seatrial.batches.parquet_table import parquet_table
from seatrial.batches.wire.http_wire import Limits
from seatrial.errors import InputError, ObjectChanged, ObjectMissing, StoreError
from tests.real.batches.faulty_server import FAULTS, FaultyServer, seeded, serving
from tests.real.batches.packed_files import COLUMNS, ids_of, write_packed

Lake = tuple[Path, list[str], int]
QUICK = Limits(silence_s=0.2, failures=20, pause_s=0.001, longest_pause_s=0.01)
EPOCHS = 12
STALL_S = 0.4
PROMPT_S = 10.0  # a sixth of the stall that must not be waited for, and enough on loaded cores


def test_hundreds_of_faults_cost_no_row_and_bring_no_wrong_one(lake: Lake) -> None:
    folder, files, rows = lake
    with serving(folder, stall_s=STALL_S) as server:
        table = parquet_table(server.url, files=files)
        for epoch in range(EPOCHS):
            server.plan = seeded(epoch, 0.5)
            with table.batches(columns=COLUMNS, batch_rows=1000, epoch=epoch, window_mib=1, limits=QUICK) as batches:
                seen = [one for batch in batches for one in ids_of(batch)]
            assert sorted(seen) == list(range(rows))
    assert set(server.met) == set(FAULTS)
    assert sum(server.met.values()) > 300


def test_footers_are_read_through_faults_as_well(lake: Lake) -> None:
    folder, files, rows = lake
    with serving(folder) as server:
        server.plan = seeded(7, 0.4, ("503", "reset", "cut off", "cut off in the head"))
        assert parquet_table(server.url, files=files).rows == rows
    assert sum(server.met.values()) > 5


@pytest.mark.parametrize("fault", FAULTS)
def test_what_never_ends_is_one_error_with_file_and_offset(lake: Lake, fault: str) -> None:
    folder, files, _ = lake
    with serving(folder, stall_s=STALL_S) as server:
        table = parquet_table(server.url, files=files)
        server.plan = lambda number: fault
        limits = Limits(silence_s=0.1, failures=3, failures_in_all=5, pause_s=0.001)
        with (
            pytest.raises(StoreError, match=r"\.parquet: the store failed \d times at byte [\d,]+") as caught,
            table.batches(columns=COLUMNS, limits=limits) as batches,
        ):
            next(batches)
        assert "cursor" in str(caught.value)
        assert not readers()


@pytest.mark.parametrize("honours_if_match", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_a_file_replaced_under_the_reader_is_an_error_and_no_row_is_wrong(
    lake: Lake, seed: int, *, honours_if_match: bool
) -> None:
    folder, files, rows = lake
    with serving(folder, honours_if_match=honours_if_match) as server:
        table = parquet_table(server.url, files=files)
        # of the same size and shape, so that nothing but the pin tells
        write_packed(folder, files=1, groups=3, group_rows=400, first=rows)
        seen: list[int] = []
        batches = table.batches(columns=COLUMNS, batch_rows=500, seed=seed, window_mib=1, limits=QUICK)
        with pytest.raises(ObjectChanged, match=r"\.parquet: the file is not the one .* pinned with \(at byte"):
            seen.extend(one for batch in batches for one in ids_of(batch))
        assert len(seen) == len(set(seen))
        assert all(one < rows for one in seen)


def test_a_file_deleted_under_the_reader_is_named(lake: Lake) -> None:
    folder, files, _ = lake
    with serving(folder) as server:
        table = parquet_table(server.url, files=files)
        (folder / "7.parquet").unlink()
        with pytest.raises(ObjectMissing, match=r"/7.parquet: the data file is not there any more \(at byte"):
            list(table.batches(columns=COLUMNS, limits=QUICK))


def test_a_local_file_changed_in_place_is_an_error(lake: Lake) -> None:
    folder, _, rows = lake
    table = parquet_table(folder)
    write_packed(folder, files=1, groups=3, group_rows=400, first=rows)
    with pytest.raises(ObjectChanged, match=r"0\.parquet: the file is not the one"):
        list(table.batches(columns=COLUMNS))


def test_a_reader_that_failed_says_so_again_instead_of_ending_early(lake: Lake) -> None:
    folder, _, _ = lake
    table = parquet_table(folder)
    (folder / "3.parquet").unlink()
    batches = table.batches(columns=COLUMNS)
    with pytest.raises(ObjectMissing):
        list(batches)
    with pytest.raises(InputError, match="failed before"):
        next(batches)


def test_closing_does_not_wait_for_a_store_that_says_nothing(lake: Lake) -> None:
    folder, files, _ = lake
    with serving(folder, stall_s=60) as server:
        table = parquet_table(server.url, files=files)
        server.plan = lambda number: "stall"
        batches = table.batches(columns=COLUMNS)
        closer = threading.Timer(0.3, batches.close)
        closer.start()
        began = time.monotonic()
        assert list(batches) == []
        closer.join()
        assert time.monotonic() - began < PROMPT_S
    assert not readers()


def test_an_early_end_and_an_exception_in_the_loop_leave_nothing_behind(lake: Lake) -> None:
    folder, files, _ = lake
    with serving(folder) as server:
        table = parquet_table(server.url, files=files)
        with table.batches(columns=COLUMNS, batch_rows=10) as batches:
            next(batches)
        with pytest.raises(ZeroDivisionError), table.batches(columns=COLUMNS, batch_rows=10) as batches:
            raise ZeroDivisionError(len(next(batches)))
        for _ in table.batches(columns=COLUMNS, batch_rows=10):
            break
        del batches
        assert not readers()
        assert settled(server) == 0


def test_many_epochs_hold_no_more_than_a_few(lake: Lake) -> None:
    folder, files, _ = lake
    with serving(folder) as server:
        table = parquet_table(server.url, files=files)
        for epoch in range(30):
            list(table.batches(columns=COLUMNS, epoch=epoch))
            assert not readers()
        assert settled(server) == 0


# A shell that starts the tests in the background lets its children ignore SIGINT.
INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from seatrial.batches.parquet_table import parquet_table
table = parquet_table(sys.argv[1], files=sys.argv[2:])
print("open", flush=True)
for batch in table.batches(columns=["id"], batch_rows=100):
    print("batch", flush=True)
    sys.stdin.readline()
"""


def test_ctrl_c_ends_a_reader_whose_store_says_nothing(lake: Lake) -> None:
    folder, files, _ = lake
    with serving(folder, stall_s=60) as server:
        server.plan = lambda number: None if number < len(files) else "stall"
        child = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, server.url, *files],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        while server.met["stall"] == 0:
            time.sleep(0.01)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
        assert time.monotonic() - began < PROMPT_S
    assert child.returncode == -signal.SIGINT
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert said.count("Traceback") == 1


def readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("seatrial-")]


def settled(server: FaultyServer) -> int:
    """Connections that a server still has, once it has had the time to see that others are gone."""
    until = time.monotonic() + PROMPT_S
    while server.connected and time.monotonic() < until:
        time.sleep(0.01)
    return server.connected
