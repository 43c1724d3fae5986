"""Sending a service and following it, and going back to the release before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from seatrial.cluster.connection import current_context
from seatrial.cluster.services import Services
from seatrial.deploy.rollout import follow_rollout, require_secret
from seatrial.deploy.running_services import release_before
from seatrial.deploy.service_of_release import load_cluster_profile, request_service
from seatrial.deploy.service_settings import DEFAULT_NAMESPACE, ServiceSettings
from seatrial.deploy.target import Document, Target
from seatrial.errors import InputError


def roll_out(
    target: Target,
    service: ServiceSettings,
    documents: Sequence[Document],
    *,
    follow: bool,
    on_progress: Callable[[str], None],
) -> str:
    """Sends the documents, and with `follow` returns when every pod serves the release; the target's words.

    `Refused` where a Secret is missing (nothing is sent then), the target will not have them, or no pod comes up.
    """
    deployment = target.deployment_of(service.name, service.namespace) if follow else None
    if deployment is None:
        return target.apply(service, documents)
    services = open_services(service.namespace, service.context)
    require_secret(service, services)
    words = target.apply(service, documents)
    on_progress(words)
    follow_rollout(deployment, service, services, on_progress=on_progress)
    return words


def service_before(target: Target, *, directory: Path, profile: str, trust: Path | None = None) -> ServiceSettings:
    """The service of the release that the project's Deployment served before the one it serves now.

    It is the release by the digest that the cluster ran, verified as of now.
    """
    project, _ = load_cluster_profile(directory, profile)
    services = services_of_profile(directory, profile)
    deployment = target.deployment_of(project.name, services.name)
    if deployment is None:
        raise InputError(
            f"what {target.name} served before is not known here.", path="--rollback", hint="Deploy it by its name."
        )
    release, digest = release_before(deployment, services)
    return request_service(release, directory=directory, profile=profile, trust=trust, digest=digest)


def services_of_profile(directory: Path, profile: str) -> Services:
    """The namespace in which a profile's services run."""
    _, chosen = load_cluster_profile(directory, profile)
    context = None if chosen.cluster is None else chosen.cluster.context
    return open_services(chosen.service.namespace or DEFAULT_NAMESPACE, context)


def open_services(namespace: str, context: str | None) -> Services:
    """The namespace as this context of the kubeconfig reaches it; None means the current one."""
    return Services(namespace, context or current_context())
