"""Pods of workers, as a real cluster told of them: who failed of itself, and who because another had."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seatrial.pipeline.places.worker_manifest import INDEX
from seatrial.pipeline.places.worker_pods import by_rank, first_not_begun, worker_ends
from seatrial.pipeline.running.worker_failures import first_failure

BY = "2026-01-01T00:00:30Z"  # until when a pod that was asked to go may take
BEFORE, AFTER = "2026-01-01T00:00:26Z", "2026-01-01T00:00:30Z"


def pod(
    rank: int,
    status: int | None = None,
    *,
    asked_to_go: bool = False,
    finished: str = BEFORE,
    reason: str = "Error",
    conditions: tuple[str, ...] = (),
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": f"model-{rank}", "annotations": {INDEX: str(rank)}}
    if asked_to_go:
        metadata["deletionTimestamp"] = BY
    state: dict[str, Any] = {"running": {}}
    if status is not None:
        state = {"terminated": {"exitCode": status, "reason": reason, "finishedAt": finished}}
    phase = "Running" if status is None else "Failed" if status else "Succeeded"
    told = {
        "phase": phase,
        "containerStatuses": [{"state": state}],
        "conditions": [{"type": each, "status": "True", "message": "drained"} for each in conditions],
    }
    return {"metadata": metadata, "status": told}


def raised(at: float) -> bytes:
    return json.dumps({"errors": [], "failed_at": at}).encode()


@pytest.mark.parametrize(
    ("pods", "answers", "first_to_go", "rank", "killed"),
    [
        # Rank 1 raised; the Job then asked rank 0 to go.
        ([pod(0, 143, asked_to_go=True), pod(1, 1)], {1: raised(1.0)}, "model-1", 1, False),
        # Rank 1 was deleted by somebody; rank 0 lost its connection, and says so.
        ([pod(0, 1), pod(1, 143, asked_to_go=True)], {0: raised(1.0)}, "model-1", 1, True),
        ([pod(0, 143, asked_to_go=True), pod(1, 143, asked_to_go=True)], {}, "model-1", 1, True),
        # Deleted, and killed once its time was over: within gloo it did not hear the signal.
        ([pod(0, 1), pod(1, 137, asked_to_go=True, finished=AFTER)], {0: raised(1.0)}, "model-1", 1, True),
        # Rank 0 raised; rank 1, deep within gloo, had to be killed.
        ([pod(0, 1), pod(1, 137, asked_to_go=True, finished=AFTER)], {0: raised(1.0)}, "model-0", 0, False),
        # Rank 1 was killed, and rank 0's loss of the connection was told of first.
        ([pod(0, 1), pod(1, 137)], {0: raised(1.0)}, "model-0", 1, True),
        ([pod(0, 1), pod(1, 137, asked_to_go=True)], {0: raised(1.0)}, "model-0", 1, True),
        # Rank 1 took more memory than it may.
        ([pod(0, 1), pod(1, 137, reason="OOMKilled", asked_to_go=True)], {0: raised(1.0)}, "model-0", 1, True),
        # It vanished without a word, and rank 0 lost it.
        ([pod(0, 1), pod(1, 7)], {0: raised(1.0)}, "model-0", 1, False),
        # The cluster took it.
        ([pod(0, 1), pod(1, 143, conditions=("DisruptionTarget",))], {0: raised(1.0)}, "model-0", 1, True),
        # Both raised.
        ([pod(0, 1), pod(1, 1)], {0: raised(2.0), 1: raised(1.0)}, "model-0", 1, False),
        # Rank 0 has returned, and rank 1 failed behind it.
        ([pod(0, 0), pod(1, 1)], {0: b'{"key": "a"}', 1: raised(1.0)}, "model-1", 1, False),
    ],
)
def test_the_worker_that_counts(
    pods: list[Any], answers: dict[int, bytes], first_to_go: str, rank: int, *, killed: bool
) -> None:
    ends = worker_ends(by_rank(pods), answers, first_to_go)
    first = first_failure([end.failure for end in ends])
    assert (first.rank, first.killed) == (rank, killed)


def test_a_worker_that_died_before_it_was_asked_to_go_is_not_told_as_deleted() -> None:
    (end,) = worker_ends(by_rank([pod(1, 137, asked_to_go=True)]), {}, None)
    assert "deletionTimestamp" not in end.pod["metadata"]


def test_none_counts_that_only_had_to_go() -> None:
    assert worker_ends(by_rank([pod(0, 143, asked_to_go=True), pod(1)]), {}, None) == []


def test_the_first_worker_that_has_not_begun() -> None:
    pending = {"metadata": {"name": "model-1", "annotations": {INDEX: "1"}}, "status": {"phase": "Pending"}}
    assert first_not_begun(by_rank([pod(0), pending]), 3) == 1
    assert first_not_begun(by_rank([pod(0), pod(1)]), 3) == 2
    assert first_not_begun(by_rank([pod(0), pod(1), pod(2, 0)]), 3) is None
