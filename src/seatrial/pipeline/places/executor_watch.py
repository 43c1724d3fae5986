"""Watches the executors of the step in this pod: says why they wait, keeps the end of their logs, and gives up in time.

Spark makes a dead executor anew for ever, and deletes its log with it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from seatrial.cluster.own_pod import WORDS
from seatrial.cluster.pod_words import MORE_MEMORY, Waiting, why_executor_ended, why_refused, why_waiting
from seatrial.cluster.yaml_text import Manifest
from seatrial.errors import Refused, SeatrialError, StepFailed, TargetError
from seatrial.pipeline.places.executor_pod import DRIVER_LABEL
from seatrial.prepare.failure import OUT_OF_MEMORY

LOOK_S = 2.0  # between two lists of a few pods, from the API server's cache
NO_POD_S = 10.0  # without any executor: Spark asked for them within one second
PATIENCE_S = 60.0  # with what waiting does not mend, as with a step's own pod
LONGEST_WAIT_S = 1800.0  # with what may mend, a full cluster above all: the driver holds memory meanwhile
LOG_LINES = 100  # a stack trace with its causes takes 60
SEEN_LABEL = "spark-exec-inactive"  # Spark's own, of a pod that has ended: until then it needs the pod
LOST = "ExecutorLostFailure"  # what Spark calls the death of an executor in the failure of a task

Document = Mapping[str, Any]


class Pods(Protocol):
    """What is asked of a cluster; see `OwnNamespace`."""

    def pods(self, selector: str) -> tuple[Document, ...]:
        """Those with these labels."""
        ...

    def log_end(self, pod: str, lines: int) -> str:
        """The last lines that a pod printed."""
        ...

    def delete_pod(self, pod: str) -> None:
        """Removes the pod."""
        ...

    def check_pod(self, manifest: Manifest) -> None:
        """Raises `Refused`, with the server's words, where it would not take the pod now."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What the executors may use, and how many may die."""

    memory: str
    deaths: int
    replaced: bool  # Spark ends and makes executors as it needs them


class ExecutorWatch:
    """Looks at the executors of one driver until it is ended; `on_failure` is called once, when it gives up."""

    def __init__(
        self,
        pods: Pods,
        template: Manifest,
        *,
        driver: str,
        limits: Limits,
        on_failure: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pods, self._template, self._limits, self._clock = pods, template, limits, clock
        self._selector = f"{DRIVER_LABEL}={driver}"
        self._on_failure = on_failure
        self._lock = threading.Lock()  # one look at a time
        self._ended = threading.Event()
        self._living: set[str] = set()
        self._dead: set[str] = set()  # those whose death was noted
        self._deaths: list[str] = []  # in the executors' own words
        self._none_since: float | None = None  # since when no executor runs
        self._lasting_since: float | None = None
        self._told = ""
        self._failure: str | None = None
        self._hint = ""
        self._thread = threading.Thread(target=self._follow, daemon=True, name="seatrial-executors")

    def start(self) -> None:
        """Begins to look. Called when Spark is asked for executors."""
        self._none_since = self._clock()
        self._thread.start()

    def end(self) -> None:
        """Looks no more, and removes the executors that are left."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock, suppress(SeatrialError):
            for pod in self._pods.pods(self._selector):
                with suppress(SeatrialError):
                    self._pods.delete_pod(pod["metadata"]["name"])

    def explain(self, error: SeatrialError, step: str) -> SeatrialError:
        """The error of the step, or in its place what the executors died of."""
        with suppress(SeatrialError):
            self.look()
        if self._failure is not None:
            return StepFailed(f"step {step!r}: {self._failure}.", hint=self._hint)
        if self._deaths and LOST in error.problem:
            return StepFailed(f"step {step!r}: {self._died()}.", hint=self._hint)
        if OUT_OF_MEMORY in error.problem:
            return StepFailed(error.problem, path=error.path, line=error.line, hint=MORE_MEMORY)
        return error

    def look(self) -> None:
        """One look at the executors."""
        with self._lock:
            pods = self._pods.pods(self._selector)
            self._count_deaths(pods)
            if not self._living and self._failure is None:
                self._wait(pods)

    def _follow(self) -> None:
        while not self._ended.wait(LOOK_S):
            try:
                self.look()
            except Refused as error:
                _tell(f"nothing can be said of the executors: {error.problem}")
                return
            except TargetError:
                continue  # the next look may be luckier; the work goes on meanwhile

    def _count_deaths(self, pods: Sequence[Document]) -> None:
        names = {pod["metadata"]["name"] for pod in pods}
        for name in sorted(self._living - names):
            self._note_deletion(name, "")
        self._living &= names
        for pod in pods:
            name = pod["metadata"]["name"]
            phase = pod.get("status", {}).get("phase")
            if phase == "Running":
                self._living.add(name)
            elif phase in ("Failed", "Succeeded"):
                self._living.discard(name)
                if phase == "Failed" and name not in self._dead:
                    self._dead.add(name)
                    if "deletionTimestamp" in pod["metadata"]:
                        self._note_deletion(name, self._log_end(name))
                    else:
                        problem, hint = why_executor_ended(pod, memory=self._limits.memory)
                        self._note_death(name, problem, hint, self._log_end(name))
                if SEEN_LABEL in pod["metadata"].get("labels", {}):
                    with suppress(SeatrialError):
                        self._pods.delete_pod(name)
        if self._living:
            self._none_since = self._lasting_since = None

    def _note_deletion(self, name: str, log: str) -> None:
        if not self._limits.replaced:  # else Spark may have deleted it
            self._note_death(name, "somebody deleted its pod", "Run again; `kubectl get events` may say who.", log)

    def _note_death(self, name: str, problem: str, hint: str, log: str) -> None:
        self._deaths.append(problem)
        self._hint = hint
        _tell(f"executor {name} ended: {problem}")
        for line in log.splitlines():
            print(f"  {line}", file=sys.stderr)  # noqa: T201 — the step's log
        if len(self._deaths) >= self._limits.deaths and self._failure is None:
            self._fail(self._died())

    def _died(self) -> str:
        count = len(self._deaths)
        return f"{count} of its executors ended too early, the last one because {self._deaths[-1]}"

    def _log_end(self, name: str) -> str:
        try:
            return self._pods.log_end(name, LOG_LINES)
        except SeatrialError as error:
            return f"its log cannot be read: {error.problem}"

    def _wait(self, pods: Sequence[Document]) -> None:
        """Nothing runs: says why, and gives up when that lasts."""
        now = self._clock()
        self._none_since = self._none_since or now
        waiting = self._why(pods, now - self._none_since)
        if waiting is None:
            return
        if waiting.problem != self._told:
            self._told = waiting.problem
            _tell(f"executors wait: {waiting.problem}")
        self._lasting_since = (self._lasting_since or now) if waiting.lasting else None
        lasts = self._lasting_since is not None and now - self._lasting_since > PATIENCE_S
        if lasts or now - self._none_since > LONGEST_WAIT_S:
            self._hint = waiting.hint
            self._fail(f"none of its executors begins: {waiting.problem}")

    def _why(self, pods: Sequence[Document], seconds: float) -> Waiting | None:
        for pod in pods:
            if (waiting := why_waiting(pod, ())) is not None:
                return waiting
        if pods or seconds < NO_POD_S:
            return None
        try:  # Spark tries for ever, and says it nowhere but in its log: the API server is asked for its words
            self._pods.check_pod(self._template)
        except Refused as error:
            return why_refused(error.problem.removeprefix(WORDS).removesuffix("."))
        return None

    def _fail(self, problem: str) -> None:
        self._failure = problem
        _tell(problem)
        self._on_failure()


def _tell(words: str) -> None:
    print(f"seatrial: {words}", file=sys.stderr, flush=True)  # noqa: T201 — the step's log
