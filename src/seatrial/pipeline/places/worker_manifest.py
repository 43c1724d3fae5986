"""The workers of a step as one Indexed Job: what its pods have beyond that of one worker, and their Service. Pure.

Each pod has a name that DNS knows, `JOB-INDEX.SERVICE`, by the index that the Job gives it, which is its rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.batches.plan.distributed_rank import RANK
from seatrial.cluster.yaml_text import Manifest
from seatrial.pipeline.places.rendezvous import rendezvous

MASTER_PORT = 29500  # torchrun's own choice
TENSORFLOW_PORT = 2222  # of TensorFlow's guides
WORKER_GRACE_S = 5  # of one whose group has failed: within gloo or NCCL it does not hear the signal, and is killed
INDEX = "batch.kubernetes.io/job-completion-index"  # the annotation of a pod that has its index
INDEXED = "Indexed"
ATTEMPT = "SEATRIAL_ATTEMPT"
UID_LATER = "known-once-the-job-is-there"


def worker_spec(workers: int) -> Manifest:
    """What of the Job's `spec` says how many pods there are, and that the first one that fails ends the others.

    A pod that is deleted counts as failed at once. One that came in its place would find no rendezvous: the others are
    past theirs. So whoever drives the run begins again with all of them.
    """
    return {"completionMode": INDEXED, "completions": workers, "parallelism": workers, "backoffLimit": 0}


def has_workers(job: Any) -> bool:
    """Whether the Job's pods are workers, which have to find each other."""
    return bool(job["spec"].get("completionMode") == INDEXED)


def worker_fields(job: str) -> Manifest:
    """What a worker's pod has in its `spec`; `job` is the name of its Job, and of the Service."""
    return {"subdomain": job, "terminationGracePeriodSeconds": WORKER_GRACE_S}


def worker_variables(job: str, workers: int, *, attempt: int) -> list[Manifest]:
    """The `env` by which a worker's pod finds the others."""
    addresses = [f"{job}-{rank}.{job}" for rank in range(workers)]
    variables = rendezvous(
        f"$({RANK})",  # which Kubernetes puts in, from the variable before
        [f"{address}:{TENSORFLOW_PORT}" for address in addresses],
        master=(addresses[0], MASTER_PORT),
        local_rank=0,
        local_world=1,
    )
    del variables[RANK]
    variables[ATTEMPT] = str(attempt)
    rank: Manifest = {"name": RANK, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}}}
    others: list[Manifest] = [{"name": name, "value": value} for name, value in variables.items()]
    return [rank, *others]


def worker_of(environment: Mapping[str, str]) -> tuple[int, int]:
    """The rank and the attempt of the pod with this environment; (0, 1) of a step's one pod."""
    if ATTEMPT not in environment:
        return 0, 1
    return int(environment[RANK]), int(environment[ATTEMPT])


def pod_rank(pod: Mapping[str, Any]) -> int:
    """The rank of a worker's pod; 0 of a step's one pod."""
    return int(pod["metadata"].get("annotations", {}).get(INDEX, 0))


def render_rendezvous(job: Any, uid: str) -> Manifest:
    """The headless Service that gives the pods of this Job their names, and goes when the Job goes."""
    metadata = job["metadata"]
    owner = {"apiVersion": job["apiVersion"], "kind": job["kind"], "name": metadata["name"], "uid": uid}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": metadata["labels"],
            "ownerReferences": [owner],
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,  # a name is needed before anybody answers there
            "selector": {"job-name": metadata["name"]},
            "ports": [{"name": "rendezvous", "port": MASTER_PORT, "targetPort": MASTER_PORT, "protocol": "TCP"}],
        },
    }
