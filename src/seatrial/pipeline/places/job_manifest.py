"""A step as a Kubernetes Job: pure. One object a step, which says all that its pod needs; nothing secret is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.cluster.container_text import literal, literal_variables
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
from seatrial.pipeline.places.worker_manifest import worker_fields, worker_spec, worker_variables
from seatrial.pipeline.project.settings import ClusterChoice
from seatrial.pipeline.steps.declaration import Resources
from seatrial.releases.keys import KEYS

CONTAINER = "step"
KEPT_S = 24 * 3600  # how long an ended Job can be looked at: its log is in the store by then
GRACE_S = 30
REPLACE = "--replace"  # the cache record that does not serve
KILLED = (137, 143)  # exit statuses of SIGKILL (out of memory, too) and SIGTERM: all others are the step's own doing
HOME_FOLDER = f"{SCRATCH_FOLDER}/home"  # SEATRIAL_HOME: the signing key is mounted into it, and trust written
JOB_NAME_LIMIT = 63 - 6  # the pod's name is "-" and five characters longer
POD_NAME, POD_ADDRESS = "SEATRIAL_POD", "SEATRIAL_POD_ADDRESS"  # what a driver of Spark is told of itself
RUN_LABEL, STEP_LABEL, PROJECT_LABEL = "seatrial/run", "seatrial/step", "seatrial/project"


@dataclass(frozen=True, slots=True)
class Owner:
    """The Job with which the steps' Jobs go: the driver's. `uid` is the API server's own name of it."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class RemoteStep:
    """One step of one run, everything pinned: `code` and `job` are digests."""

    project: str
    run: str
    step: str
    profile: str
    image: str
    code: str
    job: str
    variables: Mapping[str, str]  # of the environment
    replace: bool
    drives_executors: bool = False  # it makes pods of its own for Spark
    owner: Owner | None = None
    attempt: int = 1  # of a step with several workers, which begin again together: in another Job


def render_job(remote: RemoteStep, cluster: ClusterChoice, resources: Resources) -> Manifest:
    """The Job that runs the step: in one pod, or in one for each of its workers."""
    labels = {
        "app.kubernetes.io/name": "seatrial",
        "app.kubernetes.io/component": "step",
        "app.kubernetes.io/managed-by": "seatrial",
        PROJECT_LABEL: remote.project,
        RUN_LABEL: remote.run,
        STEP_LABEL: dns_label(remote.step),
    }
    name = job_name(remote.project, remote.run, remote.step, attempt=remote.attempt)
    pod = _pod(remote, cluster, resources)
    if resources.workers > 1:
        pod |= worker_fields(name)
    spec: Manifest = {
        "backoffLimit": resources.retries,
        "ttlSecondsAfterFinished": KEPT_S,
        **(_one_pod() if resources.workers == 1 else worker_spec(resources.workers)),
        "template": {"metadata": {"labels": labels, "annotations": account_annotations()}, "spec": pod},
    }
    if resources.timeout_s is not None:
        spec["activeDeadlineSeconds"] = resources.timeout_s
    metadata: Manifest = {
        "name": name,
        "namespace": cluster.namespace,
        "labels": labels,
    }
    if remote.owner is not None:
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": remote.owner.name, "uid": remote.owner.uid}
        metadata["ownerReferences"] = [owner]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def steps_selector(project: str, run: str) -> str:
    """The labels of the Jobs and pods of a run's steps."""
    return f"{PROJECT_LABEL}={project},{RUN_LABEL}={run}"


def job_name(project: str, run: str, step: str, *, attempt: int = 1) -> str:
    """A name that no other step of any run has, and no other attempt: a step's own name holds no hyphen."""
    again = "" if attempt == 1 else f"-{attempt}"
    return dns_label(f"{project}-{run.lower()}-{step}{again}", limit=JOB_NAME_LIMIT)


def _one_pod() -> Manifest:
    return {
        # What the step itself says is its end; a pod that the cluster takes away is not its doing, and does not count.
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": CONTAINER, "operator": "NotIn", "values": list(KILLED)},
                },
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]
        },
    }


def _pod(remote: RemoteStep, cluster: ClusterChoice, resources: Resources) -> Manifest:
    signs = remote.step == "release" and cluster.signing_secret is not None
    account = cluster.service_account
    if remote.step == "release" and cluster.release_service_account is not None:
        account = cluster.release_service_account
    if remote.drives_executors and cluster.spark_service_account is not None:
        account = cluster.spark_service_account
    volumes: list[Manifest] = [{"name": "scratch", "emptyDir": {}}, account_volume()]
    mounts: list[Manifest] = [{"name": "scratch", "mountPath": SCRATCH_FOLDER}, account_mount()]
    if signs:
        volumes.append({"name": "signing", "secret": {"secretName": cluster.signing_secret, "defaultMode": 0o440}})
        volumes.append({"name": "home", "emptyDir": {}})  # of its own: a folder that a mount makes in /tmp is root's
        mounts.append({"name": "home", "mountPath": HOME_FOLDER})
        mounts.append({"name": "signing", "mountPath": f"{HOME_FOLDER}/{KEYS}", "readOnly": True})
    return {
        "restartPolicy": "Never",
        "serviceAccountName": account,
        "automountServiceAccountToken": remote.drives_executors,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": GRACE_S,
        **node_choice(cluster.node_selector, cluster.tolerations),
        "containers": [_container(remote, cluster, resources, mounts)],
        "volumes": volumes,
    }


def _container(remote: RemoteStep, cluster: ClusterChoice, resources: Resources, mounts: list[Manifest]) -> Manifest:
    amounts: Manifest = {"cpu": resources.cpu, "memory": resources.memory}
    if resources.gpus:
        amounts["nvidia.com/gpu"] = str(resources.gpus)
    variables = {
        "HOME": SCRATCH_FOLDER,
        "SEATRIAL_STATE": f"{SCRATCH_FOLDER}/seatrial",
        "SEATRIAL_HOME": HOME_FOLDER,
        "PYTHONUNBUFFERED": "1",
        **remote.variables,
    }
    arguments = ["step", remote.step, "--run", remote.run, "--profile", remote.profile]
    arguments += ["--code", remote.code, "--job", remote.job, *([REPLACE] if remote.replace else [])]
    env = literal_variables(variables)
    if remote.drives_executors:
        fields = {POD_NAME: "metadata.name", POD_ADDRESS: "status.podIP"}
        env += [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    if resources.workers > 1:
        name = job_name(remote.project, remote.run, remote.step, attempt=remote.attempt)
        env += worker_variables(name, resources.workers, attempt=remote.attempt)
    container: Manifest = {
        "name": CONTAINER,
        "image": remote.image,
        "imagePullPolicy": "IfNotPresent",  # a digest is what it is
        "command": ["seatrial"],
        "args": [literal(argument) for argument in arguments],
        "env": env,
        "resources": {"requests": amounts, "limits": amounts},
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    if cluster.secret is not None:
        container["envFrom"] = [{"secretRef": {"name": cluster.secret}}]
    return container
