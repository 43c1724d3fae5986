"""How an executor starts in its pod: PySpark's wheel has no entry point for one.

Spark tells it by SPARK_… variables where its driver is and what it may use, as its own images are told.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from seatrial.errors import InputError
from seatrial.prepare.conf import java_options
from seatrial.prepare.java import java_version

MAIN = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
MASTER = "k8s://driver"  # Spark reads a secret from a file nowhere else, and tells executors their master too late
OPTION = "SPARK_JAVA_OPT_"  # and a number: an option of the JVM
ARGUMENTS = {  # of the main class, and the variables that hold them
    "--driver-url": "SPARK_DRIVER_URL",
    "--executor-id": "SPARK_EXECUTOR_ID",
    "--cores": "SPARK_EXECUTOR_CORES",
    "--app-id": "SPARK_APPLICATION_ID",
    "--hostname": "SPARK_EXECUTOR_POD_IP",
    "--resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
    "--podName": "SPARK_EXECUTOR_POD_NAME",
}
# What a pod runs before it is ended: the JVM, which is its first process, hands its blocks over on SIGPWR.
DECOMMISSION = """\
#!/bin/sh
kill -s PWR 1
while kill -s 0 1 2>/dev/null; do sleep 1; done
"""
HEAP, CLASS_PATH = "SPARK_EXECUTOR_MEMORY", "SPARK_CLASSPATH"


def spark_home() -> Path:
    """Where PySpark's wheel has Spark; found without importing it."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise InputError("an executor needs pyspark.", path="image", hint="pip install 'seatrial[spark]'")
    return Path(spec.origin).parent


def executor_command(
    environment: Mapping[str, str],
    *,
    folder: Path,
    spark_home: Path,
    trust_store: Path | None = None,
    secret: Path | None = None,
) -> list[str]:
    """The command of the JVM; `folder` is private to it and has log4j2.properties. The driver's options first.

    `secret` is the file with what it shares with its driver.
    """
    missing = [name for name in (*ARGUMENTS.values(), HEAP) if name not in environment]
    if missing:
        raise InputError(
            f"an executor must be told {', '.join(missing)}.", hint="Spark's driver starts it: nobody else has to."
        )
    numbers = (name.removeprefix(OPTION) for name in environment if name.startswith(OPTION))
    heap = environment[HEAP]
    class_path = [environment.get(CLASS_PATH, ""), str(spark_home / "jars" / "*")]
    return [
        str(java_version().path),
        *java_options(folder, trust_store),
        *([] if secret is None else [f"-Dspark.master={MASTER}"]),
        *(environment[f"{OPTION}{number}"] for number in sorted(numbers, key=int)),
        *(f"-Xms{heap}", f"-Xmx{heap}"),
        *("-cp", os.pathsep.join(filter(None, class_path))),
        MAIN,
        *(part for flag, name in ARGUMENTS.items() for part in (flag, environment[name])),
    ]
