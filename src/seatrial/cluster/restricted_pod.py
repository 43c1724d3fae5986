"""What makes a pod meet Kubernetes' restricted Pod Security Standard, for every pod that Seatrial renders."""

from __future__ import annotations

from seatrial.cluster.yaml_text import Manifest

USER = 65532  # the customary number of a user without rights; any but 0 would do
SCRATCH_FOLDER = "/tmp"  # noqa: S108 — a volume of the pod's own: the root file system is read-only


def pod_security() -> Manifest:
    """The `securityContext` of a pod."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    """The `securityContext` of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
