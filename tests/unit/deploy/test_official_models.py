"""The manifests, read by the models that their owners publish: nothing unknown, nothing missing, nothing lost."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.cluster.scale import Scale
from seatrial.deploy import find_target
from seatrial.deploy.target import Document
from tests.deploy_sample import SERVICE

# azure-ai-ml's own schemas are written for marshmallow 3, which warns of its successor
pytestmark = [pytest.mark.simulation, pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")]

MODELS = {
    "ServiceAccount": "V1ServiceAccount",
    "ConfigMap": "V1ConfigMap",
    "NetworkPolicy": "V1NetworkPolicy",
    "Deployment": "V1Deployment",
    "Service": "V1Service",
    "PodDisruptionBudget": "V1PodDisruptionBudget",
    "HorizontalPodAutoscaler": "V2HorizontalPodAutoscaler",
    "InferenceService": "V1beta1InferenceService",
}


def read_by_kubernetes(value: object, model: str) -> Any:
    """The value through its official model and back: a key that the model does not know is gone afterwards."""
    import kubernetes.client

    client = kubernetes.client.ApiClient()
    read = client.deserialize(json.dumps(value), getattr(kubernetes.client, model), "application/json")
    return client.sanitize_for_serialization(read)


def read_by_kserve(value: Any, model: str) -> Any:
    """The same for KServe's models, which know Kubernetes' types by name only."""
    import kserve

    if (inner := re.fullmatch(r"list\[(\w+)\]", model)) is not None:
        return [read_by_kserve(item, inner[1]) for item in value]
    if model in ("str", "int", "bool"):
        assert type(value).__name__ == model
        return value
    if model.startswith("dict(str, str)"):
        return value
    if not hasattr(kserve, model):
        return read_by_kubernetes(value, model.removeprefix("K8sIoApiApps"))
    kind = getattr(kserve, model)
    fields = {key: kind.openapi_types[name] for name, key in kind.attribute_map.items()}
    return {key: read_by_kserve(item, fields[key]) for key, item in value.items() if key in fields}


def round_trip(manifest: dict[str, Any]) -> Any:
    read = read_by_kserve if manifest["kind"] == "InferenceService" else read_by_kubernetes
    return read(manifest, MODELS[manifest["kind"]])


@pytest.mark.parametrize("scale", [None, Scale(2, 6)])
@pytest.mark.parametrize("name", ["kubectl", "kubeflow"])
def test_official_models_lose_nothing_of_a_manifest(name: Any, scale: Scale | None) -> None:
    service = dataclasses.replace(SERVICE, scale=scale)
    manifests = [yaml.safe_load(one.text) for one in find_target(name).render_service(service)]
    assert [round_trip(manifest) for manifest in manifests] == manifests


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("kubectl", "readOnlyRootFilesystem", "readonlyRootFilesystem"),
        ("kubeflow", "readOnlyRootFilesystem", "readonlyRootFilesystem"),
        ("kubeflow", "minReplicas", "replicas"),
    ],
)
def test_a_misspelt_key_does_not_survive_its_model(name: Any, right: str, wrong: str) -> None:
    text = next(one.text for one in find_target(name).render_service(SERVICE) if right in one.text)
    manifest = yaml.safe_load(text.replace(right, wrong))
    assert round_trip(manifest) != manifest


@pytest.fixture
def azure(tmp_path: Path) -> Path:
    """The rendered folder, as azure-ai-ml finds it."""
    write(tmp_path, find_target("azureml").render_service(SERVICE))
    return tmp_path


def write(folder: Path, documents: tuple[Document, ...]) -> None:
    for document in documents:
        path = folder / document.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document.text)


def test_azure_loads_the_endpoint_with_a_name_of_its_own(azure: Path) -> None:
    from azure.ai.ml import load_online_endpoint
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    endpoint = load_online_endpoint(azure / "endpoint.yaml")
    assert isinstance(endpoint, ManagedOnlineEndpoint)
    assert endpoint.name == "census-" + endpoint.name.rpartition("-")[2]
    assert endpoint.auth_mode == "key"
    assert endpoint.tags["verdict"] == "inconclusive"
    assert endpoint.tags["waived-until"] == "2026-12-01T00:00:00Z"
    assert endpoint.traffic == {}


def test_azure_loads_a_managed_deployment_of_that_endpoint(azure: Path) -> None:
    from azure.ai.ml import load_online_deployment, load_online_endpoint
    from azure.ai.ml.entities import ManagedOnlineDeployment

    deployment = load_online_deployment(azure / "deployment.yaml")
    assert isinstance(deployment, ManagedOnlineDeployment)
    assert deployment.endpoint_name == load_online_endpoint(azure / "endpoint.yaml").name
    assert (deployment.instance_type, deployment.instance_count) == ("Standard_F2s_v2", 2)
    assert deployment.environment.image == SERVICE.image
    assert deployment.environment.inference_config["scoringRoute"]["path"] == "/v2/models/census/infer"
    mounted = deployment.environment_variables["SEATRIAL_HOME"]
    assert mounted == f"{deployment.model_mount_path}/{deployment.model.name}/{deployment.model.version}/configuration"
    assert Path(deployment.model.path) == azure / "configuration"
    assert sorted(path.name for path in (azure / "configuration").iterdir()) == ["seatrial.toml", "trust.toml"]


def test_all_traffic_goes_to_the_rendered_deployment(azure: Path) -> None:
    from azure.ai.ml import load_online_deployment, load_online_endpoint

    traffic = load_online_endpoint(azure / "traffic.yaml")
    assert traffic.traffic == {load_online_deployment(azure / "deployment.yaml").name: 100}
    assert traffic.name == load_online_endpoint(azure / "endpoint.yaml").name


def test_azure_keeps_every_key_that_is_rendered(azure: Path) -> None:
    """Its loader ignores what it does not know: whatever it read must be all that was written."""
    from azure.ai.ml import load_online_deployment, load_online_endpoint

    for loaded, path in (
        (load_online_endpoint(azure / "endpoint.yaml"), "endpoint.yaml"),
        (load_online_deployment(azure / "deployment.yaml"), "deployment.yaml"),
        (load_online_endpoint(azure / "traffic.yaml"), "traffic.yaml"),
    ):
        written = yaml.safe_load((azure / path).read_text())
        assert lost(written, loaded._to_dict()) == [], path


def lost(written: object, read: object, place: str = "") -> list[str]:
    """The places of `written` that `read` lacks."""
    if isinstance(written, dict):
        if not isinstance(read, dict):
            return [place]
        return [gone for key in written for gone in lost(written[key], read.get(key), f"{place}.{key}")]
    return [place] if read is None else []


@pytest.mark.parametrize("name", ["census", "a-name-of-forty-characters-and-not-a-bit1"])
def test_azure_names_are_within_its_limits(name: str) -> None:
    documents = find_target("azureml").render_service(dataclasses.replace(SERVICE, name=name))
    for manifest in (yaml.safe_load(one.text) for one in documents if one.path.endswith(".yaml")):
        assert 3 <= len(manifest["name"]) <= 32
