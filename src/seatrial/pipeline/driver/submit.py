"""Submitting a run to a cluster: everything that can be wrong is told first, and one Job is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from seatrial.cluster.client import Namespace
from seatrial.errors import InputError, Refused, SeatrialError
from seatrial.pipeline.driver.driver_manifest import DriverRun, driver_name
from seatrial.pipeline.driver.run_options import RunOptions
from seatrial.pipeline.places.code_artifact import pack_code, project_code
from seatrial.pipeline.places.kubernetes_jobs import check_inputs
from seatrial.pipeline.places.pod_store import store_variables
from seatrial.pipeline.project.cluster_profile import is_driven_there, require_cluster_profile
from seatrial.pipeline.project.settings import ClusterChoice
from seatrial.pipeline.running.run_records import (
    Identity,
    Origin,
    RunRecord,
    Schedule,
    TaskStep,
    schedule_key,
    write_run,
)
from seatrial.pipeline.steps.load_pipeline import Pipeline
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import artifact_digest
from seatrial.stores.documents import to_json


@dataclass(frozen=True, slots=True)
class ClusterProfile:
    """What of a profile every cluster run has, checked."""

    cluster: ClusterChoice
    image: str
    variables: Mapping[str, str]


def cluster_of(workspace: Workspace) -> ClusterProfile:
    """The profile's cluster; `Problems` lists what it lacks."""
    profile = workspace.profile
    require_cluster_profile(workspace.profile_name, profile, path=workspace.project.path, runs=True)
    assert profile.cluster is not None and profile.image is not None and profile.store is not None  # noqa: S101 PT018
    return ClusterProfile(profile.cluster, profile.image, store_variables(profile.store, workspace.project.directory))


def require_driver(workspace: Workspace, option: str) -> None:
    """Raises unless a Job of the cluster can drive the run; `option` is what needs that."""
    if not is_driven_there(workspace.profile):
        raise InputError(
            f"[profile.{workspace.profile_name}.cluster] must have a driver_service_account for {option}.",
            path=workspace.project.path,
            hint='Write driver_service_account = "seatrial-driver"; `seatrial doctor --write DIR` renders it.',
        )


def driver_of(workspace: Workspace, options: RunOptions, *, run: str | None) -> DriverRun:
    """The driver of a run of the project as its folder is now; `run` is None for a schedule. Writes nothing."""
    profile = cluster_of(workspace)
    return DriverRun(
        project=workspace.project.name,
        profile=workspace.profile_name,
        image=profile.image,
        code=artifact_digest(project_code(workspace.project)),
        variables=profile.variables,
        options=options.arguments(),
        run=run,
    )


def submit_run(text: str, identity: Identity, pipeline: Pipeline, workspace: Workspace, options: RunOptions) -> None:
    """Sends the driver's Job, as this YAML text, after the code that it runs and the record that it goes on with."""
    namespace = _checked(pipeline, workspace)
    record = first_record(identity, pipeline, workspace, options)
    namespace.create_job(text, dry_run=True)  # what is refused leaves no record
    write_run(workspace.objects, record)
    try:
        made = namespace.create_job(text)
    except SeatrialError as error:
        write_run(workspace.objects, not_sent(record, error))
        raise
    if made is None:
        raise Refused(f"the cluster has a Job {driver_name(workspace.project.name, identity.run)}.", hint="Run again.")


def first_record(
    identity: Identity,
    pipeline: Pipeline,
    workspace: Workspace,
    options: RunOptions,
    *,
    tasks: tuple[TaskStep, ...] = (),
) -> RunRecord:
    """The record of a run that is about to be sent, after its code; `tasks` where nothing of ours will drive it."""
    return RunRecord(
        run=identity.run,
        started=identity.started,
        profile=workspace.profile_name,
        rehearsal=options.rehearse,
        parameters=pipeline.parameters,
        ending="running",
        steps=(),
        code=pack_code(workspace.project, workspace.objects),
        origin=identity.origin,
        tasks=tasks,
    )


def not_sent(record: RunRecord, error: SeatrialError) -> RunRecord:
    """The record of a run that was not taken."""
    return replace(record, ending="failed", errors=tuple(failure.as_document() for failure in error.each))


def submit_schedule(name: str, text: str, pipeline: Pipeline, workspace: Workspace) -> None:
    """Sends the CronJob of that name, as this YAML text, in place of an older one."""
    namespace = _checked(pipeline, workspace)
    code = pack_code(workspace.project, workspace.objects)
    workspace.objects.put(schedule_key(name), to_json(Schedule(code)))
    namespace.apply_cron_job(name, text)


def origin_of(workspace: Workspace, run: str, *, by: str) -> Origin:
    """Where a run that `by` submits is driven from."""
    cluster = cluster_of(workspace).cluster
    name = driver_name(workspace.project.name, run)
    return Origin(driver=name, trigger=f"by hand: {by}", namespace=cluster.namespace, context=cluster.context)


def _checked(pipeline: Pipeline, workspace: Workspace) -> Namespace:
    cluster = cluster_of(workspace).cluster
    check_inputs(pipeline.graph)
    namespace = Namespace(cluster.namespace, cluster.context)
    namespace.check()
    return namespace
