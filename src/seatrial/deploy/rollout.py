"""A rollout followed to its end: until every pod serves the release that was sent, or it is clear why none will."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from seatrial.cluster.api_errors import Forbidden
from seatrial.cluster.pod_words import OUT_OF_MEMORY, Waiting, why_refused, why_waiting
from seatrial.cluster.services import Services
from seatrial.deploy.running_services import newest_version, settings_of
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.deploy.workload import CREDENTIALS
from seatrial.errors import Refused

Document = Mapping[str, Any]

LOOK_S = 1.0
PATIENCE_S = 60.0  # with what waiting does not mend: a Secret that is made a moment later, a pull that is tried again
STANDSTILL_S = 300.0  # without another pod that is ready; a start may take the three minutes of its startup probe
ENDS = 2  # how often one container may end at its start: the first time the store may have been away
LINES_OF_LOG = 12
CONTAINERS = ("serve", "kserve-container")  # ours, beside those that a mesh adds


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rollout is. `old`: pods of the last version that still are there."""

    ready: int
    wanted: int  # what the Deployment is to have by now
    least: int  # what the service was sent with; KServe takes a moment to hand it on
    old: int

    @property
    def complete(self) -> bool:
        """As many pods as the service is to have serve the new version, and no other does.

        No pod of the last version goes before one of the new is ready: what is wanted beyond the least comes later.
        """
        return 0 < self.least <= self.ready and self.old == 0


def require_secret(service: ServiceSettings, services: Services) -> None:
    """`Refused` where the Secret that the pods open the store with is not there, or lacks a key.

    An account that may not read Secrets finds out by the pods.
    """
    if service.secret is None:
        return
    try:
        keys = services.secret_keys(service.secret)
    except Forbidden:
        return
    missing = [key for key in CREDENTIALS if key not in (keys or ())]
    if missing:
        problem = "does not exist" if keys is None else f"lacks {' and '.join(missing)}"
        values = " ".join(f"--from-literal={key}=…" for key in CREDENTIALS)
        raise Refused(
            f"the Secret {service.secret!r} in the namespace {service.namespace!r} {problem}.",
            path="service.secret",
            hint=f"{service.kubectl} create secret generic {service.secret} {values}",
        )


def follow_rollout(
    name: str,
    service: ServiceSettings,
    services: Services,
    *,
    before: str | None,
    way_back: str,
    on_progress: Callable[[str], None],
) -> None:
    """Returns when every pod of the Deployment `name` serves the release; tells `on_progress` each change in a line.

    `before` are the settings that the Deployment had before the release was sent: a controller between us and it may
    take a moment to change it. `Refused` where it does not come up, in the words of its pods; what served before serves
    on, and `way_back` is the command that goes back to it.
    """
    told, best, seen = "", -1, False
    moved = time.monotonic()
    stuck_since: float | None = None
    at_first: dict[str, int] = {}  # restarts of each pod: one that ran for months may have had some
    while True:
        deployment = services.deployment(name)
        found = None if deployment is None else settings_of(deployment)
        seen = seen or found == service.digest
        if found not in (before, service.digest) or (seen and found != service.digest):
            raise _taken_over(name, service)
        pods, progress = _state(deployment if seen else None, service, services)
        if progress.complete:
            return
        now = time.monotonic()
        if progress.ready > best:
            best, moved = progress.ready, now
        waiting = _why_not_ready(name, deployment, pods, service)
        if (line := _line(service, progress, waiting)) != told:
            told = line
            on_progress(line)
        stuck_since = (stuck_since or now) if waiting is not None and waiting.lasting else None
        ends = max((_restarts(pod) - at_first.setdefault(_name(pod), _restarts(pod)) for pod in pods), default=0)
        if waiting is not None and (ends >= ENDS or (stuck_since is not None and now - stuck_since > PATIENCE_S)):
            raise _failed(name, service, waiting, progress, way_back)
        if now - moved > STANDSTILL_S:
            raise _failed(name, service, waiting or _unready(pods, service, services), progress, way_back)
        time.sleep(LOOK_S)


def _state(
    deployment: Document | None, service: ServiceSettings, services: Services
) -> tuple[tuple[Document, ...], Progress]:
    """The pods of the newest version, and how far the rollout is; None for what is not there or not taken up yet."""
    least = service.least_pods
    if deployment is None:
        return (), Progress(0, least, least, 0)
    wanted = max(deployment["spec"].get("replicas", 1), least)
    status = deployment.get("status", {})
    version = newest_version(deployment, services.replica_sets(_selector(deployment["spec"]["selector"])))
    if version is None or not _is_observed(deployment) or settings_of(version) != settings_of(deployment):
        return (), Progress(0, wanted, least, 0)
    updated = status.get("updatedReplicas", 0)
    pods = services.pods(_selector(version["spec"]["selector"]))
    return tuple(pod for pod in pods if not _is_leaving(pod)), Progress(
        ready=min(updated, version.get("status", {}).get("availableReplicas", 0)),
        wanted=wanted,
        least=least,
        old=status.get("replicas", 0) - updated,
    )


def _is_observed(deployment: Document) -> bool:
    """Whether the controller has seen what was sent, so that the status is about that."""
    return bool(deployment.get("status", {}).get("observedGeneration", 0) >= deployment["metadata"]["generation"])


def _is_leaving(pod: Document) -> bool:
    """Whether somebody takes the pod away, or has: another comes in its place."""
    return "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") == "Failed"


def _selector(labels: Document) -> str:
    return ",".join(f"{key}={value}" for key, value in labels["matchLabels"].items())


def _name(pod: Document) -> str:
    return str(pod["metadata"]["name"])


def _taken_over(name: str, service: ServiceSettings) -> Refused:
    return Refused(
        f"somebody else changed what {name} serves while {service.release} was rolled out.",
        path=f"deployment/{name}",
        hint="See what runs: seatrial deployments --profile …",
    )


def _line(service: ServiceSettings, progress: Progress, waiting: Waiting | None) -> str:
    if 0 < progress.wanted <= progress.ready:
        return f"{service.release}: all pods are ready; {progress.old} of the last version are ending."
    reason = "" if waiting is None else f"; {waiting.problem.rstrip('.')}"
    return f"{service.release}: {progress.ready} of {progress.wanted} pods are ready{reason}."


def _why_not_ready(
    name: str, deployment: Document | None, pods: Sequence[Document], service: ServiceSettings
) -> Waiting | None:
    """Why no more pods are ready, in their own words; None while there is nothing to say."""
    if deployment is None:
        return Waiting(f"there is no Deployment {name} yet", f"{service.kubectl} get events", lasting=True)
    if settings_of(deployment) != service.digest:
        words = f"the controller of the Deployment {name} has not taken up what was sent yet"
        return Waiting(words, f"See whether it runs, and {service.kubectl} get events", lasting=True)
    if deployment["spec"].get("paused"):
        return Waiting("the Deployment is paused", f"{service.kubectl} rollout resume deployment/{name}", lasting=True)
    if (wanted := deployment["spec"].get("replicas", 1)) < service.least_pods:
        by_hand = service.scale is None or wanted == 0  # an autoscaler leaves a Deployment without pods alone
        command = f"scale deployment/{name} --replicas={service.least_pods}" if by_hand else f"describe hpa/{name}"
        hint = f"{service.kubectl} {command}"
        return Waiting(f"the Deployment is scaled to {wanted} of {service.least_pods} pods", hint, lasting=True)
    conditions = deployment.get("status", {}).get("conditions") or ()
    for condition in conditions if _is_observed(deployment) else ():  # else they are about what was sent before
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            refused = why_refused(str(condition.get("message", "")))
            # no pod of the last version goes before one of the new is ready: a quota does not let go by itself
            return replace(refused, hint=_for_services(refused.hint), lasting=True)
    for pod in pods:
        if (ended := _why_ended(pod, service)) is not None:
            return ended
    for pod in pods:
        if (waiting := why_waiting(pod, ())) is not None:
            return replace(waiting, hint=_for_services(waiting.hint))
    return None


def _for_services(hint: str) -> str:
    return hint.replace("[profile.X.steps]", "[profile.X] service")


def _not_ready(pod: Document) -> list[Document]:
    """Our container's status, unless it is ready."""
    containers = pod.get("status", {}).get("containerStatuses") or ()
    return [each for each in containers if each["name"] in CONTAINERS and not each.get("ready")]


def _why_ended(pod: Document, service: ServiceSettings) -> Waiting | None:
    """Why its container ended; Kubernetes starts it again, with longer and longer pauses, and `ENDS` decides."""
    for container in _not_ready(pod):
        states = (container.get("state") or {}, container.get("lastState") or {})
        ended = next((state["terminated"] for state in states if state.get("terminated")), None)
        if ended is None:
            continue
        if ended.get("reason") == "OOMKilled":
            hint = 'Give it more: service = { memory = "…" } in the profile.'
            return Waiting(f"{OUT_OF_MEMORY} of {service.memory}", hint, lasting=False)
        words = _last_lines(str(ended.get("message") or ""))
        return Waiting(
            f"the server ended with status {ended.get('exitCode')}: {words or 'it printed nothing'}",
            f"{service.kubectl} logs {_name(pod)} --previous",
            lasting=False,
        )
    return None


def _last_lines(text: str) -> str:
    """The end of what a container printed, in one line, without what a terminal would take for a command."""
    lines = ["".join(letter for letter in line if letter.isprintable()).strip() for line in text.splitlines()]
    return " ".join([line for line in lines if line][-LINES_OF_LOG:]).rstrip(".")


def _restarts(pod: Document) -> int:
    containers = pod.get("status", {}).get("containerStatuses") or ()
    return max((each["restartCount"] for each in containers if each["name"] in CONTAINERS), default=0)


def _unready(pods: Sequence[Document], service: ServiceSettings, services: Services) -> Waiting:
    """What the events say of pods that run and are not ready."""
    with suppress(Forbidden):
        for pod in pods:
            unhealthy = [event for event in services.events(_name(pod)) if event.get("reason") == "Unhealthy"]
            if unhealthy:
                return Waiting(str(unhealthy[-1].get("message")), f"{service.kubectl} logs {_name(pod)}", lasting=True)
    return Waiting("its pods do not become ready", f"{service.kubectl} get events", lasting=True)


def _failed(name: str, service: ServiceSettings, waiting: Waiting, progress: Progress, way_back: str) -> Refused:
    serves_on = f"; what served before serves on, and to go back to it: {way_back}" if progress.old > 0 else ""
    return Refused(
        f"{service.release} does not come up: {waiting.problem.rstrip('.')}.",
        path=f"deployment/{name} in the namespace {service.namespace}",
        hint=f"{waiting.hint.rstrip('.')}{serves_on}",
    )
