"""Counts of requests, runs and rows since the server began: plain numbers, a fraction of a microsecond each."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from seatrial.models.predictor import Predictions
from seatrial.serve.formats.request_columns import Question
from seatrial.serve.observation.distributions import Distributions
from seatrial.serve.sampling.sampler import Sampler

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0, 4096.0, 16384.0)
_TOO_MANY, _ENDING, _LATE = 429, 503, 504
REFUSALS = ("queue", "late", "ending")
CLIENT_GONE = 499  # as nginx logs it; HTTP has no status that nobody receives


@dataclass(slots=True)
class Timing:
    """How many, and how long together."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.count += 1
        self.seconds += seconds


@dataclass(slots=True)
class Histogram:
    """Values by the first bound that is not below them; the last bucket has no bound."""

    bounds: tuple[float, ...]
    buckets: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.buckets = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """One more value."""
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value


class Counts:
    """Counted in the event loop (`responded`) and in the thread of the model (`ran`), each its own numbers."""

    def __init__(self, distributions: Distributions | None = None, sampler: Sampler | None = None) -> None:
        self.distributions = distributions
        self.sampler = sampler
        self.latency: dict[tuple[str, str], Histogram] = {}  # by route and outcome
        self.refused: Counter[str] = Counter()  # by reason
        self.answered, self.failed, self.runs = Timing(), Timing(), Timing()
        self.rows = 0
        self.batch_rows = Histogram(ROWS)
        self.last_run = 0.0  # seconds since the epoch

    def responded(
        self, route: str, status: int, seconds: float, *, inference: bool, refusal: str | None = None
    ) -> None:
        """A request was answered with this status, so long after its headers came; `refusal`: why it was refused."""
        outcome = _outcome(status)
        histogram = self.latency.get((route, outcome))
        if histogram is None:
            histogram = self.latency[route, outcome] = Histogram(SECONDS)
        histogram.add(seconds)
        if refusal is not None:
            self.refused[refusal] += 1
        if inference:
            (self.answered if outcome == "answered" else self.failed).add(seconds)

    def ran(self, questions: Sequence[Question], predictions: Predictions, seconds: float) -> None:
        """The model ran once for these questions."""
        rows = len(predictions.labels)
        self.runs.add(seconds)
        self.rows += rows
        self.batch_rows.add(rows)
        self.last_run = time.time()
        if self.distributions is not None:
            for question in questions:
                self.distributions.add(question.columns)
            self.distributions.add_answers(predictions)
        if self.sampler is not None:
            self.sampler.ran(questions, predictions)


def _outcome(status: int) -> str:
    if status < 400:
        return "answered"
    if status == CLIENT_GONE:
        return "gone"
    if status in (_TOO_MANY, _ENDING, _LATE):
        return "refused"
    return "failed" if status >= 500 else "bad_request"
