"""What makes a pod meet Kubernetes' restricted Pod Security Standard, for every pod that Seatrial renders."""

from __future__ import annotations

from seatrial.cluster.yaml_text import Manifest

USER = 65532  # the customary number of a user without rights; any but 0 would do
SCRATCH_FOLDER = "/tmp"  # noqa: S108 — a volume of the pod's own: the root file system is read-only
_ACCOUNTS_ANNOTATION = "seatrial/accounts"
_ACCOUNTS = f"""\
root:x:0:0:root:/root:/usr/sbin/nologin
seatrial:x:{USER}:{USER}:seatrial:{SCRATCH_FOLDER}:/usr/sbin/nologin
"""


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


# Hadoop's login, and getpass in Python, end a process whose user has no entry in /etc/passwd, and an image may lack one
# for `USER`. The file comes from an annotation of the pod: a ConfigMap would be one more object to make and to remove.


def account_annotations() -> Manifest:
    """The annotation of the pod that `account_volume` reads."""
    return {_ACCOUNTS_ANNOTATION: _ACCOUNTS}


def account_volume() -> Manifest:
    """A volume with an /etc/passwd that knows `USER`."""
    field = {"fieldPath": f"metadata.annotations['{_ACCOUNTS_ANNOTATION}']"}
    return {"name": "accounts", "downwardAPI": {"items": [{"path": "passwd", "fieldRef": field}]}}


def account_mount() -> Manifest:
    """Where a container has it."""
    return {"name": "accounts", "mountPath": "/etc/passwd", "subPath": "passwd", "readOnly": True}
