"""Plain Kubernetes: a Deployment behind a Service, and what keeps both safe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seatrial.cluster.dns_names import DNS_LABEL_LIMIT, dns_label
from seatrial.cluster.yaml_text import Manifest, to_yaml
from seatrial.deploy import autoscaling, server_side_apply, workload
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.deploy.target import Document
from seatrial.pipeline.driver.driver_manifest import render_driver, render_schedule
from seatrial.pipeline.places.job_manifest import render_job
from seatrial.pipeline.places.worker_manifest import UID_LATER, has_workers, render_rendezvous

if TYPE_CHECKING:
    from seatrial.pipeline.driver.pipeline_run import PipelineRun

# a name that is also a label's value, with room for "-" and the digest of the configuration
NAME_LIMIT = DNS_LABEL_LIMIT - 1 - workload.DIGITS_OF_CONTENT
SERVICE_PORT = 80
DEPLOYMENT = "deployment.yaml"
KEPT_REVISIONS = 5  # old versions that `kubectl rollout undo` finds


class Kubectl:
    """Renders for `kubectl apply --server-side`, and calls it."""

    name = "kubectl"
    sends = True
    kustomizes = True

    def render_service(self, service: ServiceSettings) -> tuple[Document, ...]:
        """ServiceAccount, ConfigMap, NetworkPolicy, Deployment, Service, PodDisruptionBudget, in the order of need.

        And a HorizontalPodAutoscaler for a service with a `scale`.
        """
        name = service_name(service.name)
        manifests = [
            workload.service_account(service, name),
            workload.configuration(service, name),
            workload.network_policy(service, name),
            _deployment(service, name),
            _service(service, name),
            workload.disruption_budget(service, name),
        ]
        if service.scale is not None:
            manifests.append(workload.autoscaler(service, service.scale, name))
        return tuple(Document(f"{str(manifest['kind']).lower()}.yaml", to_yaml(manifest)) for manifest in manifests)

    def render_pipeline(self, pipeline: PipelineRun) -> tuple[Document, ...]:
        """The driver's Job or the schedule's CronJob, where the cluster drives the run, and the Job of each step.

        Behind the Job of a step with several workers comes the Service by which they meet.
        """
        cluster = pipeline.cluster
        documents: list[Document] = []
        if pipeline.driver is not None and pipeline.schedule is not None:
            manifest = render_schedule(pipeline.driver, cluster, pipeline.schedule)
            documents.append(Document("schedule.yaml", to_yaml(manifest)))
        elif pipeline.driver is not None:
            documents.append(Document("driver.yaml", to_yaml(render_driver(pipeline.driver, cluster))))
        for step in pipeline.steps:
            job = render_job(step.remote, cluster, step.resources)
            documents.append(Document(f"steps/{step.remote.step}.yaml", to_yaml(job)))
            if has_workers(job):
                service = to_yaml(render_rendezvous(job, UID_LATER))
                documents.append(Document(f"steps/{step.remote.step}.service.yaml", service))
        return tuple(documents)

    def next_step(self, service: ServiceSettings, *, folder: str | None) -> str:
        """Send the folder, or watch the rollout."""
        if folder is not None:
            return server_side_apply.command_line(folder, context=service.context, kustomized=True)
        return f"{service.kubectl} rollout status deployment/{service_name(service.name)}"

    def apply(self, service: ServiceSettings, documents: Sequence[Document]) -> str:
        """`kubectl apply --server-side`, after a dry run of all of it on the server."""
        name = service_name(service.name)
        autoscaling.require_autoscaler_of_choice(service, name)
        return server_side_apply.apply(
            documents,
            context=service.context,
            before_sending=lambda: autoscaling.hand_over_replicas(service, name),
        )

    def difference(self, service: ServiceSettings, documents: Sequence[Document]) -> str:
        """`kubectl diff --server-side`; the number of pods that is handed over to an autoscaler stays as it is."""
        name = service_name(service.name)
        if (replicas := autoscaling.replicas_to_hand_over(service, name)) is not None:
            (kept,) = (
                one
                for one in self.render_service(replace(service, scale=None, replicas=replicas))
                if one.path == DEPLOYMENT
            )
            documents = [kept if one.path == DEPLOYMENT else one for one in documents]
        return server_side_apply.difference(documents, context=service.context)

    def deployment_of(self, name: str, namespace: str) -> str:  # noqa: ARG002 — see Target
        """The Deployment that it renders."""
        return service_name(name)


def service_name(release_name: str) -> str:
    """One name per release name: a new version takes the place of the last."""
    return dns_label(release_name, limit=NAME_LIMIT)


def _deployment(service: ServiceSettings, name: str) -> Manifest:
    # with an autoscaler no number is sent: sending again would undo its last decision
    replicas = {} if service.scale is not None else {"replicas": service.replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": workload.metadata(service, name),
        "spec": {
            **replicas,
            "revisionHistoryLimit": KEPT_REVISIONS,
            "selector": {"matchLabels": workload.selector(name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {
                    "labels": workload.labels(service, name),
                    "annotations": workload.pod_annotations(service),
                },
                "spec": workload.pod_spec(service, name, container="serve"),
            },
        },
    }


def _service(service: ServiceSettings, name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": workload.metadata(service, name),
        "spec": {
            "type": "ClusterIP",
            "selector": workload.selector(name),
            "ports": [{"name": "http", "port": SERVICE_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }
