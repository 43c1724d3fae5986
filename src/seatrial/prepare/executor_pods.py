"""Executors as pods: what Spark is told of them by a driver that runs in a pod itself, in client mode. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seatrial.cluster.dns_names import dns_label
from seatrial.cluster.quantities import mebibytes, quantity_mistake, whole_cores
from seatrial.cluster.restricted_pod import SCRATCH_FOLDER
from seatrial.prepare.spark_settings import SparkSettings

DEFAULT_CPU, DEFAULT_MEMORY = "1", "2Gi"
# Of an executor's memory, what is beside its heap: Spark's own share for Python programs (0.4 of the heap, 384 MiB at
# least), since the Python workers of UDFs live there.
OVERHEAD_SHARE = 0.4
LEAST_OVERHEAD_MIB = 384
LEAST_HEAP_MIB = 512  # Spark refuses less than 450 MiB
LEAST_MEMORY = "896Mi"
CONTAINER = "executor"
# Adaptive execution merges partitions that turn out small and splits none that is too large, but for skewed joins: a
# cluster begins with many. Spark's own number, or several for each task that can run.
LEAST_PARTITIONS = 200
PARTITIONS_A_TASK = 4
LEAST_DEATHS, DEATHS_AN_EXECUTOR = 3, 2  # Spark's own rule for when it gives up
DECOMMISSION_SCRIPT = f"{SCRATCH_FOLDER}/seatrial-decommission"  # in an executor's pod
_PREFIX_LIMIT = 47  # of Spark, for the names of executors


@dataclass(frozen=True, slots=True)
class ExecutorPods:
    """The pod of the driver, and what its executors are made from."""

    api_server: str  # https://HOST:PORT
    namespace: str
    driver: str  # the name of the pod
    address: str  # of the pod: its name is one that nobody resolves
    image: str
    template: Path  # a Pod in YAML form
    event_log: str  # a folder of the store, s3a://…


def executor_cpu(settings: SparkSettings) -> str:
    """What each executor's pod asks for, and may use."""
    return settings.executor_cpu or DEFAULT_CPU


def executor_memory(settings: SparkSettings) -> str:
    """What each executor's pod asks for, and may use: the heap, and what is beside it."""
    return settings.executor_memory or DEFAULT_MEMORY


def most_deaths(settings: SparkSettings) -> int:
    """How many executors may die before the step fails."""
    return max(LEAST_DEATHS, DEATHS_AN_EXECUTOR * _most(settings))


def conf_of_driver(pods: ExecutorPods, settings: SparkSettings) -> dict[str, str]:
    """What the JVM has to know before it starts."""
    prefix = "spark.kubernetes."
    cpu = executor_cpu(settings)
    return {
        "spark.master": f"k8s://{pods.api_server}",
        "spark.driver.host": pods.address,
        "spark.driver.bindAddress": pods.address,
        prefix + "namespace": pods.namespace,
        prefix + "driver.pod.name": pods.driver,  # the owner of its executors
        prefix + "container.image": pods.image,
        prefix + "executor.podTemplateFile": str(pods.template),
        prefix + "executor.podTemplateContainerName": CONTAINER,
        prefix + "executor.podNamePrefix": dns_label(pods.driver, limit=_PREFIX_LIMIT),
        prefix + "executor.request.cores": cpu,
        prefix + "executor.limit.cores": cpu,
        # Dead executors stay until their logs were read; see `ExecutorWatch`, which removes them.
        prefix + "executor.deleteOnTermination": "false",
        # Each of these would take a right of its own.
        prefix + "executor.disableConfigMap": "true",
        prefix + "driver.service.deleteOnTermination": "false",
        prefix + "driver.ownPersistentVolumeClaim": "false",
        prefix + "driver.reusePersistentVolumeClaim": "false",
        **({} if settings.max_executors is None else {prefix + "decommission.script": DECOMMISSION_SCRIPT}),
    }


def conf_of_executors(pods: ExecutorPods, settings: SparkSettings) -> dict[str, str]:
    """What is told once the JVM is up."""
    memory = mebibytes(executor_memory(settings))
    heap = _heap_mib(memory)
    tasks = whole_cores(executor_cpu(settings))
    return {
        **_count(settings),
        "spark.executor.cores": str(tasks),
        "spark.executor.memory": f"{heap}m",
        "spark.executor.memoryOverhead": f"{memory - heap}m",
        "spark.executor.maxNumFailures": str(most_deaths(settings)),
        "spark.sql.shuffle.partitions": str(max(LEAST_PARTITIONS, PARTITIONS_A_TASK * tasks * _most(settings))),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": pods.event_log,
    }


def executors_mistake(settings: SparkSettings) -> tuple[str, str, str] | None:
    """The key of `spark` that is wrong about executors, how, and the hint."""
    if settings.executors is not None and settings.executors < 1:
        return (
            "executors",
            f"it must be at least 1, got {settings.executors}.",
            "Leave it out for Spark in one pod.",
        )
    if settings.max_executors is not None and settings.max_executors <= (settings.executors or settings.max_executors):
        return (
            "max_executors",
            f"it must be more than executors, got {settings.max_executors}.",
            "Write how many there are at least as executors; leave max_executors out for a fixed number.",
        )
    if (mistake := quantity_mistake(settings.executor_cpu, settings.executor_memory)) is not None:
        key, problem, hint = mistake
        return f"executor_{key}", problem, hint
    memory = executor_memory(settings)
    if _heap_mib(mebibytes(memory)) < LEAST_HEAP_MIB:
        return "executor_memory", f"it must be at least {LEAST_MEMORY}, got {memory}.", "Spark starts with no less."
    return None


def _most(settings: SparkSettings) -> int:
    return settings.max_executors or settings.executors or 1


def _count(settings: SparkSettings) -> dict[str, str]:
    """How many there are: a fixed number, or as the work needs them.

    A pod has no shuffle service, so that an executor whose shuffle files are still needed is kept, and one that has to
    go hands its blocks to the others first.
    """
    if settings.max_executors is None:
        return {"spark.executor.instances": str(settings.executors)}
    dynamic = "spark.dynamicAllocation."
    return {
        dynamic + "enabled": "true",
        dynamic + "shuffleTracking.enabled": "true",
        dynamic + "minExecutors": str(settings.executors),
        dynamic + "initialExecutors": str(settings.executors),
        dynamic + "maxExecutors": str(settings.max_executors),
        "spark.decommission.enabled": "true",
        "spark.storage.decommission.enabled": "true",
        "spark.storage.decommission.rddBlocks.enabled": "true",
        "spark.storage.decommission.shuffleBlocks.enabled": "true",
    }


def _heap_mib(memory: int) -> int:
    return min(int(memory / (1 + OVERHEAD_SHARE)), memory - LEAST_OVERHEAD_MIB)
