"""The driver of a run as a Job, and a schedule of runs as a CronJob: pure, and nothing secret is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.cluster.container_text import literal, literal_variables
from seatrial.cluster.dns_names import dns_label
from seatrial.cluster.node_choice import node_choice
from seatrial.cluster.restricted_pod import SCRATCH_FOLDER, container_security, pod_security
from seatrial.cluster.yaml_text import Manifest
from seatrial.pipeline.places.job_manifest import HOME_FOLDER, JOB_NAME_LIMIT, KEPT_S, KILLED, PROJECT_LABEL, RUN_LABEL
from seatrial.pipeline.project.settings import ClusterChoice

CONTAINER = "driver"
COMPONENT_LABEL = "app.kubernetes.io/component"
JOB_VARIABLE, UID_VARIABLE = "SEATRIAL_DRIVER_JOB", "SEATRIAL_DRIVER_UID"
TRY_AGAIN = 75  # EX_TEMPFAIL (sysexits.h): the store or the API server did not answer, and may do so in a while
TRIES = 6  # Kubernetes' own default; they begin 10, 20, 40, … s apart
GRACE_S = 10  # it ends at once: its steps go on, and the next driver with them
CPU_REQUEST = "100m"  # it waits nearly all the time
CPU_LIMIT = "2"  # its imports take a second of a whole core; a quota on limits refuses pods without one
CRON_NAME_LIMIT = 52 - 5  # Kubernetes' own limit; pods get "-" and ten digits, "-" and five characters more
NAME_DIGITS = 6  # of a digest: projects and profiles with a hyphen may be joined to one name
HISTORY = 3  # of scheduled Jobs that are kept, done and failed each
STARTS_WITHIN_S = 300  # of its time: later it is passed over, after an outage or a run that took long


@dataclass(frozen=True, slots=True)
class DriverRun:
    """What a driver is asked to run, everything pinned. `run` is None in a schedule: there each Job is another run."""

    project: str
    profile: str
    image: str
    code: str
    variables: Mapping[str, str]  # of the environment
    options: tuple[str, ...]  # of `seatrial run`: what is run, and how
    run: str | None


def driver_name(project: str, run: str) -> str:
    """The name of the Job that drives the run, which no other Job has."""
    return dns_label(f"{project}-{run.lower()}", limit=JOB_NAME_LIMIT)


def schedule_name(project: str, profile: str) -> str:
    """The name of the CronJob: a project has one schedule in each profile."""
    digest = hashlib.sha256(f"{project} {profile}".encode()).hexdigest()[:NAME_DIGITS]
    return dns_label(f"{project}-{profile}-{digest}", limit=CRON_NAME_LIMIT)


def render_driver(driver: DriverRun, cluster: ClusterChoice) -> Manifest:
    """The Job that drives one run."""
    assert driver.run is not None  # noqa: S101
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": driver_name(driver.project, driver.run),
            "namespace": cluster.namespace,
            "labels": _labels(driver),
        },
        "spec": {**_job(driver, cluster), "ttlSecondsAfterFinished": KEPT_S},
    }


def render_schedule(driver: DriverRun, cluster: ClusterChoice, schedule: str) -> Manifest:
    """The CronJob that makes a driver each time; while one runs, the next time is passed over."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": schedule_name(driver.project, driver.profile),
            "namespace": cluster.namespace,
            "labels": _labels(driver),
        },
        "spec": {
            "schedule": schedule,
            "timeZone": "Etc/UTC",  # else that of the controller's machine
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": STARTS_WITHIN_S,
            "successfulJobsHistoryLimit": HISTORY,
            "failedJobsHistoryLimit": HISTORY,
            "jobTemplate": {"metadata": {"labels": _labels(driver)}, "spec": _job(driver, cluster)},
        },
    }


def _labels(driver: DriverRun) -> Manifest:
    return {
        "app.kubernetes.io/name": "seatrial",
        COMPONENT_LABEL: CONTAINER,
        "app.kubernetes.io/managed-by": "seatrial",
        PROJECT_LABEL: driver.project,
        **({} if driver.run is None else {RUN_LABEL: driver.run}),
    }


def _job(driver: DriverRun, cluster: ClusterChoice) -> Manifest:
    return {
        "backoffLimit": TRIES,
        # A run that failed has ended; a driver that was killed, or could not reach something, goes on in another pod.
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": CONTAINER,
                        "operator": "NotIn",
                        "values": sorted((*KILLED, TRY_AGAIN)),
                    },
                },
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]
        },
        "template": {
            "metadata": {"labels": _labels(driver)},
            "spec": {
                "restartPolicy": "Never",
                "serviceAccountName": cluster.driver_service_account,
                "automountServiceAccountToken": True,  # it makes the steps' Jobs; theirs have no token
                "enableServiceLinks": False,
                "securityContext": pod_security(),
                "terminationGracePeriodSeconds": GRACE_S,
                **node_choice(cluster.node_selector, cluster.tolerations),
                "containers": [_container(driver, cluster)],
                "volumes": [{"name": "scratch", "emptyDir": {}}],
            },
        },
    }


def _container(driver: DriverRun, cluster: ClusterChoice) -> Manifest:
    variables = {
        "HOME": SCRATCH_FOLDER,
        "SEATRIAL_STATE": f"{SCRATCH_FOLDER}/seatrial",
        "SEATRIAL_HOME": HOME_FOLDER,
        "PYTHONUNBUFFERED": "1",
        **driver.variables,
    }
    own = {JOB_VARIABLE: "batch.kubernetes.io/job-name", UID_VARIABLE: "batch.kubernetes.io/controller-uid"}
    run = [] if driver.run is None else ["--run", driver.run]
    arguments = ["drive", *run, "--profile", driver.profile, "--code", driver.code, *driver.options]
    container: Manifest = {
        "name": CONTAINER,
        "image": driver.image,
        "imagePullPolicy": "IfNotPresent",  # a digest is what it is
        "command": ["seatrial"],
        "args": [literal(word) for word in arguments],
        "env": [
            *literal_variables(variables),
            *(
                {"name": name, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{label}']"}}}
                for name, label in own.items()
            ),
        ],
        "resources": {
            "requests": {"cpu": CPU_REQUEST, "memory": cluster.driver_memory},
            "limits": {"cpu": CPU_LIMIT, "memory": cluster.driver_memory},
        },
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "scratch", "mountPath": SCRATCH_FOLDER}],
    }
    if cluster.secret is not None:
        container["envFrom"] = [{"secretRef": {"name": cluster.secret}}]
    return container
