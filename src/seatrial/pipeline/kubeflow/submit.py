"""Submitting a run to Kubeflow Pipelines: everything that can be wrong is told first, and one pipeline is sent."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from seatrial.errors import InputError, SeatrialError
from seatrial.pipeline.driver.pipeline_run import PipelineRun
from seatrial.pipeline.driver.run_options import RunOptions
from seatrial.pipeline.driver.submit import cluster_of, first_record, not_sent
from seatrial.pipeline.kubeflow.api import Kubeflow, pipeline_of
from seatrial.pipeline.kubeflow.pipeline_spec import pipeline_documents
from seatrial.pipeline.places.kubernetes_jobs import check_inputs
from seatrial.pipeline.project.settings import KubeflowChoice
from seatrial.pipeline.running.run_records import Identity, RunRecord, write_run
from seatrial.pipeline.steps.load_pipeline import Pipeline
from seatrial.pipeline.tasks.planned_task import check_one_worker, task_steps
from seatrial.pipeline.workspace import Workspace, look_up


def kubeflow_of(workspace: Workspace) -> KubeflowChoice:
    """What the profile says of its Kubeflow; `InputError` where it names none."""
    choice = workspace.profile.kubeflow
    if choice is None or choice.endpoint is None:
        raise InputError(
            f"[profile.{workspace.profile_name}] kubeflow: it must say where Kubeflow Pipelines is.",
            path=workspace.project.path,
            hint='Write kubeflow = { endpoint = "https://…", token = "env:NAME" }.',
        )
    return choice


def endpoint_of(workspace: Workspace) -> str:
    """Where the profile's Kubeflow is; `InputError` where it names none."""
    return str(kubeflow_of(workspace).endpoint).rstrip("/")


def open_kubeflow(workspace: Workspace) -> Kubeflow:
    """The profile's Kubeflow, with its token looked up."""
    choice, directory = kubeflow_of(workspace), workspace.project.directory
    token = None if choice.token is None else look_up(choice.token, directory, os.environ)
    ca = None if choice.ca is None else directory / Path(choice.ca.removeprefix("file:")).expanduser()
    return Kubeflow(endpoint_of(workspace), token=token, ca=ca, namespace=choice.namespace)


def submit_tasks(
    planned: PipelineRun, identity: Identity, pipeline: Pipeline, workspace: Workspace, options: RunOptions
) -> RunRecord:
    """Sends the pipeline, after the code that its tasks run and the record that they go on with."""
    cluster_of(workspace)
    choice = kubeflow_of(workspace)
    check_inputs(pipeline.graph)
    check_one_worker(pipeline.graph, workspace.profile, workspace.project.path, orchestrator="Kubeflow")
    with open_kubeflow(workspace) as kubeflow:
        # Before the record: what is refused leaves none.
        experiment = kubeflow.experiment(choice.experiment or workspace.project.name)
        record = first_record(identity, pipeline, workspace, options, tasks=task_steps(pipeline.graph))
        write_run(workspace.objects, record)
        try:
            begun = kubeflow.begin(
                identity.run, _pipeline(planned), experiment=experiment, service_account=choice.service_account
            )
        except SeatrialError as error:
            write_run(workspace.objects, not_sent(record, error))
            raise
    if record.origin is not None:  # a pod takes seconds to begin, and only the last task writes the record
        record = replace(record, origin=replace(record.origin, driver=begun))
        write_run(workspace.objects, record)
    return record


def _pipeline(planned: PipelineRun) -> dict[str, object]:
    assert planned.driver is not None  # noqa: S101
    return pipeline_of(pipeline_documents(planned.driver, planned.tasks, planned.cluster))
