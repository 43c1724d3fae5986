"""A run as a target renders it: values alone."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.pipeline.driver.driver_manifest import DriverRun, driver_name
from seatrial.pipeline.driver.run_options import RunOptions
from seatrial.pipeline.driver.submit import cluster_of, driver_of
from seatrial.pipeline.places.job_manifest import Owner, RemoteStep
from seatrial.pipeline.places.run_documents import job_digest
from seatrial.pipeline.project.cluster_profile import drives_executors, is_driven_there, resources_of
from seatrial.pipeline.project.settings import AzureMLChoice, ClusterChoice
from seatrial.pipeline.running.plan import make_plan
from seatrial.pipeline.steps.declaration import Resources
from seatrial.pipeline.steps.load_pipeline import Pipeline
from seatrial.pipeline.tasks.planned_task import PlannedTask, plan_tasks
from seatrial.pipeline.workspace import Workspace

JOB_LATER = "known-once-its-inputs-are-made"  # in place of a digest
UID_LATER = "known-once-the-driver-is-there"  # in place of the driver's uid


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A step that would run, and what it may use."""

    remote: RemoteStep
    resources: Resources


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """A run: who drives it (None is the process that asks), when (None is now), and the steps that are not cached.

    Where an orchestrator drives it, `driver` is what each of the `tasks` is asked for, and there are no `steps`.
    """

    cluster: ClusterChoice
    driver: DriverRun | None
    schedule: str | None
    steps: tuple[PlannedJob, ...]
    tasks: tuple[PlannedTask, ...] = ()
    azureml: AzureMLChoice | None = None  # where Azure ML runs the tasks; then `cluster` is nobody's


def plan_run(
    pipeline: Pipeline, workspace: Workspace, options: RunOptions, *, run: str, schedule: str | None = None
) -> PipelineRun:
    """The run as it would go now; writes nothing. A schedule has no steps: what will be cached then is not known."""
    profile = cluster_of(workspace)
    driver = (
        driver_of(workspace, options, run=None if schedule else run) if is_driven_there(workspace.profile) else None
    )
    if schedule is not None:
        return PipelineRun(profile.cluster, driver, schedule, ())
    code = driver_of(workspace, options, run=run).code
    owner = None if driver is None else Owner(driver_name(workspace.project.name, run), UID_LATER)
    plan = make_plan(pipeline.graph, pipeline.parameters, workspace, use_cache=options.use_cache)
    steps = tuple(
        PlannedJob(
            RemoteStep(
                project=workspace.project.name,
                run=run,
                step=step.name,
                profile=workspace.profile_name,
                image=profile.image,
                code=code,
                job=JOB_LATER if step.job is None else job_digest(step.job),
                variables=profile.variables,
                replace=step.replaces,
                drives_executors=drives_executors(pipeline.graph[step.name], workspace.profile),
                owner=owner,
            ),
            resources_of(pipeline.graph[step.name], workspace.profile),
        )
        for step in plan.steps
        if step.state == "ran"
    )
    return PipelineRun(profile.cluster, driver, None, steps)


def plan_task_run(
    pipeline: Pipeline, workspace: Workspace, options: RunOptions, *, run: str, schedule: str | None = None
) -> PipelineRun:
    """The run as an orchestrator drives it, one task a step; writes nothing."""
    request = driver_of(workspace, options, run=None if schedule else run)
    tasks = plan_tasks(pipeline, workspace.profile)
    return PipelineRun(cluster_of(workspace).cluster, request, schedule, (), tasks)
