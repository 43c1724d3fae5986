"""A service whose number of pods the cluster decides: what is sent, what is left to the autoscaler, what is refused."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.cluster.scale import Scale
from seatrial.deploy import autoscaling, find_target
from seatrial.errors import InputError, Refused, SeatrialError, TargetError
from seatrial.pipeline.project.project_file import parse_project
from tests.deploy_sample import IMAGE, SERVICE

SCALED = dataclasses.replace(SERVICE, scale=Scale(2, 6, 0.55))
PROFILE = f"""\
[project]
name = "census"

[profile.prod]
store = {{ url = "s3://lake/census" }}
image = "{IMAGE}"
"""


def rendered(name: Any) -> dict[str, Any]:
    documents = find_target(name).render_service(SCALED)
    return {manifest["kind"]: manifest for manifest in (yaml.safe_load(one.text) for one in documents)}


def test_a_deployment_with_an_autoscaler_has_no_number_that_would_undo_its_own() -> None:
    manifests = rendered("kubectl")
    assert "replicas" not in manifests["Deployment"]["spec"]
    autoscaler = manifests["HorizontalPodAutoscaler"]["spec"]
    assert autoscaler["scaleTargetRef"]["name"] == manifests["Deployment"]["metadata"]["name"]
    assert (autoscaler["minReplicas"], autoscaler["maxReplicas"]) == (2, 6)
    assert autoscaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 55
    assert manifests["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1  # whatever the number is at that time


def test_kserve_is_told_in_its_own_fields_and_makes_the_autoscaler() -> None:
    manifests = rendered("kubeflow")
    assert "HorizontalPodAutoscaler" not in manifests
    service = manifests["InferenceService"]
    fields = {"minReplicas": 2, "maxReplicas": 6, "scaleMetric": "cpu", "scaleTarget": 55}
    assert fields.items() <= service["spec"]["predictor"].items()
    assert service["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "hpa"


def test_azure_refuses_what_its_files_cannot_say() -> None:
    with pytest.raises(InputError, match="scaled by Azure Monitor") as refused:
        find_target("azureml").render_service(SCALED)
    assert refused.value.path == "service.scale"


def test_the_number_of_pods_makes_no_other_pods() -> None:
    assert SCALED.digest == SERVICE.digest
    assert (SCALED.least_pods, SERVICE.least_pods) == (2, SERVICE.replicas)


def test_the_profile_says_it(tmp_path: Path) -> None:
    text = f"{PROFILE}service = {{ scale = {{ min = 2, max = 6 }} }}\n"
    assert parse_project(text, tmp_path).profiles["prod"].service.scale == Scale(2, 6, 0.7)


def test_replicas_and_scale_together_are_a_mistake_in_the_file(tmp_path: Path) -> None:
    text = f"{PROFILE}service = {{ replicas = 2, scale = {{ min = 2, max = 6 }} }}\n"
    with pytest.raises(SeatrialError, match="replicas and scale must not both be given"):
        parse_project(text, tmp_path)


class Kubectl:
    """Answers `get` by what is asked for; remembers what else was called, with its text."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, failures: Sequence[str] = (), **answers: str) -> None:
        self.answers, self.failures = answers, failures
        self.sent: list[tuple[list[str], Any]] = []
        monkeypatch.setattr(autoscaling, "call_kubectl", self)

    def __call__(self, arguments: list[str], text: str, context: str | None) -> subprocess.CompletedProcess[bytes]:
        if arguments[0] == "get":
            failure = "".join(words for words in self.failures if arguments[1] in words or "--raw" in arguments)
            answer = "" if failure else self.answers.get(arguments[1], "")
            return subprocess.CompletedProcess(arguments, int(bool(failure)), answer.encode(), failure.encode())
        self.sent.append((arguments, json.loads(text)))
        return subprocess.CompletedProcess(arguments, 0, b"", b"")


def owned_by(*managers: str, replicas: int = 3) -> str:
    fields = [{"manager": manager, "fieldsV1": {"f:spec": {"f:replicas": {}}}} for manager in managers]
    others = [{"manager": "kube-controller-manager", "fieldsV1": {"f:status": {}}}]
    return json.dumps({"metadata": {"managedFields": fields + others}, "spec": {"replicas": replicas}})


def test_the_number_that_is_ours_alone_is_handed_over_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = Kubectl(monkeypatch, deployment=owned_by("seatrial"))
    autoscaling.hand_over_replicas(SCALED, "census")
    ((arguments, manifest),) = kubectl.sent
    assert "--field-manager=seatrial-scale" in arguments
    assert (manifest["metadata"], manifest["spec"]) == ({"name": "census", "namespace": "models"}, {"replicas": 3})


def test_a_number_that_cannot_be_asked_for_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    Kubectl(monkeypatch, failures=["deployments.apps is forbidden: cannot get resource"])
    with pytest.raises(Refused, match="cannot get resource"):
        autoscaling.hand_over_replicas(SCALED, "census")
    Kubectl(monkeypatch, failures=["hpa: Error from server (Forbidden): cannot get resource"])
    autoscaling.require_autoscaler_of_choice(SERVICE, "census")
    Kubectl(monkeypatch, failures=["hpa: connection refused"])
    with pytest.raises(TargetError, match="could not be asked"):
        autoscaling.require_autoscaler_of_choice(SERVICE, "census")


@pytest.mark.parametrize("owners", [(), ("kube-controller-manager",), ("seatrial", "seatrial-scale")])
def test_a_number_that_somebody_else_owns_is_left_alone(
    owners: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl = Kubectl(monkeypatch, deployment=owned_by(*owners))
    autoscaling.hand_over_replicas(SCALED, "census")
    autoscaling.hand_over_replicas(SERVICE, "census")
    assert kubectl.sent == []


def test_an_autoscaler_that_is_still_there_is_named_before_replicas_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    Kubectl(monkeypatch, hpa="horizontalpodautoscaler.autoscaling/census")
    with pytest.raises(Refused, match="would change replicas = 2") as refused:
        autoscaling.require_autoscaler_of_choice(SERVICE, "census")
    assert "delete hpa/census" in str(refused.value.hint)
    autoscaling.require_autoscaler_of_choice(SCALED, "census")


@pytest.mark.parametrize(
    ("words", "measured"),
    [
        ("Error from server (NotFound): the server could not find the requested resource", False),
        ("Error from server (ServiceUnavailable): the server is currently unable to handle the request", False),
        ("The connection to the server was refused", True),  # the dry run tells that
    ],
)
def test_a_cluster_that_measures_nothing_is_named(words: str, measured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    Kubectl(monkeypatch, failures=[words])
    autoscaling.require_metrics(SERVICE)
    if measured:
        autoscaling.require_metrics(SCALED)
    else:
        with pytest.raises(Refused, match="does not measure what its pods use"):
            autoscaling.require_metrics(SCALED)
