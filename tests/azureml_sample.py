"""A run of a pipeline as Azure ML is to drive it, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from seatrial.pipeline.driver.pipeline_run import PipelineRun
from seatrial.pipeline.project.settings import AzureMLChoice, ClusterChoice
from seatrial.pipeline.steps.declaration import Resources
from seatrial.pipeline.tasks.key_vault import NAMES_VARIABLE, VAULT_VARIABLE
from seatrial.pipeline.tasks.planned_task import PlannedTask
from tests.pipeline_sample import DRIVER

CHOICE = AzureMLChoice(
    compute="cpu-cluster",
    gpu_compute="gpu-cluster",
    release_compute="release",
    key_vault="https://lake-keys.vault.azure.net",
    signing_vault="https://release-keys.vault.azure.net",
)
REQUEST = replace(
    DRIVER,
    profile="azure",
    variables={
        **DRIVER.variables,
        VAULT_VARIABLE: "https://lake-keys.vault.azure.net",
        NAMES_VARIABLE: "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,CATALOG",
    },
    options=("--set=train_model.title=a $(HOME) of 'one''s' own", "--set=features.seed=3", "--no-cache"),
)


def _task(
    step: str,
    *needs: str,
    resources: Resources | None = None,
    libraries: Mapping[str, str] | None = None,
) -> PlannedTask:
    return PlannedTask(step, needs, resources or Resources(), {}, {"Python": "3.11", **(libraries or {})})


TASKS = (
    _task("features", resources=Resources(cpu="500m", memory="512Mi", retries=2, timeout_s=3600)),
    _task("train_model", "features", resources=Resources(gpus=1), libraries={"torch": "2.13.0"}),
    _task("assess", "train_model", "features"),
    _task("release", "assess"),
)
ON_AZURE = PipelineRun(ClusterChoice(), REQUEST, None, (), TASKS, azureml=CHOICE)
SCHEDULED_ON_AZURE = replace(ON_AZURE, driver=replace(REQUEST, run=None), schedule="0 3 * * mon-fri")
