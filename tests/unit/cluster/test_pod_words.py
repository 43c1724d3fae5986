"""What pods and Jobs say, as a real cluster said it, and what a person is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.cluster.pod_words import DELETED, why_ended, why_waiting

UNSCHEDULABLE = {
    "status": {
        "phase": "Pending",
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/1 nodes are available: 1 Insufficient memory.",
            }
        ],
    }
}


def waits(reason: str, message: str) -> dict[str, Any]:
    return {"status": {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}}


def ended(**terminated: Any) -> dict[str, Any]:
    return {"status": {"containerStatuses": [{"state": {"terminated": terminated}}]}}


def going(**terminated: Any) -> dict[str, Any]:
    """A pod that was asked to go before its container ended."""
    return {**ended(**terminated), "metadata": {"deletionTimestamp": "2026-01-01T00:00:30Z"}}


def preempted(**terminated: Any) -> dict[str, Any]:
    conditions = [{"type": "DisruptionTarget", "status": "True", "message": "a more important pod"}]
    return {"status": {**ended(**terminated)["status"], "conditions": conditions}}


def failed(**condition: str) -> dict[str, Any]:
    return {
        "spec": {"activeDeadlineSeconds": 20},
        "status": {"conditions": [{"type": "Failed", "status": "True", **condition}]},
    }


def refused(message: str) -> list[dict[str, Any]]:
    return [{"reason": "SuccessfulCreate", "message": "x"}, {"reason": "FailedCreate", "message": message}]


@pytest.mark.parametrize(
    ("pod", "events", "words", "lasting"),
    [
        (UNSCHEDULABLE, [], "no node takes its pod: 0/1 nodes are available: 1 Insufficient memory.", False),
        (waits("ImagePullBackOff", "Back-off pulling image"), [], "ImagePullBackOff: Back-off pulling image", True),
        (waits("ErrImageNeverPull", "not present"), [], "ErrImageNeverPull: not present", True),
        (
            waits("CreateContainerConfigError", 'secret "x" not found'),
            [],
            'CreateContainerConfigError: secret "x" not found',
            True,
        ),
        (
            None,
            refused('Error creating: pods "a" is forbidden: exceeded quota: small, requested: pods=1'),
            'its pod is refused: pods "a" is forbidden: exceeded quota: small, requested: pods=1',
            False,
        ),
        (
            None,
            refused('Error creating: pods "a" is forbidden: violates PodSecurity "restricted:latest"'),
            'its pod is refused: pods "a" is forbidden: violates PodSecurity "restricted:latest"',
            True,
        ),
    ],
)
def test_a_pod_that_has_not_begun(pod: Any, events: Any, words: str, lasting: bool) -> None:
    waiting = why_waiting(pod, events)
    assert waiting is not None
    assert (waiting.problem, waiting.lasting) == (words, lasting)
    assert waiting.hint.endswith(".")


@pytest.mark.parametrize(
    "pod", [None, {"status": {}}, {"status": {"phase": "Running"}}, waits("ContainerCreating", "")]
)
def test_what_has_just_been_made_is_not_told_about(pod: Any) -> None:
    assert why_waiting(pod, [{"reason": "SuccessfulCreate"}] if pod is None else []) is None


@pytest.mark.parametrize(
    ("pod", "job", "words"),
    [
        (ended(reason="OOMKilled", exitCode=137), failed(), "it needed more memory than its limit of 2Gi"),
        (ended(reason="Error", exitCode=137), failed(), "its process was killed (SIGKILL)"),
        (ended(reason="Error", exitCode=7), failed(), "it ended with status 7 and gave no answer"),
        (ended(exitCode=143), failed(reason="DeadlineExceeded"), "it took longer than its timeout_s of 20 s"),
        (None, failed(reason="DeadlineExceeded"), "it waited longer to begin than its timeout_s of 20 s"),
        (
            UNSCHEDULABLE,
            failed(reason="DeadlineExceeded"),
            "it waited longer to begin than its timeout_s of 20 s: no node takes its pod: 0/1 nodes are available",
        ),
        (ended(reason="Error", exitCode=137), failed(reason=DELETED), "somebody deleted its Job"),
        (going(exitCode=143), failed(), "somebody deleted its pod"),
        (going(exitCode=137), failed(), "somebody deleted its pod"),
        (going(exitCode=7), failed(), "it ended with status 7 and gave no answer"),
        ({**going(exitCode=143), **preempted(exitCode=143)}, failed(), "its pod was taken away: a more important pod"),
        (
            {"status": {"reason": "Evicted", "message": "The node was low on resource: memory."}},
            failed(),
            "its pod was evicted: The node was low on resource: memory.",
        ),
        (
            {
                "status": {
                    "conditions": [{"type": "DisruptionTarget", "message": "preempted by a pod of higher priority"}]
                }
            },
            failed(),
            "its pod was taken away: preempted by a pod of higher priority",
        ),
        (None, failed(message="Job has reached the specified backoff limit"), "job has reached the specified backoff"),
    ],
)
def test_a_step_that_ended_without_an_answer(pod: Any, job: Any, words: str) -> None:
    problem, hint = why_ended(pod, job, memory="2Gi")
    assert problem.startswith(words)
    assert hint
