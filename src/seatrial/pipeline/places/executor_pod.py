"""An executor of a step's Spark, as a pod: what it is made from, and what it does before it is Spark's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.cluster.container_text import literal_variables
from seatrial.cluster.dns_names import dns_label
from seatrial.cluster.node_choice import node_choice
from seatrial.cluster.restricted_pod import (
    SCRATCH_FOLDER,
    account_annotations,
    account_mount,
    account_volume,
    container_security,
    pod_security,
)
from seatrial.cluster.yaml_text import Manifest
from seatrial.pipeline.places.code_artifact import unpack_code
from seatrial.pipeline.places.job_manifest import GRACE_S, PROJECT_LABEL, RUN_LABEL, STEP_LABEL
from seatrial.pipeline.places.pod_store import CA_FILE, open_store
from seatrial.pipeline.project.settings import ClusterChoice
from seatrial.prepare.executor_pods import CONTAINER, DECOMMISSION_SCRIPT, executor_cpu, executor_memory
from seatrial.prepare.spark_settings import SparkSettings

DRIVER_VARIABLE = "SEATRIAL_DRIVER"
DRIVER_LABEL = "seatrial/driver"  # the pod of the step
PATH = "PYTHONPATH"  # where the driver has the project's code, and its executors too: errors name the same files


@dataclass(frozen=True, slots=True)
class ExecutorPod:
    """What the executors of one step in one pod share; `code` is a digest, `variables` are of the environment."""

    project: str
    run: str
    step: str
    driver: str  # the name of the step's pod
    image: str
    code: str
    variables: Mapping[str, str]


def render_executor(pod: ExecutorPod, cluster: ClusterChoice, spark: SparkSettings) -> Manifest:
    """The pod template that Spark makes executors from, whole: Spark sets no security settings."""
    amounts: Manifest = {"cpu": executor_cpu(spark), "memory": executor_memory(spark)}
    variables = {"HOME": SCRATCH_FOLDER, "PYTHONUNBUFFERED": "1", DRIVER_VARIABLE: pod.driver, **pod.variables}
    container: Manifest = {
        "name": CONTAINER,
        "image": pod.image,
        "imagePullPolicy": "IfNotPresent",  # a digest is what it is
        "command": ["seatrial", "executor", "--code", pod.code],
        "env": literal_variables(variables),
        "resources": {"requests": amounts, "limits": amounts},
        "securityContext": container_security(),
        "volumeMounts": [{"name": "scratch", "mountPath": SCRATCH_FOLDER}, account_mount()],
    }
    if cluster.secret is not None:
        container["envFrom"] = [{"secretRef": {"name": cluster.secret}}]
    labels = {
        "app.kubernetes.io/name": "seatrial",
        "app.kubernetes.io/component": "executor",
        "app.kubernetes.io/managed-by": "seatrial",
        PROJECT_LABEL: pod.project,
        RUN_LABEL: pod.run,
        STEP_LABEL: dns_label(pod.step),
        DRIVER_LABEL: pod.driver,
    }
    selector = {**cluster.node_selector, **spark.executor_node_selector}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": dns_label(f"{pod.driver}-check"), "labels": labels, "annotations": account_annotations()},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": cluster.service_account,
            "automountServiceAccountToken": False,  # it asks the API server for nothing
            "enableServiceLinks": False,
            "securityContext": pod_security(),
            "terminationGracePeriodSeconds": GRACE_S,
            **node_choice(selector, (*cluster.tolerations, *spark.executor_tolerations)),
            "containers": [container],
            "volumes": [{"name": "scratch", "emptyDir": {}}, account_volume()],
        },
    }


def run_executor(*, code: str, environment: Mapping[str, str]) -> None:
    """Unpacks the project's code where the driver has it, and becomes the JVM that Spark's driver asks for."""
    from seatrial.prepare.conf import jvm_environment
    from seatrial.prepare.executor_command import DECOMMISSION, executor_command, spark_home
    from seatrial.prepare.executor_secret import write_secret
    from seatrial.prepare.session import LOG4J
    from seatrial.prepare.trust_store import write_trust_store
    from seatrial.stores.s3_connection import s3_connection

    folder = Path(tempfile.mkdtemp(prefix="seatrial-executor-"))  # mode 0700
    objects, store = open_store(folder, environment)
    if (directory := environment.get(PATH)) is not None:
        unpack_code(objects, code, Path(directory))
    (folder / "log4j2.properties").write_text(LOG4J)
    Path(DECOMMISSION_SCRIPT).write_text(DECOMMISSION)
    Path(DECOMMISSION_SCRIPT).chmod(0o700)
    connection = s3_connection(store, environment) if store.url.startswith("s3") else None
    secret = write_secret(connection, environment[DRIVER_VARIABLE])
    authority = folder / CA_FILE
    trust = write_trust_store([authority], folder) if authority.exists() else None
    home = spark_home()
    command = executor_command(environment, folder=folder, spark_home=home, trust_store=trust, secret=secret)
    os.execve(command[0], command, {**jvm_environment(connection, environment), "SPARK_HOME": str(home)})  # noqa: S606
