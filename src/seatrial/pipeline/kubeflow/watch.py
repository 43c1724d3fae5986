"""What Kubeflow knows of a run beside what its tasks wrote: which of them ended without a word, and which wait.

Whoever follows the run looks; what its tasks could not write themselves is written for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from seatrial.cluster.dns_names import dns_label
from seatrial.cluster.pod_words import Waiting
from seatrial.errors import StepFailed, TargetError
from seatrial.pipeline.kubeflow.api import OVER, Kubeflow, RunState
from seatrial.pipeline.kubeflow.task_pods import TaskPods
from seatrial.pipeline.places.run_documents import ended_key
from seatrial.pipeline.places.waiting_step import PATIENCE_S
from seatrial.pipeline.running.run_records import RunRecord, StepRecord, mark_interrupted, read_run, write_run
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.documents import to_json

LOOK_S = 2.0
SETTLES_S = 5.0  # between the end of a task and what it wrote before
SILENT_S = 120.0  # of Kubeflow, after which following ends; the run does not
NOT_STARTED = "Kubeflow starts nothing more once a task has failed"


class KubeflowWatch:
    """Asks Kubeflow from time to time; owns the connection, and the watch of the tasks' pods where there is one."""

    def __init__(self, kubeflow: Kubeflow, run: str, workspace: Workspace) -> None:
        self._kubeflow, self._run, self._workspace = kubeflow, run, workspace
        self._looked = 0.0
        self._answered = time.monotonic()
        self._over_since: dict[str, float] = {}  # by the step; "" is the run
        self._stuck_since: dict[str, float] = {}  # by the step
        self._pods = TaskPods(run, workspace)

    def look(self, record: RunRecord, on_waiting: Callable[[str, str], None]) -> None:
        """Tells why tasks wait, and writes the end of those that ended without a word."""
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        try:
            state = self._kubeflow.state(self._run, record.run)
        except TargetError:
            if now - self._answered > SILENT_S:
                raise
            return
        self._answered = now
        open_steps = _open_steps(record)
        for step in open_steps:
            if (waiting := self._pods.why_waiting(step)) is None:
                self._stuck_since.pop(step, None)
                continue
            on_waiting(step, waiting.problem)
            if waiting.lasting and now - self._stuck_since.setdefault(step, now) > PATIENCE_S:
                self._give_up(record, step, waiting, state)
                return
        if state.state == "CANCELED":
            mark_interrupted(self._workspace.objects, record.run)
            return
        for step in open_steps:
            if _task_state(state, step) == "FAILED" and self._lasts(step, now):
                self._write_failed(record, step, state)
        if state.state in OVER and self._lasts("", now):
            self._write_rest(record, state)

    def end(self) -> None:
        """Ends what it watches with."""
        self._pods.end()
        self._kubeflow.__exit__(None, None, None)

    def _lasts(self, what: str, now: float) -> bool:
        """Whether it has been over for long enough that what it wrote would be there."""
        return now - self._over_since.setdefault(what, now) >= SETTLES_S

    def _give_up(self, record: RunRecord, step: str, waiting: Waiting, state: RunState) -> None:
        """Ends the run: what the task waits for does not come, and Kubeflow would wait for ever."""
        self._kubeflow.end(self._run, record.run)
        error = StepFailed(f"step {step!r} cannot begin: {waiting.problem}.", hint=waiting.hint)
        self._write(record, StepRecord(step, "failed", None, 0.0, error.problem, errors=(error.as_document(),)))
        self._write_rest(record, state)

    def _write_failed(self, record: RunRecord, step: str, state: RunState) -> None:
        problem, hint = self._pods.why_ended(step) or (
            state.error or "its task failed in Kubeflow, and gave no answer",
            "Its pod's log in Kubeflow says why.",
        )
        error = StepFailed(f"step {step!r}: {problem.rstrip('.')}.", hint=hint)
        self._write(record, StepRecord(step, "failed", None, 0.0, error.problem, errors=(error.as_document(),)))

    def _write_rest(self, record: RunRecord, state: RunState) -> None:
        """The run is over: what no task told is told for it, and the record is written as nobody else will."""
        record = read_run(self._workspace.objects, record.run)
        failed = any(step.state == "failed" for step in record.steps)
        for step in _open_steps(record):
            if failed and not any(running.name == step for running in record.running):
                self._write(record, StepRecord(step, "skipped", None, 0.0, NOT_STARTED))
            else:
                self._write_failed(record, step, state)
                failed = True
        write_run(self._workspace.objects, read_run(self._workspace.objects, record.run))

    def _write(self, record: RunRecord, step: StepRecord) -> None:
        self._workspace.objects.put(ended_key(record.run, step.name), to_json(step))


def _open_steps(record: RunRecord) -> list[str]:
    """Those whose end nobody has written yet."""
    ended = {step.name for step in record.steps}
    return [task.name for task in record.tasks if task.name not in ended]


def _task_state(state: RunState, step: str) -> str:
    return state.tasks.get(dns_label(step), "")
