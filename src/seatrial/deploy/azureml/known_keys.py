"""The keys that Azure ML's documents can have, of those that Seatrial renders.

Source: the schemas of azure-ai-ml 1.35.2. Its loader refuses an unknown key in most places and takes it along in a
command component, in a pipeline's settings and in a step of a pipeline: there a misspelt key is a setting lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.deploy.azureml.mistake import Mistake
from seatrial.errors import did_you_mean

ANY_NAME = "*"  # the keys are the user's own
Shape = Mapping[str, Any]  # of a key: the shape of what stands below it, or None for a value


def _values(*keys: str) -> dict[str, Any]:
    return dict.fromkeys(keys)


_ROUTE = _values("path", "port")
_ENVIRONMENT = {
    **_values("name", "version", "description", "image"),
    "inference_config": {"liveness_route": _ROUTE, "readiness_route": _ROUTE, "scoring_route": _ROUTE},
    "tags": {ANY_NAME: None},
}
_PROBE = _values("initial_delay", "period", "timeout", "success_threshold", "failure_threshold")
_RESOURCES = _values("instance_count", "instance_type", "shm_size", "docker_args")
_IDENTITY = _values("type", "client_id")
_PORT = _values("type", "mode", "path", "description", "optional", "default")
_ABOUT = {**_values("$schema", "name", "display_name", "description"), "tags": {ANY_NAME: None}}

KEYS: Mapping[str, Shape] = {
    "endpoint": {
        **_ABOUT,
        **_values("auth_mode", "compute", "public_network_access"),
        "identity": {"type": None, "user_assigned_identities": None},
        "properties": {ANY_NAME: None},
        "traffic": {ANY_NAME: None},
        "mirror_traffic": {ANY_NAME: None},
    },
    "deployment": {
        **_ABOUT,
        **_values("endpoint_name", "type", "model_mount_path", "instance_type", "instance_count"),
        **_values("app_insights_enabled", "egress_public_network_access"),
        "model": _values("name", "version", "type", "path", "description"),
        "code_configuration": _values("code", "scoring_script"),
        "environment": _ENVIRONMENT,
        "environment_variables": {ANY_NAME: None},
        "liveness_probe": _PROBE,
        "readiness_probe": _PROBE,
        "request_settings": _values("request_timeout_ms", "max_concurrent_requests_per_instance", "max_queue_wait_ms"),
        "scale_settings": _values(
            "type", "min_instances", "max_instances", "polling_interval", "target_utilization_percentage"
        ),
    },
    "component": {
        **_ABOUT,
        **_values("type", "version", "is_deterministic", "command", "code"),
        "environment": _ENVIRONMENT,
        "inputs": {ANY_NAME: _PORT},
        "outputs": {ANY_NAME: _PORT},
        "resources": _RESOURCES,
        "distribution": _values("type", "process_count_per_instance"),
    },
    "pipeline": {
        **_ABOUT,
        **_values("type", "experiment_name", "compute"),
        "identity": _IDENTITY,
        "settings": _values(
            "default_compute", "default_datastore", "continue_on_step_failure", "force_rerun", "on_init", "on_finalize"
        ),
        "inputs": {ANY_NAME: _PORT},
        "outputs": {ANY_NAME: _PORT},
        "jobs": {
            ANY_NAME: {
                **_values("type", "component", "compute", "display_name", "comment"),
                "inputs": {ANY_NAME: None},
                "outputs": {ANY_NAME: _PORT},
                "resources": _RESOURCES,
                "limits": _values("timeout"),
                "identity": _IDENTITY,
                "environment": _ENVIRONMENT,
                "environment_variables": {ANY_NAME: None},
                "properties": {ANY_NAME: None},
            }
        },
    },
    "schedule": {
        **_ABOUT,
        "create_job": None,
        "trigger": _values("type", "expression", "start_time", "end_time", "time_zone"),
    },
}


def unknown_keys(document: Mapping[str, Any], shape: Shape, *, above: str = "") -> Iterator[Mistake]:
    """Each key of the document that nothing reads."""
    for key, value in document.items():
        below = shape.get(key, shape.get(ANY_NAME, ...))
        if below is ...:
            near = did_you_mean(str(key), list(shape))
            yield Mistake(f"{above}{key}", "is not a key that Azure ML reads here.", near or "Leave it out.")
        elif isinstance(below, Mapping) and isinstance(value, Mapping):
            yield from unknown_keys(value, below, above=f"{above}{key}.")
