"""Why a step has not begun, told each time that the reason is another one; given up where waiting does not help."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from seatrial.cluster.client import Namespace
from seatrial.cluster.pod_words import why_waiting
from seatrial.errors import StepFailed

PATIENCE_S = 60.0  # with what waiting does not mend: a Secret that is made a moment later, a pull that is tried again
LOOK_S = 5.0  # how often the events of a Job without a pod are read: they are no part of a watch


class WaitingStep:
    """What is known of one Job that waits for a pod."""

    def __init__(self, namespace: Namespace, job: str, step: str, on_waiting: Callable[[str], None]) -> None:
        self._namespace, self._job, self._step, self._on_waiting = namespace, job, step, on_waiting
        self._began = time.monotonic()
        self._looked = 0.0
        self._lasting_since: float | None = None
        self.problem = ""  # what was told last

    def begins(self) -> None:
        """A pod has begun: what was in its way is gone."""
        self._lasting_since = None

    def look(self, pod: Mapping[str, Any] | None) -> None:
        """Tells why the pod, or one that is not there yet, has not begun; `StepFailed` once waiting does not help."""
        events: tuple[Mapping[str, Any], ...] = ()
        if pod is None and time.monotonic() - max(self._began, self._looked) > LOOK_S:
            self._looked = time.monotonic()
            events = self._namespace.events(self._job)
        waiting = why_waiting(pod, events)
        if waiting is None:
            return
        if waiting.problem != self.problem:
            self.problem = waiting.problem
            self._on_waiting(waiting.problem)
        if not waiting.lasting:
            self._lasting_since = None
            return
        self._lasting_since = self._lasting_since or time.monotonic()
        if time.monotonic() - self._lasting_since > PATIENCE_S:
            self._namespace.delete_job(self._job)
            raise StepFailed(f"step {self._step!r} cannot begin: {waiting.problem}.", hint=waiting.hint)
