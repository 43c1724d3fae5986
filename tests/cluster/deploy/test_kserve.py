"""A service on KServe's real controller: rolled out and followed, refused in its pods' words, updated, rolled back."""

from __future__ import annotations

import httpx
import pytest

from seatrial.cluster.services import Services
from seatrial.deploy import rollout
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.releases.source import release_key
from seatrial.stores.objects import Objects
from tests.cluster.conftest import Team, kubectl
from tests.cluster.deploy.conftest import ROWS, Fleet, address, asked_all_the_time, digest, with_predictions

pytestmark = pytest.mark.usefixtures("kserve")
PREDICTOR = "census-predictor"  # what KServe calls the Service and the Deployment of the InferenceService census


def require_ready(team: Team) -> None:
    """Fails unless KServe itself says that the InferenceService is ready."""
    kubectl("--namespace", team.namespace, "wait", "--for=condition=Ready", "inferenceservice/census", "--timeout=20s")


def test_an_inference_service_is_rolled_out_updated_under_load_and_rolled_back(fleet: Fleet, team: Team) -> None:
    first = fleet.release()
    done = fleet.deploy("--apply", to="kubeflow")
    assert done.returncode == 0, done.stderr
    assert fleet.running() == [("census@1", digest(first), 1, 1)]
    require_ready(team)
    assert fleet.deploy("--diff", to="kubeflow").stdout == "Nothing: the cluster has census@1 as it is.\n"
    answered = httpx.post(address(team, PREDICTOR), json=ROWS, timeout=10).json()
    assert with_predictions(answered) == fleet.predict(first)

    second = fleet.release(accuracy=0.9)
    with asked_all_the_time(address(team, PREDICTOR)) as lost:
        done = fleet.deploy("census@2", "--apply", to="kubeflow")
        assert done.returncode == 0, done.stderr
        assert fleet.running() == [("census@2", digest(second), 1, 1)]
        done = fleet.deploy("--rollback", to="kubeflow")
        assert done.returncode == 0, done.stderr
        assert fleet.running() == [("census@1", digest(first), 1, 1)]
        fleet.write(replicas=2)  # of the same settings: no pod is made anew
        done = fleet.deploy("census@1", "--apply", to="kubeflow")
        assert done.returncode == 0, done.stderr
        assert fleet.running() == [("census@1", digest(first), 2, 2)]
    assert lost == []
    require_ready(team)
    assert f"{PREDICTOR:20}  kubeflow  census@1" in fleet.call("deployments", "--profile", "prod").stdout


def test_a_rollout_that_fails_while_kserve_says_ready_is_told_in_its_pods_words(
    fleet: Fleet, team: Team, there: Objects, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rollout, "PATIENCE_S", 3.0)
    first = fleet.release()
    done = fleet.deploy("--apply", to="kubeflow")
    assert done.returncode == 0, done.stderr
    fleet.release(accuracy=0.9)

    def words_of_a_failed_rollout() -> str:
        words = fleet.words_of_a_failed_rollout("census@2", capsys, to="kubeflow")
        assert fleet.running()[-1] == ("census@1", digest(first), 1, 1)
        require_ready(team)
        assert httpx.post(address(team, PREDICTOR), json=ROWS, timeout=10).status_code == 200
        return words

    fleet.write(image=f"localhost/nowhere@sha256:{'0' * 64}")
    assert "localhost/nowhere" in words_of_a_failed_rollout()
    fleet.write(cpu="90")
    with monkeypatch.context() as hurried:
        hurried.setattr(rollout, "STANDSTILL_S", 5.0)
        assert "Insufficient cpu" in words_of_a_failed_rollout()
    fleet.write()
    require_secret = rollout.require_secret

    def tamper_after_verification(service: ServiceSettings, services: Services) -> None:
        there.put(release_key("census", 2, "model/model.onnx"), b"another model")
        require_secret(service, services)

    monkeypatch.setattr("seatrial.deploy.roll_out.require_secret", tamper_after_verification)
    assert "does not verify" in words_of_a_failed_rollout()
    done = fleet.deploy("--rollback", to="kubeflow")
    assert done.returncode == 0, done.stderr
    assert fleet.running() == [("census@1", digest(first), 1, 1)]
