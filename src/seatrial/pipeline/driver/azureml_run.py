"""A run as Azure ML drives it: what its documents are rendered from, and what has to be in the store before."""

from __future__ import annotations

from seatrial.pipeline.driver.driver_manifest import DriverRun
from seatrial.pipeline.driver.pipeline_run import PipelineRun
from seatrial.pipeline.driver.run_options import RunOptions
from seatrial.pipeline.places.code_artifact import project_code
from seatrial.pipeline.places.kubernetes_jobs import check_inputs
from seatrial.pipeline.places.pod_store import store_variables
from seatrial.pipeline.project.azureml_profile import require_azureml_profile, secret_variables
from seatrial.pipeline.project.settings import ClusterChoice
from seatrial.pipeline.steps.load_pipeline import Pipeline
from seatrial.pipeline.tasks.key_vault import NAMES_VARIABLE, VAULT_VARIABLE
from seatrial.pipeline.tasks.planned_task import check_one_worker, plan_tasks
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import artifact_digest


def plan_azureml_run(
    pipeline: Pipeline, workspace: Workspace, options: RunOptions, *, run: str, schedule: str | None = None
) -> PipelineRun:
    """The run as one component a step; writes nothing. `Problems` lists what the profile lacks."""
    profile, project = workspace.profile, workspace.project
    require_azureml_profile(workspace.profile_name, profile, path=project.path)
    check_inputs(pipeline.graph)
    check_one_worker(pipeline.graph, profile, project.path, orchestrator="Azure ML")
    assert profile.azureml is not None and profile.image is not None and profile.store is not None  # noqa: S101 PT018
    variables = store_variables(profile.store, project.directory)
    names = secret_variables(profile)
    if profile.azureml.key_vault is not None and names:
        variables |= {VAULT_VARIABLE: profile.azureml.key_vault.rstrip("/"), NAMES_VARIABLE: ",".join(names)}
    request = DriverRun(
        project=project.name,
        profile=workspace.profile_name,
        image=profile.image,
        code=artifact_digest(project_code(project)),
        variables=variables,
        options=options.arguments(),
        run=None if schedule else run,
    )
    tasks = plan_tasks(pipeline, profile)
    return PipelineRun(ClusterChoice(), request, schedule, (), tasks, azureml=profile.azureml)
