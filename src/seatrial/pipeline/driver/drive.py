"""What the driver's pod does: fetches the project's code from the store, and runs the graph as Jobs beside itself.

It may be killed at any time: its steps go on, and the driver that comes after it takes them over.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from seatrial.errors import InputError, ObjectMissing, SeatrialError, StoreError, TargetError
from seatrial.pipeline.driver.driver_manifest import JOB_VARIABLE, UID_VARIABLE
from seatrial.pipeline.driver.run_options import RunOptions
from seatrial.pipeline.places.code_artifact import unpack_code
from seatrial.pipeline.places.job_manifest import Owner
from seatrial.pipeline.places.kubernetes_jobs import KubernetesJobs
from seatrial.pipeline.places.pod_store import open_store, within_pod
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.running.run_pipeline import FinishedRun, Progress, run_pipeline
from seatrial.pipeline.running.run_records import (
    TOKEN_BYTES,
    Identity,
    Origin,
    RunRecord,
    new_identity,
    read_run,
    write_run,
)
from seatrial.pipeline.running.run_result import conclude
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import open_project
from seatrial.stores.objects import Objects

SECONDS_A_MINUTE = 60
_OF_SCHEDULE = re.compile(r"(?P<name>.+)-(?P<minutes>\d{8})")  # how a CronJob names its Jobs
_EARLIEST_MINUTES = 26_297_280  # the year 2020: a date like 20261129 is no time in minutes


@dataclass(frozen=True, slots=True)
class DriverArguments:
    """The driver's arguments. `run` is None where a schedule made this Job."""

    run: str | None
    profile: str
    code: str
    options: RunOptions


def drive(arguments: DriverArguments, progress: Progress, environment: Mapping[str, str]) -> SeatrialError | None:
    """Runs the graph to its end; returns the first failure of a step. The verdict stands in the run's record.

    Raises what kept the run from beginning or from ending; what `is_temporary` may be tried again.
    """
    # The first process of a pod ignores a signal that it does not handle, and would be waited for.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="seatrial-driver-"))  # mode 0700
    owner = Owner(environment[JOB_VARIABLE], environment[UID_VARIABLE])
    objects, _ = open_store(folder, environment)
    identity = _identity(arguments, owner, objects)
    try:
        return _run(arguments, identity, owner, objects, folder, progress).error
    except SeatrialError as error:
        if not is_temporary(error):
            write_run(objects, _failed(arguments, identity, error))
        raise


def is_temporary(error: SeatrialError) -> bool:
    """Whether the store or the API server did not answer, and may do so in a while."""
    return isinstance(error, (StoreError, TargetError)) and not isinstance(error, ObjectMissing)


def run_of_schedule(job: str, uid: str) -> Identity:
    """The run of a Job that a CronJob made: named after the time for which it was made, the same in every try.

    >>> run_of_schedule("census-prod-29400660", "5f0c").run
    '20251125T030000-88d12b'
    """
    matched = _OF_SCHEDULE.fullmatch(job)
    minutes = 0 if matched is None else int(matched["minutes"])
    if matched is None or minutes < _EARLIEST_MINUTES:
        raise InputError(
            f"the Job {job!r} was not made by a schedule: its name does not end in a time.",
            hint="Start a run now: seatrial run --on kubectl --detach",
        )
    when = datetime.fromtimestamp(minutes * SECONDS_A_MINUTE, UTC)
    token = hashlib.sha256(uid.encode()).hexdigest()[: 2 * TOKEN_BYTES]
    return new_identity(when, token, Origin(driver=job, trigger=f"schedule {matched['name']}"))


def _identity(arguments: DriverArguments, owner: Owner, objects: Objects) -> Identity:
    if arguments.run is None:
        return run_of_schedule(owner.name, owner.uid)
    record = read_run(objects, arguments.run)  # whoever submitted it wrote it
    return Identity(record.run, record.started, record.origin)


def _run(
    arguments: DriverArguments, identity: Identity, owner: Owner, objects: Objects, folder: Path, progress: Progress
) -> FinishedRun:
    directory = folder / "project"
    unpack_code(objects, arguments.code, directory)
    project = within_pod(load_project(directory), arguments.profile, folder)
    cluster = project.profiles[arguments.profile].cluster
    if cluster is None:
        raise InputError(f"[profile.{arguments.profile}] cluster: it must say where the steps run.", path=project.path)
    if identity.origin is not None and identity.origin.namespace is None:  # of a schedule
        identity = replace(identity, origin=replace(identity.origin, namespace=cluster.namespace))
    options = arguments.options
    pipeline = load_pipeline(project, sets=options.sets, rehearse=options.rehearse)
    with open_project(project, arguments.profile) as workspace:
        finished = run_pipeline(
            pipeline.graph,
            pipeline.parameters,
            workspace,
            progress,
            rehearse=options.rehearse,
            use_cache=options.use_cache,
            steps_at_once=options.steps_at_once,
            open_place=partial(KubernetesJobs, owner=owner),
            identity=identity,
        )
        conclude(finished, workspace)
    return finished


def _failed(arguments: DriverArguments, identity: Identity, error: SeatrialError) -> RunRecord:
    """The record of a run that could not begin."""
    return RunRecord(
        run=identity.run,
        started=identity.started,
        profile=arguments.profile,
        rehearsal=arguments.options.rehearse,
        parameters={},
        ending="failed",
        steps=(),
        code=arguments.code,
        origin=identity.origin,
        errors=tuple(failure.as_document() for failure in error.each),
    )
