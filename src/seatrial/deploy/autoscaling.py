"""What an autoscaler needs of a cluster, and how a Deployment's number of pods becomes its business."""

from __future__ import annotations

import json
import re

from seatrial.deploy.server_side_apply import FIELD_MANAGER, call_kubectl, explained
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.errors import Refused

HEIR = "seatrial-scale"  # owns the number between Seatrial and the autoscaler, which takes it by its first change
METRICS = "/apis/metrics.k8s.io/v1beta1"
NO_METRICS = re.compile("NotFound|could not find the requested resource|unable to handle the request")


def require_autoscaler_of_choice(service: ServiceSettings, name: str) -> None:
    """Raises `Refused` where the cluster would change the number of pods that the service asks for."""
    require_metrics(service)
    if service.scale is not None:
        return
    try:
        there = _answer(service, "get", "hpa", name, "--ignore-not-found", "--output=name")
    except Refused:  # whoever may not read autoscalers hears of a conflict
        there = ""
    if there:
        # the number is the autoscaler's: another one than the one there would be a conflict
        remove = f"{service.kubectl} delete hpa/{name} && {service.kubectl} scale deployment/{name}"
        remove = f"{remove} --replicas={service.replicas}"
        raise Refused(
            f"the autoscaler {name} is on the cluster and would change replicas = {service.replicas}.",
            path=f"hpa/{name} in the namespace {service.namespace}",
            hint=f"Keep it with scale in the profile's service, or remove it: {remove}",
        )


def require_metrics(service: ServiceSettings) -> None:
    """Raises `Refused` where the cluster does not measure what pods use: `scale` would have no effect."""
    if service.scale is None:
        return
    words = call_kubectl(["get", "--raw", METRICS], "", service.context).stderr.decode(errors="replace")
    if not NO_METRICS.search(words):  # another failure is the dry run's to tell
        return
    raise Refused(
        "the cluster does not measure what its pods use, so that the autoscaler would do nothing.",
        path="service.scale",
        hint="Have metrics-server installed, or write replicas in place of scale.",
    )


def replicas_to_hand_over(service: ServiceSettings, name: str) -> int | None:
    """How many pods the Deployment has by our word alone, where an autoscaler is to decide that from now on.

    A field that its only owner no longer sends is removed, and a Deployment without a number has one pod.
    """
    if service.scale is None:
        return None
    text = _answer(service, "get", "deployment", name, "--ignore-not-found", "--show-managed-fields", "--output=json")
    if not text:
        return None
    deployment = json.loads(text)
    owners = [
        entry["manager"]
        for entry in deployment["metadata"].get("managedFields", ())
        if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
    ]
    return int(deployment["spec"]["replicas"]) if owners == [FIELD_MANAGER] else None


def hand_over_replicas(service: ServiceSettings, name: str) -> None:
    """Lets somebody else own the number of pods as it is, so that it stays when we no longer send it."""
    replicas = replicas_to_hand_over(service, name)
    if replicas is None:
        return
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": service.namespace},
        "spec": {"replicas": replicas},
    }
    command = ["apply", "--server-side", f"--field-manager={HEIR}", "--validate=ignore", "--filename=-"]
    done = call_kubectl(command, json.dumps(manifest), service.context)
    if done.returncode != 0:
        raise explained(done.stderr.decode(errors="replace").strip(), "Nothing was sent.")


def _answer(service: ServiceSettings, *arguments: str) -> str:
    """What kubectl prints, for the service's namespace."""
    done = call_kubectl([*arguments, f"--namespace={service.namespace}"], "", service.context)
    if done.returncode != 0:
        raise explained(done.stderr.decode(errors="replace").strip(), "Nothing was sent.")
    return done.stdout.decode(errors="replace").strip()
