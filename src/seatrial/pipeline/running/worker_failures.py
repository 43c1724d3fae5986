"""Which of a step's workers failed first, and what it said: when one dies, those that wait for it soon fail, too. Pure.

A worker's answer has the moment at which it failed. One that was killed left none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.errors import Problems, SeatrialError

FAILED_AT = "failed_at"  # seconds of the clock that time.time() reads, in the answer of a worker that failed


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """One worker that ended badly: its answer is empty where it died without one; `killed` from outside."""

    rank: int
    answer: bytes
    killed: bool


def first_failure(failures: Sequence[WorkerFailure]) -> WorkerFailure:
    """The one for which the others failed: one that was killed, else that died, else the earliest by its own clock."""
    return min(
        failures,
        key=lambda failure: (not failure.killed, bool(failure.answer), failed_at(failure.answer), failure.rank),
    )


def of_rank(error: SeatrialError, rank: int, workers: int) -> SeatrialError:
    """The error, which says whose it is where the step has several workers."""
    if workers == 1:
        return error
    if isinstance(error, Problems):
        return Problems([of_rank(each, rank, workers) for each in error.each])
    problem = f"rank {rank} of {workers}: {error.problem}"
    return type(error)(problem, path=error.path, line=error.line, hint=error.hint)


def rank_lines(rank: int, content: bytes) -> bytes:
    """What a worker printed, with its rank before each line: as it stands in the step's log, behind rank 0's."""
    return b"".join(b"[rank %d] %b\n" % (rank, line) for line in content.splitlines())


def failed_at(answer: bytes) -> float:
    """When the worker failed; infinity where it did not say that it did."""
    try:
        return float(json.loads(answer)[FAILED_AT])
    except (ValueError, LookupError, TypeError):
        return float("inf")
