"""The Job of a step, as a file to look at. After a wanted change, run once with SEATRIAL_WRITE_GOLDEN=1."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.cluster.node_choice import Toleration
from seatrial.cluster.yaml_text import to_yaml
from seatrial.pipeline.places.executor_pod import ExecutorPod, render_executor
from seatrial.pipeline.places.job_manifest import RemoteStep, job_name, render_job
from seatrial.pipeline.places.rendezvous import VARIABLES, rendezvous
from seatrial.pipeline.places.worker_manifest import (
    INDEX,
    MASTER_PORT,
    TENSORFLOW_PORT,
    has_workers,
    pod_rank,
    render_rendezvous,
    worker_of,
)
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
    "workers.yaml": (replace(REMOTE, attempt=2), Resources(cpu="2", gpus=1, retries=1, workers=3)),
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


def test_the_service_of_workers_is_the_one_on_record() -> None:
    job = render_job(*_with_cluster("workers.yaml"))
    compare(GOLDEN / "workers.service.yaml", to_yaml(render_rendezvous(job, "0a7e4d2c")))


def _with_cluster(name: str) -> tuple[RemoteStep, ClusterChoice, Resources]:
    remote, resources = CASES[name]
    return remote, CLUSTER, resources


def environment_of(job: Any, rank: int) -> dict[str, str]:
    """The environment of a worker's container, as Kubernetes makes it: a variable sees those before it alone."""
    annotations = {INDEX: str(rank)}
    environment: dict[str, str] = {}
    for variable in job["spec"]["template"]["spec"]["containers"][0]["env"]:
        if "valueFrom" in variable:
            (name,) = re.findall(r"annotations\['(.*)'\]", variable["valueFrom"]["fieldRef"]["fieldPath"])
            environment[variable["name"]] = annotations[name]
        else:
            value = re.sub(r"\$\((\w+)\)", lambda m: environment.get(m[1], m[0]), variable["value"])
            environment[variable["name"]] = value.replace("$$", "$")
    return environment


def test_a_worker_in_a_pod_is_told_what_one_on_this_machine_is() -> None:
    remote = replace(REMOTE, step="m" * 60)
    job: Any = render_job(remote, CLUSTER, Resources(workers=12))
    service: Any = render_rendezvous(job, "uid")
    names = [f"{job['metadata']['name']}-{rank}.{service['metadata']['name']}" for rank in range(12)]
    for rank in (0, 3, 11):
        environment = environment_of(job, rank)
        addresses = [f"{name}:{TENSORFLOW_PORT}" for name in names]
        expected = rendezvous(rank, addresses, master=(names[0], MASTER_PORT), local_rank=0, local_world=1)
        assert {name: environment[name] for name in VARIABLES} == expected
        assert json.loads(environment["TF_CONFIG"])["task"] == {"type": "worker", "index": rank}
        assert worker_of(environment) == (rank, 1)


def test_workers_meet_by_names_that_dns_takes_and_the_service_finds_them() -> None:
    job: Any = render_job(
        replace(REMOTE, project="c" * 40, step="m" * 60, attempt=100), CLUSTER, Resources(workers=1000)
    )
    service: Any = render_rendezvous(job, "uid")
    name = job["metadata"]["name"]
    assert max(len(f"{name}-{rank}") for rank in (0, 99_999)) <= 63
    assert job["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": name}  # which Kubernetes puts onto a Job's pods
    assert service["metadata"]["ownerReferences"] == [
        {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": "uid"}
    ]
    assert service["spec"]["clusterIP"] == "None"


def test_the_first_worker_that_fails_ends_all_and_none_comes_back_alone() -> None:
    job: Any = render_job(REMOTE, CLUSTER, Resources(workers=4, retries=3, timeout_s=60))
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 60)
    assert "podFailurePolicy" not in spec  # with one, a deleted pod would not count before it is gone


def test_a_step_of_one_worker_has_a_job_as_ever_and_no_service() -> None:
    job: Any = render_job(REMOTE, CLUSTER, Resources(retries=3))
    assert not has_workers(job)
    assert job["spec"]["backoffLimit"] == 3
    assert "subdomain" not in job["spec"]["template"]["spec"]
    assert pod_rank({"metadata": {}}) == 0
    assert worker_of({"RANK": "3", "JOB_COMPLETION_INDEX": "3"}) == (0, 1)  # somebody else's workers


def test_each_attempt_of_workers_has_a_job_of_its_own() -> None:
    names = {
        job_name("census", REMOTE.run, step, attempt=number) for number in (1, 2, 3) for step in ("m", "m_2", "m2")
    }
    assert len(names) == 9
