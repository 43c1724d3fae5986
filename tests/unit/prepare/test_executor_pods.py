"""What Spark is told of executors that are pods, and how one of them starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from seatrial.errors import InputError
from seatrial.prepare import executor_command as executor_command_module
from seatrial.prepare.conf import conf_after_start, conf_before_start
from seatrial.prepare.executor_command import ARGUMENTS, HEAP, executor_command
from seatrial.prepare.executor_pods import (
    LEAST_MEMORY,
    ExecutorPods,
    conf_of_driver,
    conf_of_executors,
    executors_mistake,
    most_deaths,
)
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.stores.settings import CatalogSettings, StoreSettings

PODS = ExecutorPods(
    api_server="https://10.96.0.1:443",
    namespace="pipelines",
    driver="census-20260101t000000-abcdef-features-of-a-longer-name-x7abc",
    address="10.244.0.7",
    image="registry.example/steps@sha256:" + "0" * 64,
    template=Path("/tmp/step/executor.yaml"),
    event_log="s3a://lake/census/jobs/run/features.spark",
)
TWO = SparkSettings(executors=2, executor_cpu="500m", executor_memory="1Gi")


def test_executors_find_the_driver_by_its_address_and_belong_to_its_pod() -> None:
    conf = conf_of_driver(PODS, TWO)
    assert conf["spark.master"] == "k8s://https://10.96.0.1:443"
    assert conf["spark.driver.host"] == conf["spark.driver.bindAddress"] == "10.244.0.7"
    assert conf["spark.kubernetes.driver.pod.name"] == PODS.driver
    assert len(conf["spark.kubernetes.executor.podNamePrefix"]) <= 47


@pytest.mark.parametrize(
    ("memory", "heap", "beside"),
    [("1Gi", 640, 384), ("2Gi", 1462, 586), ("14Gi", 10240, 4096), (LEAST_MEMORY, 512, 384)],
)
def test_a_pods_memory_is_the_heap_and_what_is_beside_it(memory: str, heap: int, beside: int) -> None:
    conf = conf_of_executors(PODS, replace(TWO, executor_memory=memory))
    assert (conf["spark.executor.memory"], conf["spark.executor.memoryOverhead"]) == (f"{heap}m", f"{beside}m")


def test_cores_are_tasks_and_at_least_one() -> None:
    tasks = {
        cpu: conf_of_executors(PODS, replace(TWO, executor_cpu=cpu))["spark.executor.cores"]
        for cpu in ("100m", "1", "1500m", "4")
    }
    assert tasks == {"100m": "1", "1": "1", "1500m": "2", "4": "4"}


def test_a_cluster_shuffles_into_more_partitions_than_a_laptop() -> None:
    many = replace(TWO, executors=50, executor_cpu="4")
    assert conf_of_executors(PODS, TWO)["spark.sql.shuffle.partitions"] == "200"
    assert conf_of_executors(PODS, many)["spark.sql.shuffle.partitions"] == "800"
    store = StoreSettings("file:///data")
    catalog = CatalogSettings("sqlite:////state/catalog.db", "file:///data/w", store)
    laptop = conf_after_start(TWO, None, catalog, folder=Path("/tmp/private"))
    assert laptop["spark.sql.shuffle.partitions"] == "8"


def test_the_jars_of_the_image_are_on_both_class_paths_and_users_keys_win() -> None:
    own = replace(TWO, conf={"spark.kubernetes.executor.request.cores": "50m"})
    conf = conf_before_start(own, [Path("/opt/jars/a.jar")], folder=Path("/tmp/private"), pods=PODS)
    assert conf["spark.driver.extraClassPath"] == conf["spark.executor.extraClassPath"] == "/opt/jars/*"
    assert conf["spark.kubernetes.executor.request.cores"] == "50m"
    assert "spark.jars" not in conf


def test_as_many_as_the_work_needs() -> None:
    conf = conf_of_executors(PODS, replace(TWO, max_executors=10, executor_cpu="8"))
    assert "spark.executor.instances" not in conf
    dynamic = {key.rpartition(".")[2]: value for key, value in conf.items() if "dynamicAllocation" in key}
    assert dynamic == {
        "enabled": "true",
        "minExecutors": "2",
        "initialExecutors": "2",
        "maxExecutors": "10",
    }
    assert conf["spark.dynamicAllocation.shuffleTracking.enabled"] == "true"
    assert conf["spark.decommission.enabled"] == "true"
    assert conf["spark.sql.shuffle.partitions"] == "320"
    assert conf["spark.executor.maxNumFailures"] == "20"
    assert "spark.kubernetes.decommission.script" in conf_of_driver(PODS, replace(TWO, max_executors=10))


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"executors": 0}, "executors", "must be at least 1, got 0"),
        ({"max_executors": 2}, "max_executors", "must be more than executors, got 2"),
        ({"executors": None, "max_executors": 4}, "max_executors", "must be more than executors, got 4"),
        ({"executor_cpu": "half"}, "executor_cpu", "'half' is not a valid CPU quantity"),
        ({"executor_memory": "2g"}, "executor_memory", "'2g' is not a valid memory quantity"),
        ({"executor_memory": "895Mi"}, "executor_memory", "must be at least 896Mi, got 895Mi"),
    ],
)
def test_what_no_cluster_could_be_asked_for(change: dict[str, object], key: str, words: str) -> None:
    mistake = executors_mistake(replace(TWO, **change))  # type: ignore[arg-type]  # the wrong ones are the point
    assert mistake is not None
    assert mistake[0] == key
    assert words in mistake[1]


def test_spark_gives_up_when_the_step_does() -> None:
    assert [most_deaths(replace(TWO, executors=count)) for count in (1, 2, 10)] == [3, 4, 20]
    assert conf_of_executors(PODS, TWO)["spark.executor.maxNumFailures"] == "4"


def test_executors_are_pods_where_the_master_is_this_process() -> None:
    assert TWO.executors_are_pods
    assert replace(TWO, master="local[2]").executors_are_pods
    assert not replace(TWO, master="spark://host:7077").executors_are_pods
    assert not SparkSettings().executors_are_pods


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        executor_command_module, "java_version", lambda: SimpleNamespace(path=Path("/opt/java/bin/java"))
    )


def test_an_executor_starts_with_the_drivers_options(java: None) -> None:
    told = {name: name.lower() for name in ARGUMENTS.values()}
    options = {"SPARK_JAVA_OPT_10": "-Dlast", "SPARK_JAVA_OPT_9": "-Dmiddle", "SPARK_CLASSPATH": "/opt/jars/*"}
    command = executor_command(
        {**told, **options, HEAP: "640m"}, folder=Path("/tmp/e"), spark_home=Path("/opt/spark"), trust_store=None
    )
    assert command[:4] == [
        "/opt/java/bin/java",
        "-Dlog4j2.configurationFile=/tmp/e/log4j2.properties",
        "-Duser.timezone=UTC",
        "-Djava.io.tmpdir=/tmp/e",
    ]
    assert command[4:8] == ["-Dmiddle", "-Dlast", "-Xms640m", "-Xmx640m"]
    assert command[command.index("-cp") + 1] == "/opt/jars/*:/opt/spark/jars/*"
    assert command[command.index("--driver-url") + 1] == "spark_driver_url"


def test_whoever_starts_an_executor_by_hand_is_told_what_it_lacks(java: None) -> None:
    with pytest.raises(InputError, match="an executor must be told SPARK_DRIVER_URL, "):
        executor_command({}, folder=Path("/tmp/e"), spark_home=Path("/opt/spark"), trust_store=None)
