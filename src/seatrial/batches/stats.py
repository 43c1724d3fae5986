"""Where a reader's time goes: who waits for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

Bottleneck = Literal["wire", "decode", "trainer"]
WAITS_RARELY = 0.05  # of the time: a trainer that waits less is what limits


@dataclass(frozen=True, slots=True)
class Stats:
    """What a reader has done so far. Seconds of threads add up over them."""

    seconds: float  # since the first batch was asked for
    rows: int  # that this rank was given
    batches: int
    fetched_bytes: int
    requests: int
    first_batch_s: float | None
    waited_s: float  # that the caller waited for batches
    fetching_s: float
    making_s: float  # decoding and gathering
    fetchers: int
    makers: int
    bottleneck: Bottleneck

    def __str__(self) -> str:
        rate = self.rows / self.seconds if self.seconds else 0.0
        wire = self.fetched_bytes / self.seconds / 1e6 if self.seconds else 0.0
        return f"{rate:,.0f} rows/s, {wire:,.0f} MB/s, waiting for the {self.bottleneck}"


class Clock:
    """Adds up times; safe to share between threads."""

    def __init__(self, fetchers: int, makers: int) -> None:
        self._fetchers, self._makers = fetchers, makers
        self._lock = threading.Lock()
        self._started: float | None = None
        self._first: float | None = None
        self._ended: float | None = None
        self._waited = self._fetching = self._making = 0.0
        self._bytes = self._requests = self._rows = self._batches = 0

    def start(self) -> None:
        """The first batch was asked for."""
        if self._started is None:
            self._started = time.perf_counter()

    def stop(self) -> None:
        """Nothing more is asked for."""
        if self._ended is None:
            self._ended = time.perf_counter()

    def delivered(self, rows: int) -> None:
        """A batch was given."""
        if self._first is None:
            self._first = time.perf_counter()
        self._rows += rows
        self._batches += 1

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The caller waits within the block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._waited += time.perf_counter() - began

    @contextmanager
    def fetching(self, size_bytes: int) -> Iterator[None]:
        """A thread fetches within the block."""
        began = time.perf_counter()
        yield
        with self._lock:
            self._fetching += time.perf_counter() - began
            self._bytes += size_bytes
            self._requests += 1

    @contextmanager
    def making(self) -> Iterator[None]:
        """A thread decodes or gathers within the block."""
        began = time.perf_counter()
        yield
        with self._lock:
            self._making += time.perf_counter() - began

    def read(self) -> Stats:
        """What has been added up so far."""
        now = self._ended if self._ended is not None else time.perf_counter()
        seconds = 0.0 if self._started is None else now - self._started
        bottleneck: Bottleneck = "wire"
        # the wait for the first batch is start-up, whoever is slow later
        first = 0.0 if self._first is None or self._started is None else self._first - self._started
        if self._waited - first < WAITS_RARELY * max(seconds - first, 0.0):
            bottleneck = "trainer"
        elif self._making / self._makers > self._fetching / self._fetchers:
            bottleneck = "decode"
        return Stats(
            seconds=seconds,
            rows=self._rows,
            batches=self._batches,
            fetched_bytes=self._bytes,
            requests=self._requests,
            first_batch_s=None if self._first is None else first,
            waited_s=self._waited,
            fetching_s=self._fetching,
            making_s=self._making,
            fetchers=self._fetchers,
            makers=self._makers,
            bottleneck=bottleneck,
        )
