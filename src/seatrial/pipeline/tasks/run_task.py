"""What the task of a step does: takes its inputs from what the run made so far, runs the step, and says how it ended.

No driver looks on. Each task writes documents of its own beside the run's record, and the last one the record itself.
"""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seatrial.errors import (
    Corrupt,
    InputError,
    ObjectExists,
    ObjectMissing,
    Problems,
    SeatrialError,
    StepFailed,
    from_os_error,
)
from seatrial.pipeline.cache.cache_record import CacheRecord, record_path
from seatrial.pipeline.cache.check_record import check_record
from seatrial.pipeline.driver.drive import is_temporary
from seatrial.pipeline.jobs.job import Job, cached, job_for, missing_inputs
from seatrial.pipeline.jobs.step_values import Output
from seatrial.pipeline.places.code_artifact import unpack_code
from seatrial.pipeline.places.job_manifest import POD_ADDRESS, POD_NAME, REPLACE
from seatrial.pipeline.places.pod_store import open_store, within_pod
from seatrial.pipeline.places.run_documents import answer_key, begun_key, ended_key, log_key, write_job
from seatrial.pipeline.project.cluster_profile import drives_executors, resources_of
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.project.settings import Project
from seatrial.pipeline.running.finished_run import cache_records, finished_run
from seatrial.pipeline.running.plan import UNCHANGED, why
from seatrial.pipeline.running.run_pipeline import NO_CACHE
from seatrial.pipeline.running.run_records import (
    RUNS,
    Origin,
    RunningStep,
    RunRecord,
    State,
    StepRecord,
    last_parts,
    read_run,
)
from seatrial.pipeline.running.run_result import conclude
from seatrial.pipeline.running.step_process import as_errors, read_errors
from seatrial.pipeline.steps.builtin import data_digest, release_step
from seatrial.pipeline.steps.declaration import Step
from seatrial.pipeline.steps.load_pipeline import Pipeline, load_pipeline
from seatrial.pipeline.tasks.mounted_secrets import mounted_variables, take_signing_keys
from seatrial.pipeline.tasks.planned_task import task_steps, versions_here
from seatrial.pipeline.tasks.step_child import KILLED, run_child
from seatrial.pipeline.workspace import Workspace, open_project
from seatrial.releases.keys import seatrial_home
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects

RELEASE = "release"
POD_VARIABLE = "KFP_POD_NAME"  # Kubeflow's own, of every pod of a task


@dataclass(frozen=True, slots=True)
class Task:
    """A task's arguments. `expects` are versions that the step's key has where the run was asked for ("torch=2.13.0").

    `sets` are those of this step alone: what others were set to is in what they made.
    """

    step: str
    run: str
    profile: str
    code: str
    expects: tuple[str, ...]
    sets: tuple[str, ...]
    rehearse: bool
    use_cache: bool


def run_task(task: Task) -> None:
    """Runs the step unless it is cached, and raises where it failed."""
    os.environ.update(mounted_variables(os.environ))
    folder = Path(tempfile.mkdtemp(prefix="seatrial-task-"))  # mode 0700
    objects, _ = open_store(folder, os.environ)
    directory = folder / "project"
    unpack_code(objects, task.code, directory)
    project = within_pod(load_project(directory), task.profile, folder)
    pipeline = pipeline_of(task, project)
    take_signing_keys(os.environ, seatrial_home(os.environ))
    step = pipeline.graph.get(task.step)
    if step is None:
        raise InputError(f"unknown step {task.step!r}.", path=project.path, hint=f"Known: {', '.join(pipeline.graph)}.")
    _begin_run(task, pipeline, objects)
    with open_project(project, task.profile) as workspace:
        before = _so_far(task, pipeline, workspace)
        if before is None:
            before = _perform(task, step, pipeline, workspace, folder)
        record = read_run(objects, task.run)
        if record.ending != "running":  # this one was the last: nobody else looks after the record
            conclude(finished_run(record, objects), workspace)
        if errors := as_errors(before.errors, otherwise=f"Its log: seatrial logs {task.run}"):
            raise errors[0] if len(errors) == 1 else Problems(errors)


def pipeline_of(task: Task, project: Project) -> Pipeline:
    """The steps that the task has to know of: its own alone where that signs.

    The process that has the key never imports the project's code, which could take the key along.
    """
    if task.step == RELEASE:
        if project.model_settings is None:
            raise InputError("the step 'release' needs [model].", path=project.path, hint="Name the model to release.")
        return Pipeline({RELEASE: release_step(project, project.model_settings)}, {})
    return load_pipeline(project, sets=task.sets, rehearse=task.rehearse)


def _begin_run(task: Task, pipeline: Pipeline, objects: Objects) -> None:
    """Writes the record of a run that nobody submitted, which a schedule or somebody at the orchestrator began."""
    try:
        read_run(objects, task.run)
    except ObjectMissing:
        if task.step == RELEASE:  # it does not know the other steps, and they come before it
            raise
        pod = os.environ.get(POD_VARIABLE, socket.gethostname())
        record = RunRecord(
            run=task.run,
            started=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            profile=task.profile,
            rehearsal=task.rehearse,
            parameters=pipeline.parameters,
            ending="running",
            steps=(),
            code=task.code,
            origin=Origin(driver=pod, trigger="a schedule, or by hand there"),
            tasks=task_steps(pipeline.graph),
        )
        with suppress(ObjectExists):  # another task of the run was first
            objects.put(f"{RUNS}{task.run}.json", to_json(record), if_absent=True)


def _so_far(task: Task, pipeline: Pipeline, workspace: Workspace) -> StepRecord | None:
    """How the step ended in an earlier try of this very task: what its own code raised is not tried again."""
    record = read_run(workspace.objects, task.run)
    before = next((step for step in record.steps if step.name == task.step), None)
    problem = None
    if record.code not in (None, task.code):
        problem = f"the run {task.run} is of other code."
    elif before is None and record.ending != "running":
        problem = f"the run {task.run} has ended."
    elif before is not None and before.parts is not None:
        for name, value in pipeline.parameters.get(task.step, {}).items():
            if before.parts.parameters.get(name) != value:
                problem = f"in the run {task.run} the step {task.step!r} had another {name}."
    if problem is not None:
        raise InputError(
            problem, path=task.run, hint='A copy of a run needs a name of its own: set the input "run" to another.'
        )
    return before


def _perform(task: Task, step: Step, pipeline: Pipeline, workspace: Workspace, folder: Path) -> StepRecord:
    began = time.monotonic()
    job: Job | None = None
    state: State = "failed"
    error: SeatrialError | None = None
    objects = workspace.objects
    log = folder / f"{step.name}.log"
    try:
        _check_versions(step, task.expects)
        made = cache_records(read_run(objects, task.run), objects)
        outputs = {name: output for cache_record in made.values() for name, output in cache_record.outputs.items()}
        if missing := missing_inputs(step, outputs):
            raise InputError(
                f"step {step.name!r} needs {', '.join(missing)}, which this run has not made.",
                path=task.run,
                hint="Start the run anew.",
            )
        check_made(step, made, outputs, workspace)
        job = job_for(step, outputs, pipeline.parameters, workspace)
        record, doubt = cached(job, workspace) if task.use_cache else (None, NO_CACHE)
        state, reason = "cached", UNCHANGED
        if record is None:
            reason = doubt or why(job.parts, last_parts(objects, frozenset(pipeline.graph)))
            objects.put(begun_key(task.run, step.name), to_json(RunningStep(step.name, reason)))
            state = "failed"
            try:
                _run_job(job, step, task, workspace, log, replace=bool(doubt))
            finally:
                if log.is_file():
                    with suppress(SeatrialError):
                        objects.put(log_key(task.run, step.name), log)
            state = "ran"
    except (SeatrialError, OSError) as raised:  # of the operating system: a full disk, above all
        error = raised if isinstance(raised, SeatrialError) else from_os_error(raised, path=str(folder))
        if is_temporary(error):  # no end of the step: whoever tries the task again may find the store there
            raise
        state, reason = "failed", error.problem
    ended = StepRecord(
        name=step.name,
        state=state,
        key=None if job is None else job.key,
        seconds=round(time.monotonic() - began, 3),
        reason=reason,
        parts=None if job is None else job.parts,
        errors=() if error is None else tuple(failure.as_document() for failure in error.each),
    )
    objects.put(ended_key(task.run, step.name), to_json(ended))
    return ended


def check_made(
    step: Step, made: Mapping[str, CacheRecord], outputs: Mapping[str, Output], workspace: Workspace
) -> None:
    """`Corrupt` where what the step reads is damaged, or where the trial to release is not of its model and policy.

    Others may write to the store, which says what this run has made.
    """
    for maker in {source.partition(".")[0] for source in step.inputs.values() if isinstance(source, str)}:
        check_record(made[maker], workspace)
    project = workspace.project
    if step.name != RELEASE or project.data is None:
        return
    model = step.inputs["model"]
    assert isinstance(model, str)  # noqa: S101
    trial = made["assess"].parts
    expected = {"policy": step.parameters["policy"], "data": data_digest(project.data), "rehearse": False}
    if trial.inputs.get("model") != outputs[model].digest or expected.items() - trial.parameters.items():
        raise Corrupt(
            "the trial is of another model, policy or data.", path=record_path(made["assess"].key), hint="Run again."
        )


def _check_versions(step: Step, expects: Sequence[str]) -> None:
    """Raises where this image has another Python or other versions of libraries than where the run was asked for."""
    here = versions_here(step)
    for text in expects:
        name, _, version = text.partition("=")
        if here.get(name) != version:
            raise InputError(
                f"step {step.name!r} needs {name} {version}, and the image has {here.get(name, 'none')}.",
                path="image",
                hint="Build the image from the lock that this machine has, or install the image's versions here.",
            )


def _run_job(job: Job, step: Step, task: Task, workspace: Workspace, log: Path, *, replace: bool) -> None:
    """Runs the pinned job by the very command that a Job of the cluster runs; raises what the step raised."""
    resources = resources_of(step, workspace.profile)
    key = answer_key(task.run, step.name)
    arguments = ["step", step.name, "--run", task.run, "--profile", task.profile, "--code", task.code]
    arguments += ["--job", write_job(workspace.objects, task.run, job), *([REPLACE] if replace else [])]
    for attempt in range(resources.retries + 1):
        workspace.objects.delete(key)
        status = run_child(arguments, log=log, environment=_environment(step, workspace), timeout_s=resources.timeout_s)
        if status not in KILLED or attempt == resources.retries:
            break
    try:
        answer = workspace.objects.get(key).data
    except ObjectMissing:
        answer = b""
    if status == 0 and answer:
        record = from_json(CacheRecord, answer, path=key)
        if record.key != job.key:
            raise Corrupt(f"the record must have the key {job.key}, got {record.key}.", path=key, hint="Run again.")
        return
    made, _ = cached(job, workspace)
    if made is not None and made.run == task.run:
        return  # its answer alone was lost, on the way to the store
    if errors := read_errors(answer, otherwise=f"Its log: seatrial logs {task.run} --step {step.name}"):
        raise errors[0] if len(errors) == 1 else Problems(errors)
    how = "its process was killed" if status in KILLED else f"its process ended with status {status}"
    raise StepFailed(
        f"step {step.name!r}: {how}.",
        path=log_key(task.run, step.name),
        hint=f"It may have needed more than its memory of {resources.memory}; its log may say more.",
    )


def _environment(step: Step, workspace: Workspace) -> Mapping[str, str]:
    """That of the step: with what a driver of Spark is told of the pod, where the step makes executors."""
    if not drives_executors(step, workspace.profile) or POD_VARIABLE not in os.environ:
        return os.environ
    address = socket.gethostbyname(socket.gethostname())
    return {**os.environ, POD_NAME: os.environ[POD_VARIABLE], POD_ADDRESS: address}
