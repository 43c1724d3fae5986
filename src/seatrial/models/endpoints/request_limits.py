"""How gently a running service is asked: its owner did not order this measurement."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from seatrial.errors import InputError


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """At most `rows_per_request` rows in a request, `at_once` requests on their way, `requests_per_s` begun.

    A request has failed after `timeout_s`; it is sent `retries` times more where that may help. All of it, pauses
    included, takes at most `total_s`.
    """

    rows_per_request: int = 500
    at_once: int = 2
    requests_per_s: float = 10.0
    timeout_s: float = 30.0
    retries: int = 5
    total_s: float = 3600.0

    def __post_init__(self) -> None:
        for name in ("rows_per_request", "at_once", "requests_per_s", "timeout_s", "total_s"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name} is {getattr(self, name)}.", path="limits", hint="It is positive.")


class Pace:
    """Lets callers begin one after the other, so many a second; shared by the threads that ask."""

    def __init__(self, per_s: float, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._apart_s = 1 / per_s
        self._clock, self._sleep = clock, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Returns when it is this caller's turn."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._apart_s
        if turn > now:
            self._sleep(turn - now)

    def pause(self, seconds: float) -> None:
        """Nobody begins before so many seconds have passed: the service asked for it."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
