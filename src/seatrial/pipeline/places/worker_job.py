"""One Indexed Job, followed to its end: the pods of a step's workers, their logs, and whose failure counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seatrial.cluster.client import Namespace
from seatrial.cluster.pod_words import DELETED, PAST_DEADLINE, failed_for, has_begun, is_taken_away, why_ended
from seatrial.errors import ObjectMissing, Problems, SeatrialError, StepFailed
from seatrial.pipeline.places.job_log import copy_log
from seatrial.pipeline.places.job_watch import Document, JobWatch
from seatrial.pipeline.places.run_documents import answer_key
from seatrial.pipeline.places.waiting_step import WaitingStep
from seatrial.pipeline.places.worker_manifest import WORKER_GRACE_S, pod_rank
from seatrial.pipeline.places.worker_pods import WorkerEnd, by_rank, first_not_begun, has_ended, worker_ends
from seatrial.pipeline.running.step_process import StepKilled, read_errors
from seatrial.pipeline.running.worker_failures import first_failure, of_rank, rank_lines
from seatrial.stores.objects import Objects

BEGIN_TOGETHER_S = 600.0  # from the first worker's begin to the last one's: NCCL's own wait for a peer, the shortest
SETTLE_S = WORKER_GRACE_S + 10.0  # for pods to go, of which a cluster before Kubernetes 1.31 does not tell in the Job
LOGS_END_S = 30.0  # after the pods'


class WorkerTakenAway(StepKilled):
    """The cluster took a worker's pod for reasons of its own: all begin again, and it does not count."""


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """The Job of one attempt of a step with several workers; `memory` is the limit of each."""

    name: str
    step: str
    run: str
    attempt: int
    workers: int
    memory: str
    log: Path

    def log_of(self, rank: int) -> Path:
        """Where a worker prints while it runs; rank 0 prints into the step's log."""
        return self.log if rank == 0 else self.log.with_suffix(f".rank-{rank}.log")


def follow_workers(job: WorkerJob, namespace: Namespace, watch: JobWatch, on_waiting: Callable[[str], None]) -> None:
    """Waits for the Job's end. Rank 0 prints to the step's log; what the others printed is put at its end."""
    copies: dict[str, threading.Thread] = {}

    def copy_logs() -> None:
        for pod in watch.pods(job.name):
            name = pod["metadata"]["name"]
            if name not in copies and has_begun(pod):
                arguments = (namespace, watch, job.name, name, job.log_of(pod_rank(pod)))
                copies[name] = threading.Thread(target=copy_log, args=arguments, daemon=True)
                copies[name].start()

    try:
        _follow(job, namespace, watch, on_waiting, copy_logs)
    finally:
        last = time.monotonic() + LOGS_END_S
        for copy in copies.values():
            copy.join(max(0.0, last - time.monotonic()))
        _join_logs(job)


def _follow(
    job: WorkerJob,
    namespace: Namespace,
    watch: JobWatch,
    on_waiting: Callable[[str], None],
    copy_logs: Callable[[], None],
) -> None:
    waits: dict[int, WaitingStep] = {}
    one_began: float | None = None
    while not watch.is_over(job.name):
        copy_logs()
        watch.wait(1.0)
        pods = by_rank(watch.pods(job.name))
        rank = first_not_begun(pods, job.workers)
        if rank is None:
            continue
        waiting = waits.setdefault(rank, WaitingStep(namespace, job.name, job.step, _with_rank(job, rank, on_waiting)))
        if any(map(has_begun, pods.values())):
            one_began = one_began or time.monotonic()
        try:
            waiting.look(pods.get(rank))
            if (
                one_began is not None
                and time.monotonic() - one_began > BEGIN_TOGETHER_S
                and not watch.is_over(job.name)
            ):
                namespace.delete_job(job.name)
                raise _too_late(job, waiting.problem)
        except StepFailed as error:
            raise of_rank(error, rank, job.workers) from None
    copy_logs()


def _with_rank(job: WorkerJob, rank: int, on_waiting: Callable[[str], None]) -> Callable[[str], None]:
    return lambda problem: on_waiting(f"rank {rank} of {job.workers}: {problem}")


def _too_late(job: WorkerJob, problem: str) -> StepFailed:
    return StepFailed(
        f"step {job.step!r}: its pod has not begun {BEGIN_TOGETHER_S:.0f} s after another worker's, which waits for it"
        f" and holds what it uses: {(problem or 'the cluster gives no reason').rstrip('.')}.",
        hint="See that the cluster has room for all workers at once, or ask for fewer or smaller ones.",
    )


def _join_logs(job: WorkerJob) -> None:
    for rank in range(1, job.workers):
        place = job.log_of(rank)
        if place.exists():
            with job.log.open("ab") as whole:
                whole.write(rank_lines(rank, place.read_bytes()))
            place.unlink()


def failure_of(job: WorkerJob, ended: Document, watch: JobWatch, objects: Objects) -> SeatrialError:
    """Why the Job failed: in the words of the worker that failed first, and by its rank.

    `StepKilled` where that was not the step's own doing, `WorkerTakenAway` where it was the cluster's.
    """
    pods = by_rank(watch.pods(job.name))
    if failed_for(ended) in (DELETED, PAST_DEADLINE):
        rank = first_not_begun(pods, job.workers)
        if rank is None or failed_for(ended) == DELETED:
            return _in_words(StepFailed, job, pods.get(0), ended)
        return of_rank(_in_words(StepFailed, job, pods.get(rank), ended), rank, job.workers)
    last = time.monotonic() + SETTLE_S
    while not all(map(has_ended, watch.pods(job.name))) and time.monotonic() < last:
        watch.wait(1.0)
    answers = {rank: _answer(job, rank, objects) for rank in range(job.workers)}
    ends = worker_ends(by_rank(watch.pods(job.name)), answers, watch.first_to_go(job.name))
    if not ends:  # none is left that could say it, and none left an answer
        return _in_words(StepKilled, job, None, ended)
    first = first_failure([end.failure for end in ends])
    return of_rank(_error(job, next(end for end in ends if end.failure is first)), first.rank, job.workers)


def _error(job: WorkerJob, end: WorkerEnd) -> SeatrialError:
    if errors := read_errors(end.failure.answer, otherwise=f"Its log: {job.log}"):
        return errors[0] if len(errors) == 1 else Problems(errors)
    kind = StepFailed
    if end.failure.killed:
        kind = WorkerTakenAway if is_taken_away(end.pod) else StepKilled
    return _in_words(kind, job, end.pod, {})


def _in_words(kind: type[StepFailed], job: WorkerJob, pod: Document | None, ended: Document) -> StepFailed:
    problem, hint = why_ended(pod, ended, memory=job.memory)
    return kind(f"step {job.step!r}: {problem}.", path=str(job.log), hint=hint)


def _answer(job: WorkerJob, rank: int, objects: Objects) -> bytes:
    try:
        return objects.get(answer_key(job.run, job.step, rank=rank, attempt=job.attempt)).data
    except ObjectMissing:
        return b""
