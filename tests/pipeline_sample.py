"""A run of a pipeline as a target is asked to render it, for tests."""

from __future__ import annotations

from dataclasses import replace

from seatrial.pipeline.driver.driver_manifest import DriverRun, driver_name
from seatrial.pipeline.driver.pipeline_run import JOB_LATER, UID_LATER, PipelineRun, PlannedJob
from seatrial.pipeline.places.job_manifest import Owner, RemoteStep
from seatrial.pipeline.project.settings import ClusterChoice
from seatrial.pipeline.steps.declaration import Resources

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


def _planned(step: str, job: str) -> PlannedJob:
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
    return PlannedJob(remote, Resources())


DRIVEN = PipelineRun(CLUSTER, DRIVER, None, (_planned("features", "a" * 64), _planned("model", JOB_LATER)))
SCHEDULED = PipelineRun(CLUSTER, replace(DRIVER, run=None), "0 3 * * *", ())
