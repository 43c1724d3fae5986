"""A table as batches of arrays: shuffled, resumable, elastic, in a fixed memory.

How it goes: `files.manifest` (what the footers say) → `plan.epoch_plan` (the order) → `files.window_layout` (which
bytes) → `wire.http_wire` (fetch) → `window` and `columns.decode` → `batch_work` (gather), all of it run by the threads
of `reader_threads`.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np

from seatrial.batches.columns.array_outputs import Columns, Decode, Form, Output, outputs_of, packed_rows
from seatrial.batches.columns.packed_columns import packed_columns
from seatrial.batches.files.manifest import Manifest, cache_folder
from seatrial.batches.files.table_source import TableSource, deleted_rows, manifest_of
from seatrial.batches.files.window_layout import Files
from seatrial.batches.plan.cursor import cursor_at, delivered_by
from seatrial.batches.plan.epoch_plan import Epoch, Plan, epoch_of
from seatrial.batches.plan.memory_budget import Memory, memory_of
from seatrial.batches.reading.batch_work import Batch, Work
from seatrial.batches.reading.reader_threads import Pipeline, Threads
from seatrial.batches.reading.window import Keep
from seatrial.batches.telemetry.reader_stats import Clock, Stats
from seatrial.batches.telemetry.stats_exporter import StatsExporter, process_exporter
from seatrial.batches.wire.http_wire import Limits
from seatrial.batches.wire.open_wire import open_wire
from seatrial.batches.wire.wire import WireClosed
from seatrial.errors import InputError

# Bandwidth × latency: eight ranges of 8 MiB under way fill 3 GB/s at 20 ms. A local file has no latency to hide.
FETCHERS, LOCAL_FETCHERS = 8, 2
MOST_MAKERS = 8


@dataclass(frozen=True, slots=True)
class OpenEpoch:
    """An epoch that can be read: everything that is known before the first data byte is fetched."""

    source: TableSource
    manifest: Manifest
    epoch: Epoch
    live: Any
    keep: Keep
    files: Files
    outputs: tuple[Output, ...]
    plain: frozenset[str]  # packed columns that are gathered from where they were received
    memory: Memory
    threads: Threads
    limits: Limits | None = None

    def of(self, plan: Plan) -> OpenEpoch:
        """The same under another plan."""
        epoch = epoch_of(self.live, self.manifest.size_bytes, self.source.order_key, plan)
        memory = memory_of(
            epoch,
            self.manifest,
            self.live,
            self.outputs,
            self.plain,
            makers=self.threads.makers,
            path=self.source.path,
        )
        return replace(self, epoch=epoch, memory=memory)

    def start(self, delivered: int, clock: Clock) -> Pipeline:
        """The threads, under way from that row on."""
        wire = open_wire(str(self.source.files[0].path), self.source.store, self.limits)
        path = self.source.path
        work = Work(self.epoch, delivered, self.files, self.live, self.keep, self.outputs, wire, path)
        return Pipeline(work, self.threads, self.memory, clock)


class Batches(Iterator[Batch]):
    """The batches of one epoch, for one rank: a dict of owned, writable arrays, by name.

    Numbers, booleans and dates keep their type; text is NumPy's StringDType; a packed column, stacked columns and lists
    are array[rows, width]. Every rank gets equally many batches; stripes of the last may be smaller, or empty. Threads
    start with the first batch and end with the last; `close`, or leaving a `with` block, ends them before. One thread
    at a time may ask for batches.
    """

    def __init__(self, opened: OpenEpoch, delivered: int) -> None:
        self._opened = opened
        self._delivered = delivered
        threads, epoch = opened.threads, opened.epoch
        self._clock = Clock(
            threads.fetchers, threads.makers, epoch=epoch.plan.epoch, rows=epoch.rows, delivered=delivered
        )
        self._pipeline: Pipeline | None = None
        self._process = os.getpid()
        self._failure: BaseException | None = None
        self._closed = False
        self._finalizer: Callable[[], object] = _nothing

    def __next__(self) -> Batch:
        if self._failure is not None:
            raise InputError(
                "the reader failed before.", path=self._opened.source.path, hint="Open another one at its cursor."
            ) from self._failure
        if self._closed or self._delivered >= self._opened.epoch.rows:
            self.close()
            raise StopIteration
        try:
            batch = self._threads().next()
        except WireClosed:  # another thread did
            raise StopIteration from None
        except BaseException as error:
            self._failure = error
            self.close()
            if isinstance(error, StopIteration):  # to a loop it would be the end of the rows
                raise InputError(
                    "a function of `decode` raised StopIteration.",
                    path=self._opened.source.path,
                    hint="Let it raise another error, or give an array.",
                ) from error
            raise
        self._delivered = min(self._delivered + self._opened.epoch.plan.batch_rows, self._opened.epoch.rows)
        self._clock.delivered(len(next(iter(batch.values()), ())), self._delivered)
        if self._delivered == self._opened.epoch.rows:
            self.close()
        return batch

    def __len__(self) -> int:
        """How many batches are still to come."""
        return -(-(self._opened.epoch.rows - self._delivered) // self._opened.epoch.plan.batch_rows)

    def __reduce__(self) -> tuple[object, ...]:
        return Batches, (self._opened, self._delivered)  # for a worker that is spawned: it starts its own threads

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def cursor(self, *, ahead: int = 0) -> str:
        """A small JSON of what was delivered, the batch in hand included; with `ahead`, of so many batches more.

        It speaks for all ranks, so they must have taken equally many batches, as ranks that train together have. Where
        something between the reader and the training holds batches back, `ahead` counts those that were trained on.
        """
        opened = self._opened
        delivered = min(self._delivered + ahead * opened.epoch.plan.batch_rows, opened.epoch.rows)
        return cursor_at(opened.source.digest, opened.epoch.plan, delivered).written()

    def stats(self) -> Stats:
        """What was read so far and how fast, and what limits it: the wire, decoding, or whoever takes the batches."""
        return self._clock.read()

    def close(self) -> None:
        """Ends the threads at once. Nothing is read any more; the cursor stays."""
        self._closed = True
        self._finalizer()

    def at(self, *, cursor: str | None = None, epoch: int | None = None) -> Batches:
        """The same batches from another place: a reader that has not started, of this or another epoch."""
        opened = self._opened
        plan = opened.epoch.plan if epoch is None else replace(opened.epoch.plan, epoch=epoch)
        source = opened.source
        anew = opened.of(plan)
        delivered = (
            0 if cursor is None else delivered_by(cursor, source.digest, anew.epoch.rows, plan, path=source.path)
        )
        return Batches(anew, delivered)

    @property
    def epoch(self) -> int:
        """Which epoch it is."""
        return self._opened.epoch.plan.epoch

    @property
    def opened(self) -> OpenEpoch:
        """What is known of it before anything is read."""
        return self._opened

    def _threads(self) -> Pipeline:
        if self._pipeline is None:
            self._clock.start()
            self._process = os.getpid()
            self._pipeline = self._opened.start(self._delivered, self._clock)
            # Not bound to self: whoever forgets a reader ends it, too.
            exporter = process_exporter()
            self._finalizer = weakref.finalize(self, _close_in, self._process, self._pipeline, self._clock, exporter)
            if exporter is not None:
                exporter.begin(self._clock, self, world=self._opened.epoch.plan.world)
        elif self._process != os.getpid():
            raise InputError(
                "the reader was started in another process, and its threads stayed there.",
                path=self._opened.source.path,
                hint="Start it where it is used: fork before the first batch is asked for.",
            )
        return self._pipeline


def _nothing() -> None:
    """Nothing has started."""


def _close_in(process: int, pipeline: Pipeline, clock: Clock, exporter: StatsExporter | None) -> None:
    if os.getpid() == process:  # a fork has no threads to end, and locks that nobody will open
        clock.stop()
        pipeline.close()
        if exporter is not None:
            exporter.end(clock)


def open_batches(
    source: TableSource,
    *,
    columns: Columns,
    plan: Plan,
    cursor: str | None,
    decode: Mapping[str, Decode] | None = None,
    limits: Limits | None = None,
) -> Batches:
    """The batches of `source` from `cursor` on, or from the beginning. Reads footers only, and those once."""
    manifest = manifest_of(source, cache_folder())
    packed = packed_columns(source.schema, source.properties, path=source.path)
    outputs = outputs_of(columns, source.schema, packed, decode or {}, check=source.check_columns, path=source.path)
    keep = deleted_rows(source, manifest)
    live = manifest.rows.copy()
    for group, stay in keep.items():
        live[group] = int(stay.sum())
    if not keep:
        _refuse_known_nulls(outputs, manifest, path=source.path)
    epoch = epoch_of(live, manifest.size_bytes, source.order_key, plan)
    delivered = 0 if cursor is None else delivered_by(cursor, source.digest, epoch.rows, plan, path=source.path)
    files = Files(manifest, source.ids, source.constants)
    plain: frozenset[str] = frozenset()
    makers = min(len(os.sched_getaffinity(0)), MOST_MAKERS)
    if epoch.windows:
        row_bytes = packed_rows(outputs)
        members = epoch.members(0)
        plain = files.layout(members.tolist(), live[members].tolist(), list(row_bytes), row_bytes).plain
    memory = memory_of(epoch, manifest, live, outputs, plain, makers=makers, path=source.path)
    local = bool(source.files) and urlsplit(source.files[0].path).scheme in ("", "file")
    threads = Threads(LOCAL_FETCHERS if local else FETCHERS, makers)
    return Batches(
        OpenEpoch(source, manifest, epoch, live, keep, files, tuple(outputs), plain, memory, threads, limits), delivered
    )


def _refuse_known_nulls(outputs: list[Output], manifest: Manifest, *, path: str) -> None:
    """Nulls that the footers know of are told before anything is read; the others when they are met."""
    for output in outputs:
        for field in output.fields:
            nulls = manifest.column_nulls.get(field.name)
            has_missing = output.dtype is not None and output.dtype.kind in "fM"  # NaN, NaT
            if nulls is None or output.form is Form.LISTS or (has_missing and output.packed is None):
                continue
            count = int(np.nansum(nulls))
            if count:
                mends = {
                    Form.TEXT: 'Fill them with "" in the step that writes the table.',
                    Form.PACKED: "Write every row's features.",
                    Form.DECODED: "Leave those rows out when the table is written.",
                }
                hint = "Fill them in the step that writes the table, or make the column a double there."
                raise InputError(
                    f'column "{field.name}" ({field.type}) holds {count} nulls, and its array cannot hold nulls.',
                    path=path,
                    hint=mends.get(output.form, hint),
                )
