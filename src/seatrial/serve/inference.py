"""Inference beside the event loop: one thread, a queue bounded in requests and bytes, and time limits.

Requests that wait together may be answered by one run of the model (`merge_rows`): each gets its own rows, and one
that fails is asked again alone, so that it fails by itself.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.models.predictor import ArrayPredictor, Predictions
from seatrial.serve.formats.request_columns import Question, Reply

QUEUE_REQUESTS = 256
QUEUE_BYTES = 256 * 2**20
TIMEOUT_S = 30.0
MERGED_REQUESTS = 64  # taken at once at most, and so many bytes: the first of them waits until all are read
MERGED_BYTES = 4 * 2**20
_STOPPING = "the server is shutting down"


class Busy(Exception):
    """The queue is full: the client may try again."""


class Stopping(Busy):
    """The server ends before the answer."""


class Gone(Exception):
    """The client went away before it was answered."""


class Late(Exception):
    """The answer took longer than the server's limit, or than the client's (`of_client`)."""

    def __init__(self, message: str, *, of_client: bool) -> None:
        super().__init__(message)
        self.of_client = of_client


def refusal_of(error: BaseException) -> str | None:
    """Why a request was refused, for the metrics; None for an error that is no refusal."""
    for kind, reason in ((Stopping, "ending"), (Busy, "queue"), (Late, "late")):
        if isinstance(error, kind):
            return reason
    return None


class Observer(Protocol):
    """Who counts what the thread does; called in it."""

    def ran(self, questions: Sequence[Question], predictions: Predictions, seconds: float) -> None:
        """One run of the model answered these questions, whose answers follow each other in `predictions`."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What may wait, and how long."""

    requests: int = QUEUE_REQUESTS
    bytes: int = QUEUE_BYTES
    timeout_s: float = TIMEOUT_S
    merge_rows: int = 1  # rows of one run that several requests share; 1: none shares


class _Job:
    """One request: what reads it, who waits for it, and whether anybody still does."""

    __slots__ = ("future", "read", "size", "timer")

    def __init__(self, read: Callable[[], Question], size: int, future: asyncio.Future[Reply]) -> None:
        self.read: Callable[[], Question] | None = read  # None: nobody waits any longer
        self.size = size
        self.future = future
        self.timer: asyncio.TimerHandle | None = None


class Inference:
    """Owns the thread that answers; onnxruntime spreads each answer over the cores itself.

    Everything but the thread's own work happens in the event loop that called `answer`.
    """

    def __init__(self, predictor: ArrayPredictor, limits: Limits, *, observer: Observer | None = None) -> None:
        self._predictor = predictor
        self._limits = limits
        self._observer = observer
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._jobs: set[_Job] = set()
        self._bytes = 0
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def waiting(self) -> int:
        """Requests that wait for their answers, the one that is being answered included."""
        return len(self._jobs)

    async def answer(
        self,
        read: Callable[[], Question],
        size: int,
        *,
        timeout_s: float | None = None,
        on_wait: Callable[[Callable[[], None]], None] = lambda _give_up: None,
    ) -> Reply:
        """The reply to what `read` gives, called in the thread; its errors are raised here.

        `Busy` where so many requests, or so many bytes with these `size`, wait already; `Late` after the server's
        limit or the client's `timeout_s`. `on_wait` gets what to call when the client has gone.
        """
        if self._stopped:
            raise Stopping(_STOPPING)
        if len(self._jobs) >= self._limits.requests:
            raise Busy(f"{self._limits.requests} requests are waiting already")
        if self._jobs and self._bytes + size > self._limits.bytes:
            raise Busy(f"{self._bytes} bytes of requests are waiting already")
        loop = self._start()
        job = _Job(read, size, loop.create_future())
        self._jobs.add(job)
        self._bytes += size
        of_client = timeout_s is not None and timeout_s < self._limits.timeout_s
        limit_s = timeout_s if of_client and timeout_s is not None else self._limits.timeout_s
        late = Late(f"the model did not answer within {limit_s:g} s", of_client=of_client)
        job.timer = loop.call_later(limit_s, self._end, job, late)
        on_wait(lambda: self._end(job, Gone("the client went away")))
        self._queue.put(job)
        try:
            return await job.future
        finally:
            self._forget(job)

    def stop_answering(self) -> None:
        """From now on whoever waits for an answer, or asks for one, gets `Stopping`. Called within the loop."""
        self._stopped = True
        for job in tuple(self._jobs):
            self._end(job, Stopping(_STOPPING))

    def close(self) -> None:
        """Lets the thread finish what it has begun, and joins it; the next answer would begin another."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = self._loop = None

    def _start(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, name="inference", daemon=True)
            self._thread.start()
        return self._loop

    def _end(self, job: _Job, error: Exception) -> None:
        self._forget(job)
        if not job.future.done():
            job.future.set_exception(error)

    def _forget(self, job: _Job) -> None:
        job.read = None  # the thread passes over it, and its body is free
        if job.timer is not None:
            job.timer.cancel()
        if job in self._jobs:
            self._jobs.discard(job)
            self._bytes -= job.size

    def _deliver(self, job: _Job, outcome: Reply | Exception) -> None:
        if isinstance(outcome, Exception):
            self._end(job, outcome)
        elif not job.future.done():
            job.future.set_result(outcome)

    # In the thread.

    def _work(self) -> None:
        while (jobs := self._take()) is not None:
            for job, outcome in self._outcomes(jobs):
                self._tell(job, outcome)

    def _take(self) -> list[_Job] | None:
        job = self._queue.get()
        if job is None:
            return None
        jobs = [job]
        if self._limits.merge_rows > 1:
            size = job.size
            while len(jobs) < MERGED_REQUESTS and size < MERGED_BYTES:
                try:
                    job = self._queue.get_nowait()
                except Empty:
                    break
                if job is None:
                    self._queue.put(None)  # the end, once these are answered
                    break
                jobs.append(job)
                size += job.size
        return jobs

    def _outcomes(self, jobs: Sequence[_Job]) -> Iterator[tuple[_Job, Reply | Exception]]:
        group: list[tuple[_Job, Question]] = []
        rows = 0
        for job in jobs:
            read = job.read
            if read is None:
                continue
            try:
                question = read()
            except Exception as error:  # noqa: BLE001  # whoever waits is told, whatever it is
                yield job, error
                continue
            if group and rows + question.rows > self._limits.merge_rows:
                yield from self._together(group)
                group, rows = [], 0
            group.append((job, question))
            rows += question.rows
        if group:
            yield from self._together(group)

    def _together(self, group: Sequence[tuple[_Job, Question]]) -> Iterator[tuple[_Job, Reply | Exception]]:
        questions = [question for _, question in group]
        try:
            parts = self._run(questions)
        except Exception as error:  # noqa: BLE001
            if len(group) == 1:
                yield group[0][0], error
            else:
                for member in group:  # whose fault it was, and whose it was not
                    yield from self._together([member])
            return
        for (job, question), predictions in zip(group, parts, strict=True):
            try:
                yield job, question.reply(predictions)
            except Exception as error:  # noqa: BLE001
                yield job, error

    def _run(self, questions: Sequence[Question]) -> list[Predictions]:
        begun = time.perf_counter()
        predictions = self._predictor.predict_arrays(merged([question.columns for question in questions]))
        rows = sum(question.rows for question in questions)
        if len(predictions.labels) != rows:
            raise AssertionError(f"{len(predictions.labels)} answers to {rows} rows")
        if self._observer is not None:
            self._observer.ran(questions, predictions, time.perf_counter() - begun)
        return split(predictions, [question.rows for question in questions])

    def _tell(self, job: _Job, outcome: Reply | Exception) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():  # closing down: nobody waits any more
            loop.call_soon_threadsafe(self._deliver, job, outcome)


def merged(parts: Sequence[Mapping[str, NDArray[Any]]]) -> Mapping[str, NDArray[Any]]:
    """The rows of all parts, which have the same columns, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def split(predictions: Predictions, rows: Sequence[int]) -> list[Predictions]:
    """The answers to so many rows each, in their order."""
    if len(rows) == 1:
        return [predictions]
    parts, start = [], 0
    for count in rows:
        piece = slice(start, start + count)
        parts.append(
            replace(
                predictions,
                labels=predictions.labels[piece],
                probabilities=None if predictions.probabilities is None else predictions.probabilities[piece],
                interval=None if predictions.interval is None else predictions.interval[piece],
            )
        )
        start += count
    return parts
