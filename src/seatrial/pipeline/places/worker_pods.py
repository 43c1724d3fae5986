"""The pods of a step's workers: which of them has not begun, and which failed of itself and not because another did.

Pure. When one fails, the Job takes the others away, and those that waited for it may fail before that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.cluster.pod_words import has_begun, is_evicted, is_taken_away
from seatrial.pipeline.places.job_manifest import KILLED
from seatrial.pipeline.places.worker_manifest import pod_rank
from seatrial.pipeline.running.worker_failures import WorkerFailure, failed_at

Document = Mapping[str, Any]
SIGKILL_STATUS = KILLED[0]
OUT_OF_MEMORY = "OOMKilled"


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """A worker that ended badly of itself, and its pod as it was then."""

    failure: WorkerFailure
    pod: Document


def by_rank(pods: Sequence[Document]) -> dict[int, Document]:
    """The pod of each worker that has one."""
    return {pod_rank(pod): pod for pod in pods}


def first_not_begun(pods: Mapping[int, Document], workers: int) -> int | None:
    """The lowest rank whose container has not begun; None where all have."""
    return next((rank for rank in range(workers) if rank not in pods or not has_begun(pods[rank])), None)


def has_ended(pod: Document) -> bool:
    """Whether the pod will change no more."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def worker_ends(pods: Mapping[int, Document], answers: Mapping[int, bytes], first_to_go: str | None) -> list[WorkerEnd]:
    """Those that ended badly of themselves; `first_to_go` is the pod that failed, or was asked to go, before any other.

    A pod that was asked to go later went because the Job had failed: it counts where it ended before that reached it.
    """
    ends = []
    for rank, pod in sorted(pods.items()):
        answer = answers.get(rank, b"")
        asked_to_go = "deletionTimestamp" in pod["metadata"]
        of_itself = is_taken_away(pod) or is_evicted(pod) or (asked_to_go and pod["metadata"]["name"] == first_to_go)
        status, early = _exit_status(pod)
        if failed_at(answer) < math.inf:
            ends.append(WorkerEnd(WorkerFailure(rank, answer, killed=False), pod))
        elif of_itself:
            ends.append(WorkerEnd(WorkerFailure(rank, b"", killed=True), pod))
        elif status and (early or not asked_to_go):
            ends.append(WorkerEnd(WorkerFailure(rank, b"", killed=status in KILLED), _as_it_was(pod)))
    return ends


def _exit_status(pod: Document) -> tuple[int | None, bool]:
    """The exit status of the pod's container, and whether that is surely not for the pod having been asked to go."""
    for container in pod.get("status", {}).get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated")
        if ended is not None:
            status = int(ended.get("exitCode", 0))
            if ended.get("reason") == OUT_OF_MEMORY or status not in KILLED:
                return status, True
            # Asked by SIGTERM, it has until the time of its deletion; only then comes SIGKILL.
            last, finished = _time(pod["metadata"].get("deletionTimestamp")), _time(ended.get("finishedAt"))
            early = last is not None and finished is not None and finished < last - timedelta(seconds=1)
            return status, status == SIGKILL_STATUS and early
    return None, False


def _as_it_was(pod: Document) -> Document:
    """The pod before it was asked to go."""
    return {**pod, "metadata": {key: value for key, value in pod["metadata"].items() if key != "deletionTimestamp"}}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
