"""What serves in a namespace, and what served there before: from the cluster itself, by the versions it keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.cluster.services import Services
from seatrial.deploy.workload import SETTINGS
from seatrial.errors import InputError, Refused

Document = Mapping[str, Any]

SELECTOR = "app.kubernetes.io/name=seatrial,app.kubernetes.io/component=service"
RELEASE, RELEASE_DIGEST, MODEL_DIGEST = "seatrial/release", "seatrial/release-digest", "seatrial/model-digest"
DIGEST_LEAST = 6  # digits of a digest by which somebody asks
VERDICT, WAIVED_UNTIL = "seatrial/verdict", "seatrial/waived-until"
_REVISION = "deployment.kubernetes.io/revision"
_KSERVE = "serving.kserve.io/inferenceservice"  # KServe's label on the pods of its own


@dataclass(frozen=True, slots=True)
class RunningService:
    """One version of a service that has pods, or is meant to. During a rollout a service has two."""

    deployment: str
    namespace: str
    target: str  # "kubectl" | "kubeflow"
    release: str  # "census@2"
    digest: str  # sha256 of release.json
    model: str  # sha256
    verdict: str
    waived_until: str | None  # RFC 3339
    image: str
    pods: int
    ready: int

    def rests_on(self, digest: str) -> bool:
        """Whether the digest, or one that begins so, is that of its release, model or image."""
        return any(text.startswith(digest) for text in (self.digest, self.model, self.image.rpartition("@sha256:")[2]))


def parse_digest(text: str) -> str:
    """The digits of a digest as people paste it: "sha256:51a7…"; `InputError` where it is none."""
    digits = text.strip().lower().removeprefix("sha256:").rstrip("….")
    if not re.fullmatch(rf"[0-9a-f]{{{DIGEST_LEAST},64}}", digits):
        raise InputError(
            f"{text!r} is not a digest.",
            path="--affected-by",
            hint=f"Give at least {DIGEST_LEAST} of its hex digits, of a release, a model or an image: sha256:51a7c0…",
        )
    return digits


def running_services(services: Services) -> tuple[RunningService, ...]:
    """What runs in the namespace, by the name of its Deployment and then the newest first."""
    versions = [version for version in services.replica_sets(SELECTOR) if _pods(version) > 0]
    versions.sort(key=lambda version: (_deployment(version), -_revision(version)))
    return tuple(_running(version, services.name) for version in versions)


def newest_version(deployment: Document, versions: Sequence[Document]) -> Document | None:
    """The ReplicaSet of the Deployment's newest template; None until the controller has made it."""
    own = [version for version in versions if _deployment(version) == deployment["metadata"]["name"]]
    current = _revision(deployment)
    return next((version for version in own if _revision(version) == current), None)


def settings_of(document: Document) -> str | None:
    """The digest of the settings of a Deployment's or a ReplicaSet's pods; None where they have none of ours."""
    text = _annotations(document).get(SETTINGS)
    return None if text is None else text.removeprefix("sha256:")


def release_before(deployment: str, services: Services) -> tuple[str, str]:
    """The release to go back to from the one that the Deployment was given last, and its digest.

    That is the one that still serves where the last one did not come up, else the one that served before. `Refused`
    where the cluster knows of none.
    """
    own = [version for version in services.replica_sets(SELECTOR) if _deployment(version) == deployment]
    own.sort(key=_revision, reverse=True)
    if not own:
        raise Refused(
            f"the Deployment {deployment!r} is not in the namespace {services.name!r}, or not Seatrial's.",
            path=f"deployment/{deployment}",
            hint="See what runs: seatrial deployments --profile …",
        )
    current = _annotations(own[0]).get(RELEASE_DIGEST)
    serving = [version for version in own[1:] if _ready(version) > 0]
    if serving and _annotations(serving[0]).get(RELEASE_DIGEST) == current:
        raise Refused(
            f"{_annotations(own[0]).get(RELEASE)} serves with the settings of before, and not yet with its new.",
            path=f"deployment/{deployment}",
            hint="Set the profile's service or image back, and deploy again with --apply.",
        )
    for version in (*serving, *own[1:]):
        facts = _annotations(version)
        if RELEASE in facts and facts.get(RELEASE_DIGEST) not in (None, current):
            return facts[RELEASE], facts[RELEASE_DIGEST].removeprefix("sha256:")
    raise Refused(
        f"the cluster does not know of another release than {_annotations(own[0]).get(RELEASE)} in {deployment!r}.",
        path=f"deployment/{deployment}",
        hint="Name the release to go back to: seatrial deploy NAME@VERSION --apply",
    )


def _running(version: Document, namespace: str) -> RunningService:
    facts, labels = _annotations(version), version["metadata"].get("labels", {})
    return RunningService(
        deployment=_deployment(version),
        namespace=namespace,
        target="kubeflow" if _KSERVE in labels else "kubectl",
        release=facts.get(RELEASE, "unknown"),
        digest=_served_digest(version) or facts.get(RELEASE_DIGEST, "").removeprefix("sha256:"),
        model=facts.get(MODEL_DIGEST, "").removeprefix("sha256:"),
        verdict=facts.get(VERDICT, "unknown"),
        waived_until=facts.get(WAIVED_UNTIL),
        image=version["spec"]["template"]["spec"]["containers"][0]["image"],
        pods=_pods(version),
        ready=_ready(version),
    )


def _served_digest(version: Document) -> str | None:
    """The digest that its server is told to serve, which counts for more than what an annotation says."""
    arguments = version["spec"]["template"]["spec"]["containers"][0].get("args") or []
    if "--digest" not in arguments[:-1]:
        return None
    return str(arguments[arguments.index("--digest") + 1]).removeprefix("sha256:")


def _ready(version: Document) -> int:
    return int(version.get("status", {}).get("readyReplicas", 0))


def _annotations(version: Document) -> Mapping[str, str]:
    annotations: Mapping[str, str] = version["spec"]["template"]["metadata"].get("annotations") or {}
    return annotations


def _deployment(version: Document) -> str:
    """The Deployment that the ReplicaSet belongs to; empty for one of somebody's own making."""
    owners = version["metadata"].get("ownerReferences") or ()
    return next((owner["name"] for owner in owners if owner["kind"] == "Deployment"), "")


def _revision(document: Document) -> int:
    annotations: Mapping[str, str] = document["metadata"].get("annotations") or {}
    text = annotations.get(_REVISION, "")
    return int(text) if text.isdecimal() else 0


def _pods(version: Document) -> int:
    return int(max(version["spec"].get("replicas", 1), version.get("status", {}).get("replicas", 0)))
