"""A service on a real node: rolled out and followed, refused in its pods' words, updated under load, rolled back."""

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


def test_a_release_is_published_rolled_out_updated_under_load_and_rolled_back(
    fleet: Fleet, team: Team, there: Objects
) -> None:
    first = fleet.release()
    assert "+kind: Deployment" in fleet.deploy("--diff").stdout.splitlines()
    done = fleet.deploy("--apply")
    assert done.returncode == 0, done.stderr
    assert "0 of 1 pods are ready" in done.stderr
    assert fleet.running() == [("census@1", digest(first), 1, 1)]
    assert fleet.deploy("--diff").stdout == "Nothing: the cluster has census@1 as it is.\n"
    answered = httpx.post(address(team), json=ROWS, timeout=10).json()
    assert with_predictions(answered) == fleet.predict(first)

    second = fleet.release(accuracy=0.9)
    with asked_all_the_time(address(team)) as lost:
        done = fleet.deploy("census@2", "--apply")
        assert done.returncode == 0, done.stderr
        assert fleet.running() == [("census@2", digest(second), 1, 1)]
        assert "REVOKED" not in fleet.call("deployments", "--profile", "prod").stdout
        trust = team.home / "trust.toml"
        trust.write_text(f'revoked = ["{digest(second)}"]\n{trust.read_text()}')
        affected = fleet.call("deployments", "--profile", "prod", "--affected-by", f"sha256:{digest(second)}")
        assert "census@2" in affected.stdout
        assert "REVOKED" in affected.stdout
        done = fleet.deploy("--rollback")  # the newest does not verify any more
        assert done.returncode == 0, done.stderr
        assert fleet.running() == [("census@1", digest(first), 1, 1)]
    assert lost == []

    there.put(release_key("census", 2, "policy.json"), b"{}")
    done = fleet.deploy("--rollback")
    assert done.returncode == 1, done.stdout
    assert fleet.running() == [("census@1", digest(first), 1, 1)]


def test_a_rollout_that_does_not_come_up_says_why_and_the_last_version_serves_on(
    fleet: Fleet,
    there: Objects,
    team: Team,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollout, "PATIENCE_S", 3.0)
    first = fleet.release()
    done = fleet.deploy("--apply")
    assert done.returncode == 0, done.stderr
    fleet.release(accuracy=0.9)

    def words_of_a_failed_rollout() -> str:
        words = fleet.words_of_a_failed_rollout("census@2", capsys)
        assert fleet.running()[-1] == ("census@1", digest(first), 1, 1)
        assert httpx.post(address(team), json=ROWS, timeout=10).status_code == 200
        return words

    fleet.write(memory="24Mi")
    assert "it needed more memory than its limit of 24Mi" in words_of_a_failed_rollout()
    fleet.write(image=f"localhost/nowhere@sha256:{'0' * 64}")
    assert "localhost/nowhere" in words_of_a_failed_rollout()
    fleet.write(cpu="90")
    with monkeypatch.context() as hurried:
        hurried.setattr(rollout, "STANDSTILL_S", 5.0)
        assert "Insufficient cpu" in words_of_a_failed_rollout()
    fleet.write()
    kubectl("--namespace", team.namespace, "create", "quota", "small", "--hard=pods=1")
    assert "exceeded quota: small" in words_of_a_failed_rollout()

    fleet.write(memory="480Mi")
    send = rollout.require_secret

    def tamper_after_verification(service: ServiceSettings, services: Services) -> None:
        there.put(release_key("census", 2, "model/model.onnx"), b"another model")
        kubectl("--namespace", team.namespace, "delete", "quota", "small")
        send(service, services)

    monkeypatch.setattr("seatrial.deploy.roll_out.require_secret", tamper_after_verification)
    assert "does not verify" in words_of_a_failed_rollout()


def test_an_autoscaler_raises_a_new_deployment_and_the_next_release_keeps_its_number(fleet: Fleet) -> None:
    fleet.write(scale="{ min = 2, max = 3, cpu = 0.9 }", cpu="250m")  # three pods beside those of other tests
    first = fleet.release()
    done = fleet.deploy("--apply")
    assert done.returncode == 0, done.stderr
    assert fleet.running() == [("census@1", digest(first), 2, 2)]  # it had one until the autoscaler looked
    second = fleet.release(accuracy=0.9)
    done = fleet.deploy("census@2", "--apply")
    assert done.returncode == 0, done.stderr
    assert "of 2 pods are ready; the Deployment is scaled" not in done.stderr
    assert fleet.running() == [("census@2", digest(second), 2, 2)]
    fleet.write(replicas=1)
    assert "delete hpa/census" in fleet.deploy("census@2", "--apply").stderr


def test_a_secret_that_is_missing_or_lacks_a_key_is_named_before_anything_is_sent(fleet: Fleet, team: Team) -> None:
    fleet.release()
    place = ("--namespace", team.namespace)
    kubectl(*place, "delete", "secret", "seatrial-store")
    done = fleet.deploy("--apply")
    assert (done.returncode, "'seatrial-store' in the namespace" in done.stderr) == (1, True)
    kubectl(*place, "create", "secret", "generic", "seatrial-store", "--from-literal=AWS_ACCESS_KEY_ID=a")
    assert "lacks AWS_SECRET_ACCESS_KEY" in fleet.deploy("--apply").stderr
    assert kubectl(*place, "get", "deployments,services,configmaps", "--output=name").split() == [
        "configmap/kube-root-ca.crt"
    ]
    assert fleet.running() == []
