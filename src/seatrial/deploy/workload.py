"""What runs, wherever it runs: the container that serves one release, its configuration, and what it may reach."""

from __future__ import annotations

import json
from typing import Literal
from urllib.parse import urlsplit

from seatrial.cluster.restricted_pod import SCRATCH_FOLDER, container_security, pod_security
from seatrial.cluster.scale import Scale
from seatrial.cluster.yaml_text import Manifest
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.stores.documents import sha256

PORT = 8080
SETTINGS = "seatrial/settings"
LIVE, READY = "/v2/health/live", "/v2/health/ready"  # Open Inference Protocol, REST
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")  # what a profile's `credentials = "env"` reads
PROFILE = "service"  # the one profile of the configuration below
CONFIGURATION_FOLDER = "/etc/seatrial"
CERTIFICATES = "ca.pem"  # beside the project file that names it
SCRATCH_SIZE = "1Gi"
STARTUP_PERIOD_S, STARTUP_TRIES = 2, 90  # fetching, verifying and loading a release may take three minutes
LIVENESS_PERIOD_S, READINESS_PERIOD_S = 10, 5
PROBE_TIMEOUT_S = 3
DRAIN_S = 5  # until every proxy has taken a leaving pod out of its list
GRACE_S = 60
HTTPS_PORT, DNS_PORT = 443, 53
DIGITS_OF_CONTENT = 10  # 40 bits of the digest that names a configuration


def configuration_files(service: ServiceSettings) -> dict[str, str]:
    """The project file and the trust that the server starts with, as files by name."""
    store = {"url": service.store_url, "region": service.region}
    if service.endpoint is not None:
        store["endpoint"] = service.endpoint
    if service.secret is not None:
        store["credentials"] = "env"
    if service.certificates is not None:
        store["ca"] = f"file:{CERTIFICATES}"
    # a JSON string is a TOML basic string, but for DEL and what is escaped as surrogates: neither is in these values
    pairs = ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in store.items())
    project = f"[project]\nname = {json.dumps(service.name)}\n\n[profile.{PROFILE}]\nstore = {{ {pairs} }}\n"
    files = {"seatrial.toml": project, "trust.toml": service.trust}
    return files if service.certificates is None else {**files, CERTIFICATES: service.certificates}


def serve_arguments(service: ServiceSettings, folder: str) -> list[str]:
    """The command line after `seatrial`: one release, pinned by the digest of its release.json."""
    options = serve_options(service, folder)
    words = [[f"--{name}"] if value is True else [f"--{name}", str(value)] for name, value in options.items()]
    return ["serve", service.release, *(word for option in words for word in option)]


def serve_options(service: ServiceSettings, folder: str) -> dict[str, str | Literal[True]]:
    """The options of `seatrial serve` by name, True for one that takes no value."""
    options: dict[str, str | Literal[True]] = {
        "digest": f"sha256:{service.release_digest}",
        "directory": folder,
        "profile": PROFILE,
        "host": "0.0.0.0",  # noqa: S104 — the pod's own network; the NetworkPolicy says who comes in
        "port": str(PORT),
    }
    if service.guard:
        options["guard"] = True
    if service.sample is not None:
        options["sample"] = repr(service.sample)
    if service.sample_without:
        options["sample-without"] = ",".join(service.sample_without)
    if service.samples is not None:
        options["samples"] = service.samples
    return options


def environment(folder: str) -> dict[str, str]:
    """The variables every target sets. State and caches go to the scratch volume: the root is read-only."""
    return {"SEATRIAL_HOME": folder, "SEATRIAL_STATE": f"{SCRATCH_FOLDER}/seatrial", "HOME": SCRATCH_FOLDER}


def provenance(service: ServiceSettings) -> dict[str, str]:
    """What is served and on whose word, for annotations and tags: a digest is too long for a label."""
    facts = {
        "release": service.release,
        "release-digest": f"sha256:{service.release_digest}",
        "model-digest": f"sha256:{service.model_digest}",
        "verdict": service.verdict,
    }
    return facts if service.waived_until is None else {**facts, "waived-until": service.waived_until}


def provenance_annotations(service: ServiceSettings) -> dict[str, str]:
    """`provenance` under Seatrial's prefix."""
    return {f"seatrial/{key}": value for key, value in provenance(service).items()}


def pod_annotations(service: ServiceSettings) -> dict[str, str]:
    """`provenance_annotations`, and the digest by which a rollout knows its pods."""
    return {**provenance_annotations(service), SETTINGS: f"sha256:{service.digest}"}


def selector(name: str) -> dict[str, str]:
    """The labels that find this service's pods, whatever their version. A Deployment's selector never changes."""
    return {"app.kubernetes.io/name": "seatrial", "app.kubernetes.io/instance": name}


def labels(service: ServiceSettings, name: str) -> dict[str, str]:
    """The recommended labels, and the verdict."""
    return {
        **selector(name),
        "app.kubernetes.io/version": str(service.version),
        "app.kubernetes.io/component": "service",
        "app.kubernetes.io/managed-by": "seatrial",
        "seatrial/verdict": service.verdict,
    }


def metadata(service: ServiceSettings, name: str, *, own_name: str | None = None) -> Manifest:
    """The metadata of one object of the service `name`."""
    return {
        "name": own_name or name,
        "namespace": service.namespace,
        "labels": labels(service, name),
        "annotations": provenance_annotations(service),
    }


def configuration_name(service: ServiceSettings, name: str) -> str:
    """Named by its content: pods of the last version keep theirs, and a rollback finds it."""
    content = sha256(json.dumps(configuration_files(service), sort_keys=True).encode())
    return f"{name}-{content[:DIGITS_OF_CONTENT]}"


def pod_spec(service: ServiceSettings, name: str, *, container: str) -> Manifest:
    """A pod that meets the restricted Pod Security Standard."""
    return {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": GRACE_S,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",  # a cluster of one node serves too
                "labelSelector": {"matchLabels": selector(name)},
            }
            for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
        ],
        "containers": [_container(service, container)],
        "volumes": [
            {"name": "configuration", "configMap": {"name": configuration_name(service, name)}},
            {"name": "scratch", "emptyDir": {"sizeLimit": SCRATCH_SIZE}},
        ],
    }


def service_account(service: ServiceSettings, name: str) -> Manifest:
    """An identity of its own, without a token: the server never asks the cluster anything."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(service, name),
        "automountServiceAccountToken": False,
    }


def configuration(service: ServiceSettings, name: str) -> Manifest:
    """The ConfigMap of `configuration_files`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(service, name, own_name=configuration_name(service, name)),
        "immutable": True,
        "data": configuration_files(service),
    }


def network_policy(service: ServiceSettings, name: str) -> Manifest:
    """In: the namespace itself and `callers`. Out: names, and the port of the store."""
    namespaces: list[Manifest] = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": caller}}} for caller in service.callers
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(service, name),
        "spec": {
            "podSelector": {"matchLabels": selector(name)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": {}}, *namespaces], "ports": [{"port": PORT, "protocol": "TCP"}]}],
            "egress": [
                {"ports": [{"port": DNS_PORT, "protocol": "UDP"}, {"port": DNS_PORT, "protocol": "TCP"}]},
                {"ports": [{"port": store_port(service.endpoint), "protocol": "TCP"}]},
            ],
        },
    }


def disruption_budget(service: ServiceSettings, name: str) -> Manifest:
    """One pod at a time leaves a node that is drained; with a single replica the drain is not held up."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(service, name),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector(name)}},
    }


def autoscaler(service: ServiceSettings, scale: Scale, name: str) -> Manifest:
    """Changes the Deployment's replicas by the CPU that its pods use."""
    utilization = {"type": "Utilization", "averageUtilization": scale.cpu_percent}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(service, name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": scale.min,
            "maxReplicas": scale.max,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}],
        },
    }


def store_port(endpoint: str | None) -> int:
    """The TCP port that an endpoint stands for."""
    if endpoint is None:
        return HTTPS_PORT
    parts = urlsplit(endpoint)
    return parts.port or (HTTPS_PORT if parts.scheme == "https" else 80)


def _container(service: ServiceSettings, name: str) -> Manifest:
    variables: list[Manifest] = [
        {"name": key, "value": value} for key, value in environment(CONFIGURATION_FOLDER).items()
    ]
    if service.secret is not None:
        variables += [
            {"name": key, "valueFrom": {"secretKeyRef": {"name": service.secret, "key": key}}} for key in CREDENTIALS
        ]
    amounts = {"cpu": service.cpu, "memory": service.memory}
    return {
        "name": name,
        "image": service.image,
        "imagePullPolicy": "IfNotPresent",  # a digest is what it is
        "command": ["seatrial"],
        "args": serve_arguments(service, CONFIGURATION_FOLDER),
        "env": variables,
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {"requests": amounts, "limits": amounts},
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",  # why it ended, for whoever may not read its log
        "startupProbe": _probe(READY, period_s=STARTUP_PERIOD_S, tries=STARTUP_TRIES),
        "livenessProbe": _probe(LIVE, period_s=LIVENESS_PERIOD_S, tries=3),
        "readinessProbe": _probe(READY, period_s=READINESS_PERIOD_S, tries=2),
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_S}}},
        "volumeMounts": [
            {"name": "configuration", "mountPath": CONFIGURATION_FOLDER, "readOnly": True},
            {"name": "scratch", "mountPath": SCRATCH_FOLDER},
        ],
    }


def _probe(path: str, *, period_s: int, tries: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": "http", "scheme": "HTTP"},
        "periodSeconds": period_s,
        "timeoutSeconds": PROBE_TIMEOUT_S,
        "failureThreshold": tries,
    }
