"""A run of a pipeline as a target is asked to render it, for tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from seatrial.cluster.node_choice import Toleration
from seatrial.pipeline.driver.driver_manifest import DriverRun, driver_name
from seatrial.pipeline.driver.pipeline_run import JOB_LATER, UID_LATER, PipelineRun, PlannedJob
from seatrial.pipeline.places.job_manifest import Owner, RemoteStep
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.project.settings import ClusterChoice
from seatrial.pipeline.steps.declaration import Parameter, Resources
from seatrial.pipeline.tasks.planned_task import PlannedTask
from seatrial.pipeline.workspace import Workspace, open_project

RUN = "20260101T000000-abcdef"
CLUSTER = ClusterChoice(
    namespace="pipelines",
    secret="seatrial-store",
    signing_secret="seatrial-signing",
    driver_service_account="seatrial-driver",
)
DRIVER = DriverRun(
    project="census",
    profile="prod",
    image="registry.example/census-steps@sha256:" + "0" * 64,
    code="c" * 64,
    variables={"SEATRIAL_STORE": '{"url": "s3://lake/census"}'},
    options=("--set=model.epochs=3", "--rehearse"),
    run=RUN,
)


def _planned(step: str, job: str, *, workers: int = 1) -> PlannedJob:
    remote = RemoteStep(
        project=DRIVER.project,
        run=RUN,
        step=step,
        profile=DRIVER.profile,
        image=DRIVER.image,
        code=DRIVER.code,
        job=job,
        variables=DRIVER.variables,
        replace=False,
        owner=Owner(driver_name(DRIVER.project, RUN), UID_LATER),
    )
    return PlannedJob(remote, Resources(workers=workers))


DRIVEN = PipelineRun(CLUSTER, DRIVER, None, (_planned("features", "a" * 64), _planned("model", JOB_LATER, workers=2)))
SCHEDULED = PipelineRun(CLUSTER, replace(DRIVER, run=None), "0 3 * * *", ())


def _task(
    step: str,
    *needs: str,
    resources: Resources | None = None,
    parameters: Mapping[str, Parameter] | None = None,
    libraries: Mapping[str, str] | None = None,
) -> PlannedTask:
    versions = {"Python": "3.11", **(libraries or {})}
    return PlannedTask(step, needs, resources or Resources(), parameters or {}, versions)


TASKS = (
    _task("features", resources=Resources(cpu="500m", memory="512Mi", retries=2)),
    _task(
        "train_model",
        "features",
        resources=Resources(gpus=1),
        parameters={"epochs": 3, "rate": 0.1, "fast": True, "title": "a $(HOME) of one's own"},
        libraries={"torch": "2.13.0"},
    ),
    _task("assess", "train_model", "features", parameters={"budget_s": 60.0}),
    _task("release", "assess"),
)
ON_NODES = replace(CLUSTER, node_selector={"pool": "cpu"}, tolerations=(Toleration("spot", "Exists"),))
TASKED = PipelineRun(ON_NODES, replace(DRIVER, options=("--set=model.epochs=3", "--no-cache")), None, (), TASKS)
TASKS_SCHEDULED = PipelineRun(CLUSTER, replace(DRIVER, run=None), "0 3 * * *", (), TASKS[:1])


@contextmanager
def opened_ships(folder: Path, pipeline: str, profile: str = "prod", **settings: Any) -> Iterator[Workspace]:
    """A project "ships" of that pipeline with its store in the folder, under a profile that says `settings`."""
    (folder / "pipeline.py").write_text(pipeline)
    (folder / "seatrial.toml").write_text(
        f'[project]\nname = "ships"\n[profile.{profile}]\nstore = {{ url = "file:store" }}\n'
    )
    sys.modules.pop("pipeline", None)
    with open_project(load_project(folder), profile) as workspace:
        yield replace(workspace, profile=replace(workspace.profile, **settings))
