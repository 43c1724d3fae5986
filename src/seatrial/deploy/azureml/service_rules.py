"""What an online endpoint, its deployments and its traffic must be, and azure-ai-ml does not look at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from seatrial.deploy.azureml.mistake import Mistake
from seatrial.deploy.azureml.values import (
    ENDPOINT,
    RESOURCE,
    VERSION,
    count_mistakes,
    environment_mistakes,
    name_mistakes,
    path_mistakes,
    variable_mistakes,
)
from seatrial.deploy.azureml.vm_sizes import vm_size_mistake

ALL = 100  # percent of the traffic
MOST_MIRRORED = 50  # percent: Azure's limit of mirror_traffic ("Perform safe rollout of new deployments")
MOST_PORT = 65535
Document = Mapping[str, Any]


def endpoint_mistakes(endpoint: Document, deployments: Sequence[Document]) -> Iterator[Mistake]:
    """Of an endpoint, beside the deployments that are rendered with it."""
    yield from name_mistakes("name", endpoint.get("name"), ENDPOINT)
    names = [one.get("name") for one in deployments if one.get("endpoint_name") == endpoint.get("name")]
    traffic, mirrored = endpoint.get("traffic") or {}, endpoint.get("mirror_traffic") or {}
    for key, shares, most in (("traffic", traffic, ALL), ("mirror_traffic", mirrored, MOST_MIRRORED)):
        for name, share in shares.items():
            yield from count_mistakes(f"{key}.{name}", share, least=0, most=most)
            if name not in names:
                listed = ", ".join(map(str, names)) or "none"
                yield Mistake(
                    f"{key}.{name}", "goes to a deployment that is not there.", f"The endpoint has: {listed}."
                )
    shares = [share for share in traffic.values() if isinstance(share, int)]
    if traffic and sum(shares) != ALL:
        yield Mistake(
            "traffic", f"must add up to {ALL} percent, got {sum(shares)}: the rest is refused.", "Correct the shares."
        )
    types = {"kubernetes" if "compute" in endpoint else "managed"}
    for deployment in deployments:
        if deployment.get("endpoint_name") == endpoint.get("name") and deployment.get("type") not in types:
            yield Mistake(
                "compute",
                f"makes this a {types.pop()} endpoint, and its deployment {deployment.get('name')} is "
                f"{deployment.get('type') or 'managed, as it does not say'}.",
                'Leave "compute" out for type: managed; name an attached cluster for type: kubernetes.',
            )
            return


def deployment_mistakes(deployment: Document, files: Collection[str]) -> Iterator[Mistake]:
    """Of a deployment; `files` are the paths that are written beside it."""
    yield from name_mistakes("name", deployment.get("name"), ENDPOINT)
    yield from name_mistakes("endpoint_name", deployment.get("endpoint_name"), ENDPOINT)
    if deployment.get("type") == "managed" and (wrong := vm_size_mistake(deployment.get("instance_type"))):
        yield Mistake("instance_type", *wrong)
    if deployment.get("type") not in ("managed", "kubernetes"):
        yield Mistake("type", f'must be "managed" or "kubernetes", got "{deployment.get("type")}".', "Write which.")
    yield from count_mistakes("instance_count", deployment.get("instance_count"))
    yield from environment_mistakes("environment", deployment.get("environment"))
    yield from _route_mistakes(deployment.get("environment"))
    yield from variable_mistakes(
        "environment_variables", deployment.get("environment_variables") or {}, references=True
    )
    for probe in ("liveness_probe", "readiness_probe"):
        for key, value in (deployment.get(probe) or {}).items():
            yield from count_mistakes(f"{probe}.{key}", value, least=0 if key == "initial_delay" else 1)
    for key, value in (deployment.get("request_settings") or {}).items():
        yield from count_mistakes(f"request_settings.{key}", value, least=0 if key == "max_queue_wait_ms" else 1)
    yield from _model_mistakes(deployment, files)
    code = deployment.get("code_configuration") or {}
    if "code" in code:
        yield from path_mistakes("code_configuration.code", code["code"], files)


def _model_mistakes(deployment: Document, files: Collection[str]) -> Iterator[Mistake]:
    model = deployment.get("model")
    if isinstance(model, Mapping):
        yield from name_mistakes("model.name", model.get("name"), RESOURCE)
        yield from name_mistakes("model.version", model.get("version"), VERSION)
        yield from path_mistakes("model.path", model.get("path"), files)
    mount = deployment.get("model_mount_path")
    if mount is not None and not str(mount).startswith("/"):
        yield Mistake("model_mount_path", f'must be an absolute path, got "{mount}".', "Begin it with /.")


def _route_mistakes(environment: object) -> Iterator[Mistake]:
    routes = environment.get("inference_config") if isinstance(environment, Mapping) else None
    for name, route in (routes or {}).items():
        key = f"environment.inference_config.{name}"
        yield from count_mistakes(f"{key}.port", route.get("port"), most=MOST_PORT)
        if not str(route.get("path")).startswith("/"):
            yield Mistake(f"{key}.path", f'must begin with /, got "{route.get("path")}".', "Write the path of the URL.")
