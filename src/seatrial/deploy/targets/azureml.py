"""Azure ML: a managed online endpoint, one deployment a release, and its traffic; and pipeline jobs.

azure-ai-ml's loader does not see made-up sizes, traffic that is not 100, a compute that makes an endpoint something
else and more: what is rendered here passes `deploy.azureml.lint` first.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seatrial.cluster.dns_names import dns_label
from seatrial.cluster.yaml_text import Manifest, to_yaml
from seatrial.deploy import workload
from seatrial.deploy.azureml.lint import check_documents
from seatrial.deploy.azureml.pipeline_job import PIPELINE, SCHEDULE, render_documents
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.deploy.target import Document
from seatrial.errors import InputError, Refused
from seatrial.stores.documents import sha256

if TYPE_CHECKING:
    from seatrial.pipeline.driver.pipeline_run import PipelineRun

NAME_LIMIT = 32  # of endpoints and deployments: 3 to 32 letters, digits and -
MOUNT = "/var/azureml-app/seatrial"
CONFIGURATION = "configuration"  # the folder that is uploaded as the deployment's model
COMMANDS = (
    "az ml online-endpoint create -f endpoint.yaml",
    "az ml online-deployment create -f deployment.yaml",
    "az ml online-endpoint update -f traffic.yaml",
)


class AzureML:
    """Renders for `az ml`; sending is left to it."""

    name = "azureml"
    sends = False
    kustomizes = False

    def render_service(self, service: ServiceSettings) -> tuple[Document, ...]:
        """Endpoint, deployment and traffic, and the configuration that the deployment mounts.

        `InputError` for a `scale`: Azure scales managed endpoints by rules of Azure Monitor, outside of these files.
        """
        if service.scale is not None:
            raise InputError(
                "managed endpoints of Azure ML are scaled by Azure Monitor, and not by their own files.",
                path="service.scale",
                hint="Write replicas, and add a rule to the deployment: az monitor autoscale create --help",
            )
        endpoint = _endpoint(service)
        deployment = _deployment(service, str(endpoint["name"]))
        traffic = {**endpoint, "traffic": {str(deployment["name"]): 100}}
        manifests = {"endpoint.yaml": endpoint, "deployment.yaml": deployment, "traffic.yaml": traffic}
        files = {f"{CONFIGURATION}/{name}": text for name, text in workload.configuration_files(service).items()}
        check_documents(manifests, files)
        return (
            *(Document(path, to_yaml(manifest)) for path, manifest in manifests.items()),
            *(Document(path, text) for path, text in files.items()),
        )

    def render_pipeline(self, pipeline: PipelineRun) -> tuple[Document, ...]:
        """The schedule, where there is one, the pipeline job, and a command component for each step."""
        if pipeline.driver is None or pipeline.azureml is None:
            raise InputError(
                "the profile must say where Azure ML runs the steps.",
                path="azureml",
                hint='Write azureml = { compute = "…" } into it.',
            )
        manifests = render_documents(pipeline.driver, pipeline.tasks, pipeline.azureml, pipeline.schedule)
        check_documents(manifests)
        return tuple(Document(path, to_yaml(manifest)) for path, manifest in manifests.items())

    def next_step(self, service: ServiceSettings, *, folder: str | None) -> str:  # noqa: ARG002 — the files say it all
        """The commands that send the folder."""
        return " && ".join([f"cd {shlex.quote(folder or 'DIR')}", *COMMANDS])

    def apply(self, service: ServiceSettings, documents: Sequence[Document]) -> str:  # noqa: ARG002 — see Target
        """Always `Refused`: no workspace to try it on was ever at hand, so Seatrial leaves this to Azure's own tool."""
        raise Refused(
            f"Seatrial does not send to Azure ML; the {len(documents)} files are for its own command line.",
            path=self.name,
            hint=f"Write them with --output DIR, then: {' && '.join(['cd DIR', *COMMANDS])}",
        )

    def difference(self, service: ServiceSettings, documents: Sequence[Document]) -> str:  # noqa: ARG002 — see Target
        """`InputError`: nobody asks the workspace."""
        raise InputError(
            "Seatrial does not ask Azure ML what is there.", path=self.name, hint="az ml online-deployment show"
        )

    def deployment_of(self, name: str, namespace: str) -> None:
        """None: the endpoint's pods are Azure's."""


def pipeline_command(*, scheduled: bool) -> str:
    """What creates the job, or the schedule, in the folder of its documents."""
    return f"az ml schedule create --file {SCHEDULE}" if scheduled else f"az ml job create --file {PIPELINE}"


def _endpoint(service: ServiceSettings) -> Manifest:
    # names of endpoints are shared by everyone in a region: the store's digest makes this one ours
    ours = sha256(f"{service.endpoint}|{service.store_url}".encode())[: workload.DIGITS_OF_CONTENT]
    name = dns_label(service.name, limit=NAME_LIMIT - 1 - len(ours))
    return {
        "name": f"{name}-{ours}",
        "auth_mode": "key",
        "description": f"Seatrial: the service of {service.name}",
        "identity": {"type": "system_assigned"},  # reads the workspace connection that holds the credentials
        "properties": {"enforce_access_to_default_secret_stores": "enabled"},
        "tags": workload.provenance(service),
    }


def _deployment(service: ServiceSettings, endpoint: str) -> Manifest:
    model = {
        "name": endpoint,
        "version": workload.configuration_name(service, "v").removeprefix("v-"),
        "type": "custom_model",
        "path": CONFIGURATION,
    }
    folder = f"{MOUNT}/{model['name']}/{model['version']}/{CONFIGURATION}"
    return {
        "name": f"release-{service.version}",
        "endpoint_name": endpoint,
        "type": "managed",
        "model": model,
        "model_mount_path": MOUNT,
        "environment": {
            "image": service.image,
            "inference_config": {
                "liveness_route": {"port": workload.PORT, "path": workload.LIVE},
                "readiness_route": {"port": workload.PORT, "path": workload.READY},
                "scoring_route": {"port": workload.PORT, "path": f"/v2/models/{service.name}/infer"},
            },
        },
        "environment_variables": {
            **workload.environment(folder),
            **_serve_variables(service, folder),
            **_credentials(service),
        },
        "instance_type": service.instance_type,
        "instance_count": service.replicas,
        "app_insights_enabled": False,
        "liveness_probe": _probe(period_s=workload.LIVENESS_PERIOD_S, tries=3),
        "readiness_probe": _probe(period_s=workload.READINESS_PERIOD_S, tries=2),
        "tags": workload.provenance(service),
    }


def _serve_variables(service: ServiceSettings, folder: str) -> dict[str, str]:
    """The options of `seatrial serve` as variables: Azure ML runs an image's own command, without arguments."""
    values = {"release": service.release, **workload.serve_options(service, folder)}
    return {
        f"SEATRIAL_SERVE_{name.replace('-', '_').upper()}": "true" if value is True else value
        for name, value in values.items()
    }


def _credentials(service: ServiceSettings) -> dict[str, str]:
    """References to a workspace connection of custom keys, by the same name as the Secret elsewhere."""
    if service.secret is None:
        return {}
    return {key: f"${{{{azureml://connections/{service.secret}/credentials/{key}}}}}" for key in workload.CREDENTIALS}


def _probe(*, period_s: int, tries: int) -> Manifest:
    return {
        "initial_delay": workload.STARTUP_PERIOD_S * workload.STARTUP_TRIES // 6,
        "period": period_s,
        "timeout": workload.PROBE_TIMEOUT_S,
        "success_threshold": 1,
        "failure_threshold": tries,
    }
