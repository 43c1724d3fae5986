"""Whoever waits for a batch makes one himself: what fails or ends while he does, fails and ends as anywhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.batches.reading import reader_threads
from seatrial.batches.reading.reader_threads import Pipeline
from seatrial.errors import InputError

SLOW_S = 0.005  # a batch of a thread: the caller has to wait for it
ROWS = 200  # batches of one each: more than all makers take at a turn
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def table(tmp_path: Path) -> ParquetTable:
    images: Any = pa.array([bytes([one]) for one in range(ROWS)], pa.binary())
    pq.write_table(pa.table({"image": images}), tmp_path / "a.parquet")
    return parquet_table(tmp_path)


class OnlyTheCaller:
    """A function for images that keeps every thread but the caller's, until the caller has done `what`."""

    def __init__(self, what: Callable[[], None]) -> None:
        self._what, self._done = what, threading.Event()
        self._caller = threading.current_thread()

    def __call__(self, data: memoryview) -> np.ndarray[Any, Any]:
        if threading.current_thread() is not self._caller:
            self._done.wait()
        elif not self._done.is_set():
            self._done.set()
            self._what()
        return np.frombuffer(data, np.uint8)


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_the_callers_own_failure_comes_to_him_and_ends_every_thread(
    table: ParquetTable, kind: type[BaseException]
) -> None:
    def failing() -> None:
        raise kind("mine")

    batches = table.batches(batch_rows=1, decode={"image": OnlyTheCaller(failing)})
    with pytest.raises(kind, match="mine"):
        list(batches)
    assert not threads()
    with pytest.raises(InputError, match="failed before"):
        next(batches)
    again = table.batches(batch_rows=1, decode={"image": OnlyTheCaller(lambda: None)}, cursor=batches.cursor())
    assert sum(len(batch["image"]) for batch in again) == ROWS


def test_a_reader_closed_by_the_function_that_its_caller_runs_just_ends(table: ParquetTable) -> None:
    batches = table.batches(batch_rows=1, decode={"image": OnlyTheCaller(lambda: batches.close())})
    assert list(batches) == []
    assert not threads()


def test_a_reader_closed_between_taking_work_and_doing_it_just_ends(
    table: ParquetTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, work_on = threading.current_thread(), Pipeline._work_on

    def closed_before(made: Pipeline, units: Any, decode: Any) -> None:
        if units and threading.current_thread() is caller:
            images._done.set()
            made.close()  # as another thread may
        work_on(made, units, decode)

    monkeypatch.setattr(Pipeline, "_work_on", closed_before)
    images = OnlyTheCaller(lambda: None)
    assert list(table.batches(batch_rows=1, decode={"image": images})) == []
    assert not threads()


def reentrant() -> Any:
    """A lock, with what a condition uses of it and no annotation names."""
    return threading.RLock()


class Interrupted:
    """A lock; Ctrl-C comes while the caller waits for it for the n-th time, who then does not hold it."""

    def __init__(self, at: int) -> None:
        self._lock = reentrant()
        self._caller, self.left = threading.current_thread(), at
        self._is_owned = self._lock._is_owned
        self._release_save, self._acquire_restore = self._lock._release_save, self._lock._acquire_restore
        self.release = self._lock.release

    def acquire(self, *asked: Any) -> bool:
        if threading.current_thread() is self._caller:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return bool(self._lock.acquire(*asked))

    __enter__ = acquire

    def __exit__(self, *raised: object) -> None:
        self.release()


def test_ctrl_c_while_the_caller_waits_for_the_lock_is_told_as_such(
    table: ParquetTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, interrupted = threading.current_thread(), 0

    def slow_elsewhere(data: memoryview) -> np.ndarray[Any, Any]:
        if threading.current_thread() is not caller:
            time.sleep(SLOW_S)
        return np.frombuffer(data, np.uint8)

    for at in range(1, 12):
        lock = Interrupted(at)
        mine = SimpleNamespace(
            RLock=lambda lock=lock: lock, Condition=threading.Condition, Thread=threading.Thread,
            current_thread=threading.current_thread,
        )  # fmt: skip
        monkeypatch.setattr(reader_threads, "threading", mine)
        batches = table.batches(batch_rows=1, decode={"image": slow_elsewhere})
        with pytest.raises(KeyboardInterrupt):
            list(batches)
        interrupted += lock.left <= 0
        assert not threads()
    assert interrupted == 11


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("seatrial-")]
