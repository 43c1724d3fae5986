"""Rows drawn at random beside the answering, written to a store by a thread of their own.

Answering never waits for it: what does not fit in the queue, comes faster than the limit, or finds the store away, is
dropped and counted.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from seatrial.models.predictor import Predictions
from seatrial.models.signature import Signature
from seatrial.serve.formats.request_columns import Question
from seatrial.serve.sampling.sampled_row import SampledRow, as_parquet, kept_inputs, sampled_row

ROWS_A_SECOND = 100.0  # 8.6 million a day: more than any bound needs
QUEUE_BYTES = 32 * 2**20  # of rows that are not written yet, those of the next file included
ROW_BYTES = 64 * 2**10  # a row with longer texts is dropped
FILE_ROWS = 50_000
FILE_S = 60.0  # how old the first row of a file may be
END_S = 10.0  # for the last file, after everybody was answered
OUTCOMES = ("written", "dropped", "failed")  # dropped: beyond a limit; failed: the store did not take them
_BURST_S = 10.0  # rows of so many seconds may come at once
_LOG_S = 60.0  # between two lines about a store that is away

_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where files go."""

    def put(self, key: str, content: bytes) -> object:
        """Writes an object whole."""
        ...


class Sampler:
    """Owns the thread that writes. `ran` is called in the thread that answers, `close` once, at the end."""

    def __init__(
        self,
        sink: Sink,
        signature: Signature,
        *,
        share: float,
        release: str,
        prefix: str,
        without: Sequence[str] = (),
        rows_a_second: float = ROWS_A_SECOND,
        file_s: float = FILE_S,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        """`share` of all rows are drawn; `release` is its digest; files are PREFIX, then DATE/TIME-….parquet."""
        self._sink, self._signature, self._share = sink, signature, share
        self._release, self._prefix = release, prefix
        self._kept = kept_inputs(signature, without)
        self._rows_a_second, self._file_s, self._clock = rows_a_second, file_s, clock
        self._chance = chance or random.Random()  # noqa: S311 nothing secret
        self._allowed, self._allowed_at = rows_a_second * _BURST_S, clock()
        self._queue: queue.SimpleQueue[tuple[float, SampledRow] | None] = queue.SimpleQueue()
        self._held = 0  # bytes in the queue and in the file to come
        self._lock = threading.Lock()
        self._logged = 0.0
        self.counts: Counter[str] = Counter()  # rows by outcome
        self._thread = threading.Thread(target=self._work, name="sampling", daemon=True)
        self._thread.start()

    def ran(self, questions: Sequence[Question], predictions: Predictions) -> None:
        """Draws from the rows that were answered, whose answers follow each other; never raises."""
        try:
            start = 0
            for question in questions:
                for place in self._drawn(question.rows):
                    self._keep(question, predictions, start, place)
                start += question.rows
        except Exception:  # noqa: BLE001  # whatever it is, the answer goes out
            self._told("rows could not be sampled")

    def close(self, limit_s: float = END_S) -> None:
        """Writes what is there, within the limit."""
        self._queue.put(None)
        self._thread.join(limit_s)

    def _drawn(self, rows: int) -> list[int]:
        """Places in any order: where more are drawn than may be kept, those kept are drawn too, and not the first."""
        chance, share = self._chance.random, self._share
        places = [place for place in range(rows) if chance() < share]
        self._chance.shuffle(places)
        return places

    def _keep(self, question: Question, predictions: Predictions, start: int, place: int) -> None:
        now = self._clock()
        most = self._rows_a_second * _BURST_S
        self._allowed = min(most, self._allowed + (now - self._allowed_at) * self._rows_a_second)
        self._allowed_at = now
        if self._allowed < 1:
            self._count("dropped", 1)
            return
        # The question's rows alone: its columns know nothing of the questions that shared the run.
        own = Predictions(
            predictions.labels[start : start + question.rows],
            None if predictions.probabilities is None else predictions.probabilities[start : start + question.rows],
            None if predictions.interval is None else predictions.interval[start : start + question.rows],
        )
        row = sampled_row(question.columns, self._kept, own, self._signature, place, question.request_id)
        with self._lock:
            fits = row.size <= ROW_BYTES and self._held + row.size <= QUEUE_BYTES
            self._held += row.size if fits else 0
        if not fits:
            self._count("dropped", 1)
            return
        self._allowed -= 1
        self._queue.put((now, row))

    # In the thread.

    def _work(self) -> None:
        import pyarrow.parquet  # noqa: F401  # takes a second, which the end has not got

        rows: list[tuple[float, SampledRow]] = []
        begun = time.monotonic()
        while True:
            try:
                item = self._queue.get(timeout=max(0.0, begun + self._file_s - time.monotonic()) if rows else None)
            except queue.Empty:
                self._write(rows)
                rows = []
                continue
            if item is None:
                self._write(rows)
                return
            if not rows:
                begun = time.monotonic()
            rows.append(item)
            if len(rows) >= FILE_ROWS:
                self._write(rows)
                rows = []

    def _write(self, rows: list[tuple[float, SampledRow]]) -> None:
        if not rows:
            return
        try:
            moment = datetime.fromtimestamp(rows[0][0], UTC)
            key = f"{self._prefix}{moment:%Y-%m-%d}/{moment:%H%M%S}-{uuid.uuid4().hex[:12]}.parquet"
            content = as_parquet(rows, self._signature, self._kept, release=self._release, share=self._share)
            self._sink.put(key, content)
            outcome = "written"
        except Exception as error:  # noqa: BLE001  # whatever it is, the service goes on
            outcome = "failed"
            self._told(f"{len(rows)} sampled rows could not be written: {error}")
        self._count(outcome, len(rows))
        with self._lock:
            self._held -= sum(row.size for _, row in rows)

    def _count(self, outcome: str, rows: int) -> None:
        with self._lock:
            self.counts[outcome] += rows

    def _told(self, problem: str) -> None:
        if (now := time.monotonic()) >= self._logged:
            self._logged = now + _LOG_S
            _log.warning("%s", problem)
