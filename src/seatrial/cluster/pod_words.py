"""What a pod's and a Job's own words mean to a person: why it waits, and why it ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]

# Reasons for which a container waits that time alone does not mend.
_NEVER = {
    "InvalidImageName": "Correct the image in the profile.",
    "ErrImageNeverPull": "Load the image into the node, or push it to a registry that the cluster pulls from.",
    "ErrImagePull": "See that the image is there, and that the cluster may pull it.",
    "ImagePullBackOff": "See that the image is there, and that the cluster may pull it.",
    "CreateContainerConfigError": "Make what it names, in the same namespace.",
    "CreateContainerError": "See whether the image has what its command needs.",
    "RunContainerError": "See whether the image has what its command needs.",
}
_REFUSED_PODS = "FailedCreate"  # the event of a Job whose pods the API server does not take
NO_ANSWER = " and gave no answer"
MORE_MEMORY = 'Give executors more: spark = { executor_memory = "…" } in the profile.'
OUT_OF_MEMORY = "it needed more memory than its limit"
_KILLED, _TERMINATED = 137, 143  # 128 and the number of SIGKILL, of SIGTERM
EVICTED = "Evicted"
ENDED = ("Complete", "Failed")  # conditions of a Job
PAST_DEADLINE = "DeadlineExceeded"  # the reason of a Job that took longer than it may
DELETED = "Deleted"  # the reason, put in by us, of a Job that was taken away before it ended


def ended_as(job: Document) -> str | None:
    """The condition that ended the Job: "Complete", "Failed" or None."""
    for condition in job.get("status", {}).get("conditions") or ():
        if condition["type"] in ENDED and condition["status"] == "True":
            kind: str = condition["type"]
            return kind
    return None


def failed_for(job: Document) -> str | None:
    """The reason of a Job that failed: `PAST_DEADLINE`, `DELETED`, or one of its pods'; None where it did not."""
    reason: str | None = _failed(job).get("reason")
    return reason


def _failed(job: Document) -> Document:
    conditions = job.get("status", {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == "Failed"), {})


def gone(job: Document) -> Document:
    """The Job as it was when it was taken away: as one that failed for that, unless it had ended."""
    if ended_as(job) is not None:
        return job
    return {**job, "status": {"conditions": [{"type": "Failed", "status": "True", "reason": DELETED}]}}


def has_begun(pod: Document) -> bool:
    """Whether a container of the pod runs, or ran."""
    states = [container.get("state") or {} for container in pod.get("status", {}).get("containerStatuses") or ()]
    return any("running" in state or "terminated" in state for state in states)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a step has not begun. `lasting`: waiting longer does not help."""

    problem: str
    hint: str
    lasting: bool


def why_waiting(pod: Document | None, job_events: Sequence[Document]) -> Waiting | None:
    """Why the step's pod has not begun; None where there is nothing to say yet."""
    if pod is None:
        refusals = [event for event in job_events if event.get("reason") == _REFUSED_PODS]
        if not refusals:
            return None
        return why_refused(str(refusals[-1].get("message", "")).removeprefix("Error creating: "))
    status = pod.get("status", {})
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return Waiting(
                f"no node takes its pod: {condition.get('message') or condition.get('reason')}",
                "Ask for less with cpu, memory and gpus in [profile.X.steps], or for more nodes.",
                lasting=False,
            )
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if (reason := waiting.get("reason")) in _NEVER:
            return Waiting(f"{reason}: {waiting.get('message') or 'no further words'}", _NEVER[reason], lasting=True)
    return None


def why_refused(words: str) -> Waiting:
    """Why the API server does not take the pod, by its words."""
    quota = "exceeded quota" in words
    hint = (
        "It begins when others end; ask for less in [profile.X.steps], or for a larger quota."
        if quota
        else "Correct what it names, or ask whoever runs the cluster."
    )
    return Waiting(f"its pod is refused: {words}", hint, lasting=not quota)


def why_executor_ended(pod: Document, *, memory: str) -> tuple[str, str]:
    """Why a pod of a step's executors ended too early, and the hint; `memory` is the limit that it had."""
    problem, hint = why_ended(pod, {}, memory=memory)
    if problem.startswith(OUT_OF_MEMORY):
        return problem, MORE_MEMORY
    if problem.endswith(NO_ANSWER):
        return problem.removesuffix(NO_ANSWER), "The step's log has the end of its own."
    return problem, hint


def why_ended(pod: Document | None, job: Document, *, memory: str) -> tuple[str, str]:
    """Why a step ended without an answer of its own, and the hint; `memory` is the limit that it had."""
    failed = _failed(job)
    if failed.get("reason") == PAST_DEADLINE:
        seconds = job["spec"].get("activeDeadlineSeconds")
        if pod is None or not has_begun(pod):
            waiting = why_waiting(pod, ())
            why = "" if waiting is None else f": {waiting.problem.rstrip('.')}"
            hint = "Allow it more: waiting counts too."
            return f"it waited longer to begin than its timeout_s of {seconds} s{why}", hint
        return f"it took longer than its timeout_s of {seconds} s", "Allow it more, or make it quicker."
    if failed.get("reason") == DELETED:
        return "somebody deleted its Job", "Run again; `kubectl get events` may say who."
    status = {} if pod is None else pod.get("status", {})
    if status.get("reason") == EVICTED:
        return f"its pod was evicted: {status.get('message')}", "Ask for what it uses, so that it is evicted last."
    for container in status.get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated")
        if ended is None:
            continue
        if ended.get("reason") == "OOMKilled":
            return (
                f"{OUT_OF_MEMORY} of {memory}",
                "Give it more: @step(memory=…), or memory under [profile.X.steps].",
            )
        code = ended.get("exitCode")
        if code in (_KILLED, _TERMINATED) and (taken := _taken_away(pod)) is not None:
            return taken
        if code == _KILLED:
            return "its process was killed (SIGKILL)", "See the node's events: kubectl get events"
        return f"it ended with status {code}{NO_ANSWER}", "Its log has the rest."
    if (taken := _taken_away(pod)) is not None:
        return taken
    words = failed.get("message") or failed.get("reason") or "its pod is gone"
    return f"{words[0].lower()}{words[1:]}", "Run again; allow it more retries if the cluster takes pods away."


def is_taken_away(pod: Document) -> bool:
    """Whether the cluster took the pod for reasons of its own: a drained node, a pod of higher priority.

    A node that is short of memory or disk evicts whom it finds to blame: that is no such reason.
    """
    conditions = pod.get("status", {}).get("conditions") or ()
    return not is_evicted(pod) and any(each.get("type") == "DisruptionTarget" for each in conditions)


def is_evicted(pod: Document) -> bool:
    """Whether the pod used more of its node than it may, or than the node has."""
    return bool(pod.get("status", {}).get("reason") == EVICTED)


def _taken_away(pod: Document | None) -> tuple[str, str] | None:
    """Why the pod was ended from outside, and the hint; None where it was not, as far as it says."""
    if pod is None:
        return None
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition.get("type") == "DisruptionTarget":
            return f"its pod was taken away: {condition.get('message')}", "Run again; allow it more retries."
    if "deletionTimestamp" in pod.get("metadata", {}):
        return "somebody deleted its pod", "Run again; allow it more retries if the cluster takes pods away."
    return None
