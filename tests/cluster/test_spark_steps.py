"""Spark steps on a real cluster: the pod of the step is the driver, alone or with executors that are pods."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from seatrial.pipeline.jobs.step_values import TableOutput
from seatrial.pipeline.places.kubernetes_jobs import KubernetesJobs
from tests.cluster.conftest import Team, kubectl, objects_in
from tests.place_contract import Subject, opened

RUN = "20260101T000000-abcdef"
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "cluster.md"
PIPELINE = '''\
"""A table of numbers, made by Python functions in Spark's workers."""

import words
from seatrial import step


@step(kind="spark", cpu="700m", memory="2Gi", retries=1)
def numbers(spark, *, count: int = 1000):
    from pyspark.sql import functions as F

    spelled = F.udf(words.spelled, "string")
    frame = spark.range(count, numPartitions=8).withColumn("word", spelled("id"))
    return frame.groupBy("word").agg(F.count("*").alias("rows"), F.min("id").alias("least"))


@step(kind="spark", cpu="700m", memory="2Gi")
def raises(spark):
    from pyspark.sql import functions as F

    return spark.range(10).withColumn("word", F.udf(words.fails, "string")("id"))


@step(kind="spark", cpu="700m", memory="2Gi")
def kills(spark):
    from pyspark.sql import functions as F

    return spark.range(4, numPartitions=4).withColumn("word", F.udf(words.kills, "string")("id"))
'''
WORDS = """\
def spelled(number):
    return "even" if number % 2 == 0 else "odd"


def fails(number):
    raise ValueError("no such word")


def kills(number):
    import os, signal, time

    os.kill(1, signal.SIGTERM)  # its JVM
    time.sleep(60)
"""
RAISED_AT = 6
SLOWLY = '''\
    import time

    if number % 125 == 0:  # once a task: two executors take 16 s for eight of them
        time.sleep(4)
    return "even"'''
EXECUTORS = """\

[profile.prod.spark]
executors       = 2
executor_memory = "1Gi"
memory          = "700m"
conf            = { "spark.kubernetes.executor.request.cores" = "100m" }
"""


@pytest.fixture
def folder(team: Team, tmp_path: Path) -> Path:
    folder = tmp_path / "numbers"
    folder.mkdir()
    (folder / "pipeline.py").write_text(PIPELINE)
    (folder / "words.py").write_text(WORDS)
    (folder / "seatrial.toml").write_text(f'[project]\nname = "numbers"\n\n{team.profile}')
    return folder


@pytest.fixture
def alone(folder: Path) -> Iterator[Subject]:
    with opened(KubernetesJobs, folder, "prod", RUN) as subject:
        yield subject


@pytest.fixture
def executors(folder: Path, team: Team) -> Path:
    """The project with executors, and the account of the guide, with its rights and no others."""
    (guide,) = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    manifests = guide.replace("pipelines", team.namespace)
    subprocess.run(["kubectl", "apply", "--filename=-"], input=manifests, text=True, check=True, timeout=60)
    project = folder / "seatrial.toml"
    project.write_text(f'{project.read_text()}spark_service_account = "spark"\n{EXECUTORS}')
    return folder


@pytest.fixture
def with_executors(executors: Path) -> Iterator[Subject]:
    with opened(KubernetesJobs, executors, "prod", RUN) as subject:
        yield subject


def rows(subject: Subject) -> list[tuple[str, int, int]]:
    """The table that the step makes there, read here."""
    from seatrial.batches.table import Table

    (output,) = subject.run("numbers").outputs.values()
    assert isinstance(output, TableOutput)
    table = Table(output.identifier, output.snapshot_id, output.digest, subject.workspace.catalog).to_arrow()
    return sorted(zip(*(table[name].to_pylist() for name in ("word", "rows", "least")), strict=True))


def pods(team: Team, component: str, phase: str = "Running") -> list[Any]:
    selector = f"--selector=app.kubernetes.io/component={component}"
    found = json.loads(kubectl("--namespace", team.namespace, "get", "pods", selector, "--output=json"))["items"]
    return [pod for pod in found if pod["status"]["phase"] == phase]


def until(happened: Callable[[], object], seconds: float = 120) -> None:
    last = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < last
        time.sleep(0.5)


def delete(team: Team, pod: Any) -> None:
    kubectl("--namespace", team.namespace, "delete", "pod", pod["metadata"]["name"], "--wait=false")


def test_a_spark_step_runs_in_its_pod_alone(alone: Subject) -> None:
    assert rows(alone) == [("even", 500, 0), ("odd", 500, 1)]
    error = alone.fails("raises")
    assert error.problem == "step 'raises': ValueError: no such word"
    assert (Path(str(error.path)).name, error.line) == ("words.py", RAISED_AT)
    assert "spark.log" not in str(error)
    assert "ValueError: no such word" in alone.log("raises").read_text()  # Spark's own log is in the step's


def test_a_deleted_executor_is_replaced_and_all_are_gone_in_the_end(executors: Path, team: Team) -> None:
    words = executors / "words.py"
    words.write_text(words.read_text().replace('    return "even"', SLOWLY, 1))
    with opened(KubernetesJobs, executors, "prod", RUN) as subject, ThreadPoolExecutor(1) as pool:
        made = pool.submit(rows, subject)
        until(lambda: len(pods(team, "executor")) == 2)
        time.sleep(6)  # they have work
        first, second = pods(team, "executor")
        (driver,) = pods(team, "step")
        owners = {owner["name"] for pod in (first, second) for owner in pod["metadata"]["ownerReferences"]}
        assert owners == {driver["metadata"]["name"]}
        assert all("serviceaccount" not in json.dumps(pod["spec"]["volumes"]) for pod in (first, second))
        delete(team, first)
        assert made.result(240) == [("even", 500, 0), ("odd", 500, 1)]
        log = subject.log("numbers").read_text()
        assert f"executor {first['metadata']['name']} ended: somebody deleted its pod" in log
        until(lambda: not [name for name in objects_in(team.namespace) if "-exec-" in name], 40)
        events = [info.key for info in subject.workspace.objects.list(f"jobs/{RUN}/numbers.spark/")]
        assert any("events_" in key for key in events), events


def test_the_driver_that_is_deleted_begins_again_with_executors_of_its_own(with_executors: Subject, team: Team) -> None:
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(rows, with_executors)
        until(lambda: pods(team, "executor"))
        (driver,) = pods(team, "step")
        delete(team, driver)
        assert made.result(240) == [("even", 500, 0), ("odd", 500, 1)]


def test_executors_that_die_fail_the_step_with_their_own_words(with_executors: Subject) -> None:
    error = with_executors.fails("kills")
    assert error.problem.startswith("step 'kills': ")
    assert error.problem.endswith("of its executors ended too early, the last one because it ended with status 143.")
    log = with_executors.log("kills").read_text()
    assert re.search(r"^seatrial: executor .* ended: it ended with status 143\n  ", log, re.MULTILINE)
    assert re.search(r"^  .*Python worker exited unexpectedly", log, re.MULTILINE)  # the end of an executor's own log


def test_executors_that_a_quota_refuses_are_told_and_begin_when_it_allows_them(
    with_executors: Subject, team: Team
) -> None:
    kubectl("--namespace", team.namespace, "create", "quota", "small", "--hard=pods=1")
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(rows, with_executors)
        log = with_executors.log("numbers")
        until(lambda: log.exists() and "executors wait: its pod is refused: " in log.read_text())
        assert "exceeded quota: small" in log.read_text()
        kubectl("--namespace", team.namespace, "delete", "quota", "small")
        assert made.result(240) == [("even", 500, 0), ("odd", 500, 1)]
