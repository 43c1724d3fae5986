"""The Job of a step, as a file to look at. After a wanted change, run once with SEATRIAL_WRITE_GOLDEN=1."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.cluster.node_choice import Toleration
from seatrial.cluster.yaml_text import to_yaml
from seatrial.pipeline.places.executor_pod import ExecutorPod, render_executor
from seatrial.pipeline.places.job_manifest import RemoteStep, job_name, render_job
from seatrial.pipeline.project.settings import ClusterChoice
from seatrial.pipeline.steps.declaration import Resources
from seatrial.prepare.spark_settings import SparkSettings

GOLDEN = Path(__file__).parent / "golden_jobs"
REMOTE = RemoteStep(
    project="census",
    run="20260101T000000-abcdef",
    step="model",
    profile="prod",
    image="registry.example/census-steps@sha256:" + "0" * 64,
    code="c" * 64,
    job="a" * 64,
    variables={"SEATRIAL_STORE": '{"url": "s3://lake/census"}'},
    replace=False,
)
CLUSTER = ClusterChoice(
    namespace="pipelines",
    secret="seatrial-store",
    signing_secret="seatrial-signing",
    release_service_account="signer",
    spark_service_account="spark",
    node_selector={"disk": "ssd"},
    tolerations=(Toleration("team", value="models", effect="NoSchedule"),),
)
CASES: dict[str, tuple[RemoteStep, Resources]] = {
    "model.yaml": (REMOTE, Resources(cpu="4", memory="8Gi", gpus=1, timeout_s=3600, retries=2)),
    "release.yaml": (replace(REMOTE, step="release", replace=True), Resources()),
    "features.yaml": (replace(REMOTE, step="features", drives_executors=True), Resources(cpu="500m")),
}


@pytest.mark.parametrize("name", CASES)
def test_jobs_are_the_ones_on_record(name: str) -> None:
    compare(GOLDEN / name, to_yaml(render_job(CASES[name][0], CLUSTER, CASES[name][1])))


def compare(golden: Path, text: str) -> None:
    if os.environ.get("SEATRIAL_WRITE_GOLDEN"):
        golden.write_text(text)
        pytest.skip(f"written, not compared: {golden}")
    assert text == golden.read_text()


def test_executors_are_the_pod_on_record() -> None:
    executor = ExecutorPod(
        project=REMOTE.project,
        run=REMOTE.run,
        step="features",
        driver="census-20260101t000000-abcdef-features-x7abc",
        image=REMOTE.image,
        code=REMOTE.code,
        variables=REMOTE.variables,
    )
    spot = Toleration("spot", operator="Exists")
    spark = SparkSettings(
        executors=2, executor_memory="4Gi", executor_node_selector={"pool": "spot"}, executor_tolerations=(spot,)
    )
    compare(GOLDEN / "executor.yaml", to_yaml(render_executor(executor, CLUSTER, spark)))


def test_the_pod_of_a_step_with_executors_alone_gets_a_token() -> None:
    def pod(remote: RemoteStep) -> Any:
        job: Any = render_job(remote, CLUSTER, Resources())
        return job["spec"]["template"]["spec"]

    driver, other = pod(replace(REMOTE, drives_executors=True)), pod(REMOTE)
    assert (driver["serviceAccountName"], driver["automountServiceAccountToken"]) == ("spark", True)
    assert (other["serviceAccountName"], other["automountServiceAccountToken"]) == ("default", False)


def test_the_signing_key_is_in_the_pod_of_the_release_step_alone() -> None:
    def volumes(step: str) -> list[Any]:
        job: Any = render_job(replace(REMOTE, step=step), CLUSTER, Resources())
        return [volume["name"] for volume in job["spec"]["template"]["spec"]["volumes"]]

    assert "signing" in volumes("release")
    assert all("signing" not in volumes(step) for step in ("model", "assess", "package"))


def test_names_of_two_steps_never_meet() -> None:
    long = "a" * 60
    names = {job_name("census", REMOTE.run, step) for step in ("model", "Model", f"{long}1", f"{long}2")}
    assert len(names) == 4
    assert all(len(name) <= 57 and name == name.lower() for name in names)
