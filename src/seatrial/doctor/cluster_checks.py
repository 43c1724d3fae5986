"""What a run on the profile's cluster needs there: asked of the API server, and nothing is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from seatrial.cluster.api_errors import Forbidden
from seatrial.cluster.client import Namespace, Quota
from seatrial.cluster.quantities import amount
from seatrial.doctor.check import Check, checked
from seatrial.errors import SeatrialError
from seatrial.pipeline.driver.driver_manifest import CPU_LIMIT, CPU_REQUEST
from seatrial.pipeline.places.rights import driver_rights, missing_rights
from seatrial.pipeline.project.cluster_profile import require_cluster_profile
from seatrial.pipeline.project.settings import ClusterChoice, ProfileSettings
from seatrial.pipeline.steps.declaration import Resources
from seatrial.pipeline.workspace import Workspace
from seatrial.releases.keys import key_path

LEVEL = "pod-security.kubernetes.io/enforce"
RESTRICTED = "restricted"
KEY_FILE = key_path(Path(), "release").name
SETUP = "Write and send it: seatrial doctor --write DIR"


def cluster_checks(workspace: Workspace, resources: Mapping[str, Resources]) -> Iterator[Check]:
    """Each check as it is made; `resources` are what the steps ask for, by name. The first that fails may end them."""
    profile = workspace.profile
    cluster = profile.cluster
    if cluster is None:
        return
    try:
        require_cluster_profile(workspace.profile_name, profile, path=workspace.project.path, runs=True)
    except SeatrialError as error:
        for failure in error.each:
            yield Check("cluster profile", "fail", failure.problem, failure.hint)
    reached = checked("cluster", lambda: _reach(cluster))
    yield reached
    if reached.status == "fail":
        return
    namespace = Namespace(cluster.namespace, cluster.context)
    yield checked("pod security", lambda: _pod_security(namespace))
    yield checked("secrets", lambda: _secrets(namespace, cluster))
    yield checked("accounts", lambda: _accounts(namespace, cluster))
    yield checked("rights", lambda: _rights(namespace, cluster, resources))
    yield checked("quota", lambda: _quota(namespace, cluster, resources))
    yield checked("image", lambda: _image(namespace, profile))


def _reach(cluster: ClusterChoice) -> str:
    Namespace(cluster.namespace, cluster.context).check()
    return f"namespace {cluster.namespace} of {cluster.context or 'the cluster that this process is in'}"


def _pod_security(namespace: Namespace) -> Check | str:
    try:
        level = namespace.labels().get(LEVEL)
    except Forbidden:
        return _unknown("pod security", "namespaces")
    if level == RESTRICTED:
        return RESTRICTED
    enforcement = f"the namespace enforces {level}" if level else "the namespace enforces no level"
    return Check("pod security", "warn", f"{enforcement}: other pods than ours may run with more rights.", SETUP)


def _secrets(namespace: Namespace, cluster: ClusterChoice) -> Check | str:
    problems, hint = [], ""
    try:
        for name, needed in ((cluster.secret, None), (cluster.signing_secret, KEY_FILE)):
            if name is None:
                continue
            keys = namespace.secret_keys(name)
            if keys is None or (needed is not None and needed not in keys):
                problems.append(f"{name} does not exist" if keys is None else f"{name} has no {needed}")
                content = "--from-literal=NAME=…" if needed is None else f"--from-file={needed}=…"
                hint = f"kubectl --namespace {namespace.name} create secret generic {name} {content}"
    except Forbidden:
        return _unknown("secrets", "secrets")
    if problems:
        return Check("secrets", "fail", f"{'; '.join(problems)}.", hint)
    return ", ".join(filter(None, (cluster.secret, cluster.signing_secret))) or "the profile names none"


def _accounts(namespace: Namespace, cluster: ClusterChoice) -> Check | str:
    names = (
        cluster.service_account,
        cluster.release_service_account,
        cluster.driver_service_account,
        cluster.spark_service_account,
    )
    accounts = sorted({name for name in names if name is not None})
    try:
        missing = [name for name in accounts if not namespace.has_account(name)]
    except Forbidden:
        return _unknown("accounts", "serviceaccounts")
    if missing:
        return Check("accounts", "fail", f"ServiceAccount {', '.join(missing)} does not exist.", SETUP)
    return ", ".join(accounts)


def _rights(namespace: Namespace, cluster: ClusterChoice, resources: Mapping[str, Resources]) -> Check | str:
    """Of the account that drives: the driver's where the profile names one, else the one that asks."""
    account = cluster.driver_service_account
    rights = driver_rights(workers=any(step.workers > 1 for step in resources.values()))
    if account is None:
        missing, who = missing_rights(namespace, rights), "this account"
    else:
        who = account
        try:
            missing = tuple(
                (verb, right.resource)
                for right in rights
                for verb in right.verbs
                if not namespace.account_may(account, verb, right.group, right.resource)
            )
        except Forbidden:
            return _unknown("rights", "localsubjectaccessreviews")
    if missing:
        listed = ", ".join(f"{verb} {resource}" for verb, resource in missing)
        return Check("rights", "fail", f"{who} may not {listed}.", SETUP)
    return f"{who} may do what driving a run takes"


def _quota(namespace: Namespace, cluster: ClusterChoice, resources: Mapping[str, Resources]) -> Check | str:
    """Whether the step that asks for most, beside its driver, fits into what is left now."""
    try:
        quotas = namespace.quotas()
    except Forbidden:
        return _unknown("quota", "resourcequotas")
    if not quotas:
        return "none in this namespace"
    driven = cluster.driver_service_account is not None
    needed = _needed(cluster, resources, driven=driven)
    for quota in quotas:
        for resource, least in needed.items():
            if (left := _left(quota, resource)) is not None and left < least:
                hint = "Ask for less in [profile.X.steps], for a larger quota, or wait until others end."
                return Check(
                    "quota", "warn", f"{quota.name}: {resource}: a step needs {least:f}, {left:f} are left.", hint
                )
    return "; ".join(
        f"{quota.name}: {', '.join(f'{key} {quota.used.get(key, 0)}/{hard}' for key, hard in quota.hard.items())}"
        for quota in quotas
    )


def _needed(cluster: ClusterChoice, resources: Mapping[str, Resources], *, driven: bool) -> dict[str, Decimal]:
    cpu = max((amount(step.cpu) * step.workers for step in resources.values()), default=Decimal(0))
    memory = max((amount(step.memory) * step.workers for step in resources.values()), default=Decimal(0))
    pods = max((step.workers for step in resources.values()), default=1)
    own_memory = amount(cluster.driver_memory) if driven else Decimal(0)
    own_cpu = amount(CPU_REQUEST) if driven else Decimal(0)
    return {
        "pods": Decimal(pods + driven),
        "requests.cpu": cpu + own_cpu,
        "cpu": cpu + own_cpu,
        "limits.cpu": cpu + (amount(CPU_LIMIT) if driven else Decimal(0)),
        "requests.memory": memory + own_memory,
        "memory": memory + own_memory,
        "limits.memory": memory + own_memory,
    }


def _left(quota: Quota, resource: str) -> Decimal | None:
    if resource not in quota.hard:
        return None
    try:
        return amount(quota.hard[resource]) - amount(quota.used.get(resource, "0"))
    except ValueError:  # a form of quantities that people do not write
        return None


def _image(namespace: Namespace, profile: ProfileSettings) -> Check | str:
    image = profile.image or ""
    if "@sha256:" not in image:
        return Check("image", "fail", f'"{image}" is not pinned by its digest.', 'Write image = "NAME@sha256:…".')
    try:
        there = image in namespace.node_images()
    except Forbidden:
        return _unknown("image", "nodes")
    if there:
        return f"{image}: a node has it"
    return Check(
        "image",
        "warn",
        f"{image}: the nodes do not tell that they have it; it is pulled, which may fail.",
        "Push it to a registry that the cluster pulls from: seatrial images --push",
    )


def _unknown(name: str, resource: str) -> Check:
    return Check(
        name, "warn", f"not checked: this account may not look at {resource}.", "Ask whoever runs the cluster."
    )
