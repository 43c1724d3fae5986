"""Sending a service and following it, and going back to the release before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from seatrial.cluster.api_errors import Forbidden
from seatrial.cluster.connection import current_context
from seatrial.cluster.services import Services
from seatrial.deploy.rollout import follow_rollout, require_secret
from seatrial.deploy.running_services import SELECTOR, release_before, settings_of
from seatrial.deploy.service_of_release import load_cluster_profile, request_service
from seatrial.deploy.service_settings import DEFAULT_NAMESPACE, ServiceSettings
from seatrial.deploy.target import Document, Target
from seatrial.errors import InputError, Refused
from seatrial.releases.source import parse_title


def roll_out(
    target: Target,
    service: ServiceSettings,
    documents: Sequence[Document],
    *,
    way_back: str,
    on_progress: Callable[[str], None],
) -> None:
    """Sends the documents, and returns when every pod serves the release; `way_back` is told where none will.

    `Refused` where a Secret or a right to follow is missing (nothing is sent then), the target will not have them, or
    no pod comes up.
    """
    # One cluster, whoever changes the current context meanwhile.
    service = replace(service, context=service.context or current_context())
    name = target.deployment_of(service.name, service.namespace)
    if name is None:
        raise InputError(f"a rollout on {target.name} is not followed.", path="--apply", hint="Send it with --detach.")
    services = Services(service.namespace, service.context)
    try:
        deployment = services.deployment(name)
        services.replica_sets(SELECTOR)
        services.pods(SELECTOR)
    except Forbidden as error:
        raise Forbidden(error.problem, hint=f"{error.hint} Or send without following: --detach.") from None
    require_secret(service, services)
    on_progress(target.apply(service, documents))
    follow_rollout(
        name,
        service,
        services.patient(),
        before=None if deployment is None else settings_of(deployment),
        way_back=way_back,
        on_progress=on_progress,
    )


def service_before(target: Target, *, directory: Path, profile: str, trust: Path | None = None) -> ServiceSettings:
    """The service of the release that the project's Deployment served before the one that was sent last.

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
    if parse_title(release)[0] != project.name:  # whoever may annotate on the cluster does not choose what is replaced
        raise Refused(
            f"the cluster says that {deployment!r} served {release}, which is not of {project.name!r}.",
            path=f"deployment/{deployment}",
            hint="Find out who changed its annotations, and deploy a release by its name.",
        )
    return request_service(release, directory=directory, profile=profile, trust=trust, digest=digest)


def services_of_profile(directory: Path, profile: str) -> Services:
    """The namespace in which a profile's services run."""
    _, chosen = load_cluster_profile(directory, profile)
    context = None if chosen.cluster is None else chosen.cluster.context
    return Services(chosen.service.namespace or DEFAULT_NAMESPACE, context or current_context())
