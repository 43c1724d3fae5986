"""What the cluster tells of the Jobs and pods of one run, by one watch each: as it is now, and what changed last."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from seatrial.cluster.client import Namespace
from seatrial.cluster.pod_words import ended_as, gone
from seatrial.errors import SeatrialError, StepFailed, TargetError

Document = Mapping[str, Any]


class JobWatch:
    """Owns the two watches; any number of threads may ask and wait."""

    def __init__(self, namespace: Namespace, selector: str) -> None:
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._jobs: dict[str, Document] = {}
        self._pods: dict[str, dict[str, Document]] = {}  # by the Job's name and their own
        self._first_to_go: dict[str, str] = {}  # by the Job's name, that of its pod
        self._deleted: set[str] = set()  # Jobs
        self._lost: SeatrialError | None = None
        self._selector = selector
        for watch, take in ((namespace.watch_jobs, self._take_job), (namespace.watch_pods, self._take_pod)):
            threading.Thread(target=self._watch, args=(watch, take), daemon=True).start()

    def end(self) -> None:
        """Ends the watches; every wait raises."""
        with self._changed:
            self._ended.set()
            self._changed.notify_all()

    def check(self) -> None:
        """Raises once the run is ending, or the watch was lost."""
        if self._lost is not None:
            raise self._lost
        if self._ended.is_set():
            raise StepFailed("the run is ending.")

    def wait(self, seconds: float) -> None:
        """Waits for a change, and raises as `check` does."""
        with self._changed:
            self._changed.wait(seconds)
            self.check()

    def pause(self, seconds: float) -> None:
        """Waits for so long, and raises as `check` does."""
        self._ended.wait(seconds)
        self.check()

    def job(self, name: str) -> Document | None:
        """The Job of that name; None where none was told of."""
        with self._changed:
            return self._jobs.get(name)

    def is_over(self, name: str) -> bool:
        """Whether the Job ended, or was taken away."""
        with self._changed:
            return ended_as(self._jobs.get(name, {})) is not None

    def wait_until_deleted(self, name: str, seconds: float) -> None:
        """Waits until the Job of that name is gone, and forgets it and its pods."""
        with self._changed:
            self._changed.wait_for(lambda: name in self._deleted, seconds)
            for by_name in (self._jobs, self._pods, self._first_to_go):
                by_name.pop(name, None)
            self._deleted.discard(name)

    def pods(self, name: str) -> list[Document]:
        """The Job's pods that were told of, those that are gone among them, in the order in which they were made."""
        with self._changed:
            return sorted(self._pods.get(name, {}).values(), key=_made)

    def first_to_go(self, name: str) -> str | None:
        """The Job's pod that failed, or was asked to go, before any other did."""
        with self._changed:
            return self._first_to_go.get(name)

    def goes_on(self, name: str, pod: str) -> bool:
        """Whether the pod, as far as the watch knows, still runs, and somebody still waits for it."""
        with self._changed:
            document = self._pods.get(name, {}).get(pod, {})
            running = document.get("status", {}).get("phase") == "Running"
            return running and not self._ended.is_set() and self._lost is None and name not in self._deleted

    def _watch(self, watch: Any, take: Any) -> None:
        lost: SeatrialError | None = None
        try:
            watch(self._selector, take, self._ended)
        except SeatrialError as error:
            lost = error
        except Exception as error:  # noqa: BLE001  # a thread that ends unheard leaves the run waiting for ever
            lost = TargetError(f"the watch of the cluster ended: {type(error).__name__}: {error}.", hint="Run again.")
        if lost is not None:
            with self._changed:
                self._lost = lost
                self._changed.notify_all()

    def _take_job(self, change: str, document: Document) -> None:
        name = document["metadata"]["name"]
        with self._changed:
            if change == "DELETED":
                self._deleted.add(name)
            self._jobs[name] = gone(document) if change == "DELETED" else document
            self._changed.notify_all()

    def _take_pod(self, change: str, document: Document) -> None:
        metadata = document["metadata"]
        job = metadata["labels"].get("job-name", "")
        if change == "DELETED" and document.get("status", {}).get("phase") != "Succeeded":
            document = {**document, "status": {**document.get("status", {}), "phase": "Failed"}}
        phase = document.get("status", {}).get("phase")
        with self._changed:
            if phase == "Failed" or (phase != "Succeeded" and "deletionTimestamp" in metadata):
                self._first_to_go.setdefault(job, metadata["name"])
            self._pods.setdefault(job, {})[metadata["name"]] = document
            self._changed.notify_all()


def _made(pod: Document) -> str:
    when: str = pod["metadata"]["creationTimestamp"]
    return when
