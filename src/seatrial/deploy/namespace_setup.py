"""What a namespace needs before runs go there: the restricted standard, accounts, the driver's least rights. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.cluster.yaml_text import Manifest, to_yaml
from seatrial.deploy.target import Document
from seatrial.pipeline.places.rights import SPARK_RIGHTS, Right, driver_rights
from seatrial.pipeline.project.settings import ClusterChoice

DRIVER = "seatrial-driver"  # where the profile names none
LABELS: Manifest = {"app.kubernetes.io/name": "seatrial"}
MODES = ("enforce", "warn", "audit")
STANDARD = "restricted"


def render_setup(cluster: ClusterChoice, *, workers: bool = False) -> tuple[Document, ...]:
    """Namespace, ServiceAccounts, Roles and RoleBindings, in the order of need; Secrets are for those who know them.

    `workers` is whether a step of the project has several.
    """
    driver = cluster.driver_service_account or DRIVER
    rights = {driver: driver_rights(workers=workers)}
    if cluster.spark_service_account is not None:
        rights[cluster.spark_service_account] = (*rights.get(cluster.spark_service_account, ()), *SPARK_RIGHTS)
    others = {cluster.service_account, cluster.release_service_account or driver} - {"default"}
    accounts = "".join(to_yaml(_account(name, cluster)) for name in sorted({*rights, *others}))
    roles = "".join(to_yaml(_role(name, allowed, cluster)) for name, allowed in rights.items())
    return (
        Document("1-namespace.yaml", to_yaml(_namespace(cluster))),
        Document("2-service-accounts.yaml", accounts),
        Document("3-roles.yaml", roles),
        Document("4-role-bindings.yaml", "".join(to_yaml(_binding(name, cluster)) for name in rights)),
    )


def _namespace(cluster: ClusterChoice) -> Manifest:
    standard = {f"pod-security.kubernetes.io/{mode}": STANDARD for mode in MODES}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": cluster.namespace, "labels": {**LABELS, **standard}},
    }


def _account(name: str, cluster: ClusterChoice) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": cluster.namespace, "labels": LABELS},
        "automountServiceAccountToken": False,  # the driver's pod alone asks for its token
    }


def _role(name: str, rights: Sequence[Right], cluster: ClusterChoice) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": cluster.namespace, "labels": LABELS},
        "rules": [
            {"apiGroups": [right.group], "resources": [right.resource], "verbs": list(right.verbs)} for right in rights
        ],
    }


def _binding(name: str, cluster: ClusterChoice) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": cluster.namespace, "labels": LABELS},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": cluster.namespace}],
    }
