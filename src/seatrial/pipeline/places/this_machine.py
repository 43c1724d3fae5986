"""Steps on this machine: each in a child process, but those that share the run's one Spark session."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.engines import ENGINES
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.places.rendezvous import forget_rendezvous
from seatrial.pipeline.project.cluster_profile import resources_of
from seatrial.pipeline.running.step_process import StepKilled, StepProcesses, run_step_process
from seatrial.pipeline.steps.declaration import Step
from seatrial.pipeline.steps.graph import Graph
from seatrial.pipeline.steps.source_digest import code_digest
from seatrial.pipeline.workspace import Workspace


class ThisMachine:
    """Owns the run's children and its Spark session."""

    code: str | None = None

    def __init__(self, run: str, graph: Graph, workspace: Workspace, logs: Path) -> None:
        self._run = run
        self._workspace = workspace
        self._children = StepProcesses()
        self._session = SharedSession(workspace, logs / "spark.log")
        # What runs in this process runs the code that it has imported, whatever the files say by then.
        self._imported = {
            name: code_digest(step.function, workspace.project.directory)
            for name, step in graph.items()
            if ENGINES[step.kind].place == "run"
        }

    def run(
        self,
        job: Job,
        step: Step,
        *,
        log: Path,
        replace: bool,
        on_waiting: Callable[[str], None],  # noqa: ARG002 — nothing waits here
    ) -> CacheRecord:
        """See `Place`."""
        if ENGINES[step.kind].place == "run":
            from seatrial.pipeline.running.execute_step import code_changed, execute_step  # what frameworks need
            from seatrial.pipeline.running.stage_lines import export_stages

            forget_rendezvous(os.environ)  # such a step has one worker
            if job.parts.code != self._imported[step.name]:
                raise code_changed(step)
            with export_stages(self._session, step.name, log):
                return execute_step(job, step, self._workspace, self._run, session=self._session, replace=replace)
        resources = resources_of(step, self._workspace.profile)
        for attempt in range(resources.retries + 1):
            try:
                return run_step_process(
                    job,
                    self._workspace,
                    self._run,
                    log=log,
                    children=self._children,
                    replace=replace,
                    timeout_s=resources.timeout_s,
                )
            except StepKilled:
                if attempt == resources.retries:
                    raise
        raise AssertionError(step.name)

    def end(self) -> None:
        """See `Place`."""
        try:
            self._children.end()
        finally:
            self._session.end()
