"""Runs one step: the job that a run pinned, or in a container what the cache says its inputs are."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from seatrial.errors import InputError, SeatrialError, did_you_mean, from_os_error
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.jobs.job import Job, cached, job_for, missing_inputs
from seatrial.pipeline.jobs.step_values import Output
from seatrial.pipeline.places.rendezvous import forget_rendezvous, worker_rank
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.running.execute_step import call_step, execute_step
from seatrial.pipeline.running.step_process import answer_file
from seatrial.pipeline.running.worker_failures import FAILED_AT
from seatrial.pipeline.steps.builtin import built_in_step
from seatrial.pipeline.steps.declaration import Step
from seatrial.pipeline.steps.load_pipeline import load_pipeline, project_steps
from seatrial.pipeline.workspace import Workspace, open_project
from seatrial.stores.documents import from_json, to_json

SPARK_LOG = "spark.log"
ORPHANED = 1  # the exit status of a child whose parent is gone


def run_job(job_file: Path, run: str, directory: Path, profile: str, *, replace: bool) -> None:
    """Runs a pinned job as the child of a run; the record or the error goes to the answer file beside the job.

    Built-in steps run without importing the project's code.
    """
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    answer: object = None
    try:
        job = from_json(Job, job_file.read_bytes(), path=str(job_file))
        project = load_project(directory)
        step = built_in_step(job.step) or project_steps(project)[job.step]
        with open_project(project, profile) as workspace:
            session = SharedSession(workspace, workspace.state / SPARK_LOG)
            answer = perform(job, step, workspace, run, session=session, replace=replace, environment=os.environ)
    except SeatrialError as error:
        answer = {"errors": [failure.as_document() for failure in error.each], FAILED_AT: time.time()}
        raise
    except OSError as error:  # a full disk, above all
        failure = from_os_error(error, path=str(job_file.parent))
        answer = {"errors": [failure.as_document()], FAILED_AT: time.time()}
        raise
    finally:
        answer_file(job_file).write_bytes(to_json(answer))


def run_step(
    name: str, run: str, directory: Path, profile: str, *, sets: Sequence[str], rehearse: bool, replace: bool
) -> CacheRecord | None:
    """Runs one step on what the cache has of the steps before it; an input that is not there is an `InputError`.

    None where this process is not rank 0 of the step's workers.
    """
    project = load_project(directory)
    graph = (pipeline := load_pipeline(project, sets=sets, rehearse=rehearse)).graph
    if name not in graph:
        raise InputError(
            f"unknown step {name!r}.",
            path=project.path,
            hint=did_you_mean(name, graph) or f"Known: {', '.join(graph)}.",
        )
    outputs: dict[str, Output] = {}
    with open_project(project, profile) as workspace:
        for step in graph.values():
            if missing := missing_inputs(step, outputs):
                if step.name != name:
                    continue
                hint = f"Run `seatrial step {missing[0].partition('.')[0]}` first."
                raise InputError(f"step {name!r} needs {', '.join(missing)}, which is not there.", hint=hint)
            job = job_for(step, outputs, pipeline.parameters, workspace)
            if step.name == name:
                session = SharedSession(workspace, workspace.state / SPARK_LOG)
                return perform(job, step, workspace, run, session=session, replace=replace, environment=os.environ)
            record, _ = cached(job, workspace)
            outputs.update({} if record is None else record.outputs)
    raise AssertionError(name)


def perform(
    job: Job,
    step: Step,
    workspace: Workspace,
    run: str,
    *,
    session: SharedSession,
    replace: bool,
    environment: Mapping[str, str],
) -> CacheRecord | None:
    """Runs a job in this process, and ends its Spark session, which is made where the step needs one.

    None where the environment says that this is not rank 0 of the step's workers: what it returns is not kept.
    """
    if job.parts.workers == 1:
        forget_rendezvous(os.environ)
    try:
        if worker_rank(job.parts.workers, environment, step=step.name) > 0:
            call_step(job, step, workspace, session=session)
            return None
        return execute_step(job, step, workspace, run, session=session, replace=replace)
    finally:
        session.end()


def as_document(record: CacheRecord) -> object:
    """The record as JSON types."""
    return json.loads(to_json(record))


def _leave_with_parent() -> None:
    """Ends this process, and what it started, when the pipe from its parent closes: a killed run leaves nothing."""
    os.read(sys.stdin.fileno(), 1)  # unbuffered: a lock held in here would keep the interpreter from ending
    if os.getpgrp() == os.getpid():  # a group of its own, as run_step_process makes it: no stranger is in it
        os.killpg(0, signal.SIGKILL)
    os._exit(ORPHANED)
