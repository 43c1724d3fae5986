"""Kubeflow: KServe serves, by Seatrial's own container, and Kubeflow Pipelines runs pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seatrial.cluster.dns_names import DNS_LABEL_LIMIT, dns_label
from seatrial.cluster.yaml_text import Manifest, to_yaml
from seatrial.deploy import autoscaling, server_side_apply, workload
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.deploy.target import Document
from seatrial.errors import InputError
from seatrial.pipeline.kubeflow.pipeline_spec import render_pipeline

if TYPE_CHECKING:
    from seatrial.pipeline.driver.pipeline_run import PipelineRun

CONTAINER = "kserve-container"  # KServe finds the predictor among a pod's containers by this name
SHORTEST_LIMIT = 16  # of the service's name, beside the namespace in one DNS label


class Kubeflow:
    """Renders for KServe in its Standard deployment mode, without Knative, and for Kubeflow Pipelines."""

    name = "kubeflow"
    sends = True
    kustomizes = True

    def render_service(self, service: ServiceSettings) -> tuple[Document, ...]:
        """ServiceAccount, ConfigMap, NetworkPolicy, InferenceService, PodDisruptionBudget, in the order of need."""
        name = service_name(service.name, service.namespace)
        predictor = _predictor(name)
        return tuple(
            Document(f"{str(manifest['kind']).lower()}.yaml", to_yaml(manifest))
            for manifest in (
                workload.service_account(service, predictor),
                workload.configuration(service, predictor),
                workload.network_policy(service, predictor),
                _inference_service(service, name, predictor),
                workload.disruption_budget(service, predictor),
            )
        )

    def render_pipeline(self, pipeline: PipelineRun) -> tuple[Document, ...]:
        """The pipeline for Kubeflow Pipelines, one task a step; `InputError` for a schedule.

        Tried with 2.0.5: its recurring runs put nothing in the place of a time or an id, in no input of a pipeline, so
        that every run would have the name of the one before.
        """
        if pipeline.schedule is not None:
            raise InputError(
                "recurring runs of Kubeflow cannot have names of their own.",
                path="--schedule",
                hint="Let the cluster start them: --on kubectl --schedule.",
            )
        request = pipeline.driver
        assert request is not None  # noqa: S101
        return (Document("pipeline.yaml", render_pipeline(request, pipeline.tasks, pipeline.cluster)),)

    def next_step(self, service: ServiceSettings, *, folder: str | None) -> str:
        """Send the folder, or wait for the service."""
        if folder is not None:
            return server_side_apply.command_line(folder, context=service.context, kustomized=True)
        name = service_name(service.name, service.namespace)
        return f"{service.kubectl} wait --for=condition=Ready inferenceservice/{name}"

    def apply(self, service: ServiceSettings, documents: Sequence[Document]) -> str:
        """`kubectl apply --server-side`, after a dry run of all of it on the server."""
        autoscaling.require_metrics(service)
        return server_side_apply.apply(documents, context=service.context)

    def difference(self, service: ServiceSettings, documents: Sequence[Document]) -> str:
        """`kubectl diff --server-side`."""
        return server_side_apply.difference(documents, context=service.context)

    def deployment_of(self, name: str, namespace: str) -> str:
        """The Deployment that KServe makes; KServe itself says Ready while a new version fails beside the last one."""
        return _predictor(service_name(name, namespace))


def service_name(release_name: str, namespace: str) -> str:
    """One name per release name: a new version takes the place of the last."""
    return dns_label(release_name, limit=_name_limit(namespace))


def _predictor(name: str) -> str:
    """How KServe calls what serves, and so all that belongs to it: kubectl's objects of a release have other names."""
    return f"{name}-predictor"


def _name_limit(namespace: str) -> int:
    """KServe's host name puts `<name>-predictor-<namespace>` into one DNS label."""
    limit = DNS_LABEL_LIMIT - len("-predictor-") - len(namespace)
    if limit < SHORTEST_LIMIT:
        raise InputError(
            f"the namespace {namespace!r} leaves {max(limit, 0)} characters of KServe's host name for the service.",
            path="service.namespace",
            hint=f"Use one of at most {DNS_LABEL_LIMIT - len('-predictor-') - SHORTEST_LIMIT} characters.",
        )
    return limit


def _inference_service(service: ServiceSettings, name: str, predictor: str) -> Manifest:
    head = workload.metadata(service, predictor, own_name=name)
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            **head,
            "annotations": {
                **workload.provenance_annotations(service),
                "serving.kserve.io/deploymentMode": "Standard",
                # without a scale as many replicas as asked for, as with kubectl
                "serving.kserve.io/autoscalerClass": "none" if service.scale is None else "hpa",
            },
        },
        "spec": {
            "predictor": {
                **_replicas(service),
                "labels": workload.labels(service, predictor),
                "annotations": workload.pod_annotations(service),
                "deploymentStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
                },
                # no storageUri and no `model`: the server fetches and verifies the release itself
                **workload.pod_spec(service, predictor, container=CONTAINER),
            }
        },
    }


def _replicas(service: ServiceSettings) -> Manifest:
    """As many replicas as asked for, or KServe's own fields for its HorizontalPodAutoscaler."""
    scale = service.scale
    if scale is None:
        return {"minReplicas": service.replicas, "maxReplicas": service.replicas}
    return {
        "minReplicas": scale.min,
        "maxReplicas": scale.max,
        "scaleMetric": "cpu",
        "scaleTarget": scale.cpu_percent,
    }
