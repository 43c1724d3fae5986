"""The threads of a reader: one feeds, some fetch, some decode and gather. Whoever starts them joins them.

    feeder ── ranges ──▶ fetchers ── row groups ──▶ makers ── batches, in order ──▶ the caller

Windows are admitted in order, each when the budget has room for it, so what waits can always go on. A maker prefers a
batch whose windows are ready to a row group that is not decoded, as long as the queue of batches is not full. A caller
who has to wait does what a maker would.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seatrial.batches.columns.buffers import Buffers
from seatrial.batches.files.window_layout import Layout, Range
from seatrial.batches.plan.memory_budget import Memory
from seatrial.batches.reading.batch_work import Batch, Work, gather, joined
from seatrial.batches.reading.window import Window
from seatrial.batches.telemetry.reader_stats import Clock
from seatrial.batches.wire.wire import WireClosed

AHEAD_WINDOWS = 2  # one is given out while one comes: more of them would only be more memory to clear
AHEAD_BYTES = 128 * 2**20  # or as many small ones as this holds: what eight ranges under way need, twice
JOIN_S = 60.0  # a thread that does not end within it hangs in a decoder, and ends with the process
BATCHES_A_TURN = 4  # that a maker gathers before it looks for other work: a lock and a wake-up for so many


_Unit = tuple[int, int, int]  # a batch, and which rows of the epoch's order are to be gathered for it: first, last + 1


@dataclass(frozen=True, slots=True)
class Threads:
    """How many fetch at once, and how many decode and gather."""

    fetchers: int
    makers: int


@dataclass(slots=True)
class _Open:
    """A window that was admitted."""

    number: int
    layout: Layout
    window: Window
    buffer: NDArray[np.uint8]
    decoded_bytes: int
    missing: list[int]  # by row group: ranges that are still to come
    undecoded: int
    decoded: bool = False
    mixed: NDArray[np.int64] | None = None  # the order of its rows


@dataclass(slots=True)
class _State:
    """What the threads share, under one lock."""

    windows: dict[int, _Open] = field(default_factory=dict)
    ranges: deque[tuple[_Open, Range]] = field(default_factory=deque)
    decodes: deque[tuple[_Open, int]] = field(default_factory=deque)
    next_row: int = 0  # of the epoch's order, to be gathered
    next_batch: int = 0  # that the caller asks for
    ready: dict[int, Batch] = field(default_factory=dict)
    ready_bytes: int = 0
    decoded_bytes: int = 0  # of the windows
    gathering: set[int] = field(default_factory=set)  # first rows of what is being gathered
    pieces: dict[int, dict[int, Batch]] = field(default_factory=dict)  # of batches begun, by batch and first row
    missing_rows: dict[int, int] = field(default_factory=dict)  # of those batches, over all ranks
    frontier: int = 0  # the first window that is not decoded
    decoded_rows: int = 0  # of the epoch's order, from its beginning
    idle_makers: int = 0
    error: BaseException | None = None
    closed: bool = False


class Pipeline:
    """Makes the batches of `work` in order. `next` from one thread; `close` from any."""

    def __init__(self, work: Work, threads: Threads, memory: Memory, clock: Clock) -> None:
        self._work = work
        self._queue_bytes = memory.queue_bytes
        self._batch_bytes = memory.batch_bytes
        self._ahead_bytes = min(memory.windows_bytes, max(AHEAD_WINDOWS * memory.window_bytes, AHEAD_BYTES))
        self._need = memory
        self._clock = clock
        self._state = _State(frontier=work.first_window, next_row=work.delivered)
        self._buffers = Buffers()
        self._lock = threading.RLock()  # a collection of garbage may close a reader within its own threads
        self._room = threading.Condition(self._lock)  # for a window: the feeder waits
        self._to_fetch = threading.Condition(self._lock)
        self._to_make = threading.Condition(self._lock)
        self._made = threading.Condition(self._lock)  # the caller waits
        roles = [
            ("feed", self._feed),
            *[("fetch", self._fetch)] * threads.fetchers,
            *[("make", self._make)] * threads.makers,
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(role,), name=f"seatrial-{name}-{number}", daemon=True)
            for number, (name, role) in enumerate(roles)
        ]
        for thread in self._threads:
            thread.start()

    def next(self) -> Batch:
        """The next batch; raises what a thread raised."""
        batch = self._ready()
        if batch is None:
            with self._clock.waiting():
                with self._lock:
                    self._to_make.notify_all()  # the batch that is waited for goes before a full queue
                while batch is None:
                    self._help()
                    batch = self._ready()
        return batch

    def _ready(self) -> Batch | None:
        """The batch that is wanted, if it is there."""
        state = self._state
        with self._lock:
            if state.error is not None:
                raise state.error
            batch = state.ready.pop(state.next_batch, None)
            if batch is not None:
                state.next_batch += 1
                state.ready_bytes -= _size(batch)
                if state.idle_makers and self._has_a_turn():
                    self._to_make.notify()
        return batch

    def _help(self) -> None:
        """Who waits for a batch makes one instead, where there is one to be made: no thread has to be woken for it."""
        state = self._state
        with self._lock:
            if state.next_batch in state.ready or state.error is not None:
                return
            units = self._claim(1)
            # of the window that is waited for, only: another's may take longer than the wait
            helps = not units and bool(state.decodes) and state.decodes[0][0].number == state.frontier
            decode = state.decodes.popleft() if helps else None
            if not units and decode is None:
                self._made.wait()
                return
        self._work_on(units, decode)

    def close(self) -> None:
        """Ends and joins every thread; what they were waiting for ends at once."""
        with self._lock:
            self._state.closed = True
            if self._state.error is None:
                self._state.error = WireClosed()
            for condition in (self._room, self._to_fetch, self._to_make, self._made):
                condition.notify_all()
        self._work.wire.close()
        if threading.current_thread() in self._threads:
            return
        until = time.monotonic() + JOIN_S
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))
        self._state = _State(closed=True, error=self._state.error)

    def _run(self, role: Callable[[], None]) -> None:
        try:
            role()
        except WireClosed:
            pass
        except BaseException as error:  # noqa: BLE001 it is the caller's, whatever it is
            with self._lock:
                if self._state.error is None:
                    self._state.error = error
                self._state.closed = True
                for condition in (self._room, self._to_fetch, self._to_make, self._made):
                    condition.notify_all()
            self._work.wire.close()

    def _feed(self) -> None:
        work, state = self._work, self._state
        for number in range(work.first_window, work.epoch.windows) if work.batches else ():
            layout = work.layout(number)
            size = work.buffer_bytes(number, layout)
            held = self._need.decoded_bytes[number]
            with self._lock:
                while not state.closed and not self._has_room(size, held):
                    if self._buffers.drop():
                        continue
                    if not state.windows:  # the only one fits: that was checked before
                        break
                    self._room.wait()
                if state.closed:
                    return
                state.decoded_bytes += held
                buffer = self._buffers.take(size)
            missing = [0] * len(layout.groups)
            for byte_range in layout.ranges:
                for position in byte_range.groups:
                    missing[position] += 1
            opened = _Open(number, layout, work.open(number, layout, buffer), buffer, held, missing, len(layout.groups))
            with self._lock:
                state.windows[number] = opened
                state.ranges.extend((opened, byte_range) for byte_range in layout.ranges)
                state.decodes.extend((opened, position) for position, count in enumerate(missing) if count == 0)
                self._to_fetch.notify(len(layout.ranges))
                self._to_make.notify_all()
            mixed = work.epoch.mixed(number)  # while its first bytes come
            with self._lock:
                opened.mixed = mixed
                self._advance()

    def _fetch(self) -> None:
        state = self._state
        while True:
            with self._lock:
                self._to_fetch.wait_for(lambda: state.closed or state.ranges)
                if state.closed:
                    return
                opened, byte_range = state.ranges.popleft()
            with self._clock.fetching(byte_range.length):
                self._work.wire.read(byte_range.file, byte_range.start, byte_range.parts(opened.buffer))
            with self._lock:
                for position in byte_range.groups:
                    opened.missing[position] -= 1
                    if opened.missing[position] == 0:
                        state.decodes.append((opened, position))
                        self._to_make.notify()
                        if len(state.decodes) > state.idle_makers:
                            self._made.notify()

    def _make(self) -> None:
        state = self._state
        while True:
            with self._lock:
                state.idle_makers += 1
                self._to_make.wait_for(lambda: state.closed or self._next_unit() is not None or state.decodes)
                state.idle_makers -= 1
                if state.closed:
                    return
                units = self._claim(BATCHES_A_TURN)
                decode = None if units else state.decodes.popleft()
            self._work_on(units, decode)

    def _work_on(self, units: list[_Unit], decode: tuple[_Open, int] | None) -> None:
        """Does what was claimed, without the lock."""
        if decode is not None:
            self._decode(*decode)
        for unit in units:
            self._gather(*unit)

    def _has_a_turn(self) -> bool:
        """Whether there is enough to do that waking a maker is worth it."""
        state = self._state
        queued = state.ready_bytes + (len(state.missing_rows) + BATCHES_A_TURN) * self._batch_bytes
        return queued <= self._queue_bytes or not state.ready

    def _claim(self, most: int) -> list[_Unit]:
        """Takes what can be gathered next, for a turn."""
        state = self._state
        units: list[_Unit] = []
        while len(units) < most:
            unit = self._next_unit()
            if unit is None:
                break
            batch, start, stop = unit
            if batch not in state.missing_rows:
                _, first, last = self._work.batch_of(start)
                state.missing_rows[batch] = last - first
                state.pieces[batch] = {}
            state.gathering.add(start)
            state.next_row = stop
            units.append(unit)
        return units

    def _next_unit(self) -> _Unit | None:
        """Rows that can be gathered next: their batch, the first, and the last + 1.

        A batch whose rows lie in several windows is gathered in pieces, each as soon as its window is decoded: no
        window is held for the next one, for which there may be no room.
        """
        state, work = self._state, self._work
        if state.next_row >= state.decoded_rows:
            return None
        batch, _, stop = work.batch_of(state.next_row)
        queued = state.ready_bytes + len(state.missing_rows) * self._batch_bytes
        begun = batch == state.next_batch or batch in state.missing_rows
        if not begun and queued + self._batch_bytes > self._queue_bytes:
            return None
        return batch, state.next_row, min(stop, state.decoded_rows)

    def _decode(self, opened: _Open, position: int) -> None:
        with self._clock.making():
            opened.window.decode(position)
        with self._lock:
            opened.undecoded -= 1
            last = opened.undecoded == 0
        if not last:
            return
        with self._clock.making():
            opened.window.finish()
        with self._lock:
            opened.decoded = True
            self._advance()

    def _advance(self) -> None:
        """What is decoded in one piece from the beginning can be gathered."""
        state = self._state
        frontier = state.frontier
        while (opened := state.windows.get(frontier)) is not None and opened.decoded and opened.mixed is not None:
            frontier += 1
        if frontier > state.frontier:
            state.frontier = frontier
            state.decoded_rows = int(self._work.epoch.starts[frontier])
            self._to_make.notify_all()
            self._made.notify()

    def _gather(self, batch: int, start: int, stop: int) -> None:
        state = self._state
        with self._lock:
            if self._state.closed:  # since this was claimed; the windows may be gone
                return
            windows = {
                number: (opened.window, opened.mixed)
                for number, opened in state.windows.items()
                if opened.mixed is not None
            }
        with self._clock.making():
            arrays = gather(self._work.parts(start, stop), windows)
        with self._lock:
            if state.closed:
                return
            state.gathering.remove(start)
            state.pieces[batch][start] = arrays
            state.missing_rows[batch] -= stop - start
            self._release()
            if state.missing_rows[batch]:
                return
            pieces = state.pieces.pop(batch)
            if len(pieces) > 1:
                arrays = joined([pieces[first] for first in sorted(pieces)])
            del state.missing_rows[batch]
            state.ready[batch] = arrays
            state.ready_bytes += _size(arrays)
            if batch == state.next_batch:
                self._made.notify()

    def _release(self) -> None:
        """Gives back the windows whose rows have all been gathered."""
        state = self._state
        oldest = min(state.gathering, default=state.next_row)
        for number in [window for window in state.windows if int(self._work.epoch.starts[window + 1]) <= oldest]:
            opened = state.windows.pop(number)
            state.decoded_bytes -= opened.decoded_bytes
            self._buffers.give_back(opened.buffer)
            self._room.notify()

    def _has_room(self, buffer_bytes: int, decoded_bytes: int) -> bool:
        """Whether another window can be admitted."""
        state = self._state
        held = state.decoded_bytes + decoded_bytes + self._buffers.held_bytes_with(buffer_bytes)
        return held <= self._ahead_bytes


def _size(batch: Batch) -> int:
    return sum(array.nbytes for array in batch.values())
