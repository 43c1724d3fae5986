"""What a pod does: fetches the project's code and its own job from the store, runs it, and leaves its answer there."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from seatrial.errors import InputError, SeatrialError, from_os_error
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.jobs.step_key import library_versions
from seatrial.pipeline.places.code_artifact import unpack_code
from seatrial.pipeline.places.pod_store import open_store, within_pod
from seatrial.pipeline.places.run_documents import answer_key, read_job
from seatrial.pipeline.places.spark_driver import DriverPod, executors
from seatrial.pipeline.places.worker_manifest import worker_of
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.running.step_command import perform
from seatrial.pipeline.running.worker_failures import FAILED_AT
from seatrial.pipeline.steps.builtin import built_in_step
from seatrial.pipeline.steps.load_pipeline import project_steps
from seatrial.pipeline.workspace import open_project
from seatrial.stores.documents import to_json


def run_remote_step(
    name: str, *, run: str, profile: str, code: str, job: str, replace_record: bool, environment: Mapping[str, str]
) -> None:
    """Runs the pinned job of `run`; `code` and `job` are digests. The record, or the error, goes to the store.

    Of several workers, which the environment tells of, rank 0 leaves the record.
    """
    # The first process of a pod ignores a signal that it does not handle, and would be waited for.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="seatrial-step-"))  # mode 0700
    objects = open_store(folder, environment)[0]
    answer: object = None
    try:
        directory = folder / "project"
        unpack_code(objects, code, directory)
        pinned = read_job(objects, run, name, job)
        project = within_pod(load_project(directory), profile, folder)
        step = built_in_step(name) or project_steps(project)[name]
        _check_environment(pinned)
        with open_project(project, profile) as workspace:
            driver = DriverPod(run, name, code, environment)
            with executors(driver, workspace, folder) as pods:
                session = SharedSession(workspace, log=None, pods=pods)
                answer = perform(
                    pinned, step, workspace, run, session=session, replace=replace_record, environment=environment
                )
    except SeatrialError as error:
        failures = [_without_folder(failure, directory).as_document() for failure in error.each]
        answer = {"errors": failures, FAILED_AT: time.time()}
        raise
    except OSError as error:  # a full disk, above all
        answer = {"errors": [from_os_error(error, path=str(folder)).as_document()], FAILED_AT: time.time()}
        raise
    finally:
        rank, attempt = worker_of(environment)
        objects.put(answer_key(run, name, rank=rank, attempt=attempt), to_json(answer))


def _check_environment(job: Job) -> None:
    """Raises where this image has another Python or other versions of libraries than the key of the job says."""
    parts = job.parts
    here = {"Python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    here |= library_versions(tuple(parts.libraries), step=job.step)
    for name, expected in {"Python": parts.python, **parts.libraries}.items():
        if here[name] != expected:
            raise InputError(
                f"step {job.step!r} needs {name} {expected}, and the image has {here[name]}.",
                path="image",
                hint="Build the image from the lock that this machine has, or install the image's versions here.",
            )


def _without_folder(error: SeatrialError, directory: Path) -> SeatrialError:
    """The error with paths as they are within the project: the pod's own folder tells nobody anything."""
    if error.path is None:
        return error
    with suppress(ValueError):
        return type(error)(
            error.problem, path=str(Path(error.path).relative_to(directory)), line=error.line, hint=error.hint
        )
    return error
