"""A service on a real node: rolled out and followed, refused in its pods' words, updated under load, rolled back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from seatrial.cli import main
from seatrial.cluster.services import Services
from seatrial.deploy import rollout
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.releases.keys import SigningKey
from seatrial.releases.release import Release
from seatrial.releases.source import release_key
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.cluster.conftest import Team, kubectl
from tests.deploy_sample import loadable_package, make_home, put_release

ROWS: list[dict[str, object]] = [
    {"age": 39, "sex": "Male"},
    {"age": None, "sex": "Female"},
    {"age": 17.5, "sex": "Male"},
]
SERVICE = 'service = {{ namespace = "{namespace}", replicas = {replicas}, cpu = "{cpu}", memory = "{memory}" }}\n'


class Fleet:
    """A project with releases in a folder of this machine, and a profile of a cluster."""

    def __init__(self, folder: Path, team: Team, keys: dict[str, SigningKey]) -> None:
        self.folder, self._team, self._keys = folder, team, keys
        self.local = open_objects(StoreSettings(url=(folder / "store").as_uri()))
        self.write()

    def write(self, *, replicas: int = 1, cpu: str = "400m", memory: str = "512Mi", image: str | None = None) -> None:
        """The project file, with these settings of the service."""
        profile = self._team.profile if image is None else self._with_image(image)
        service = SERVICE.format(namespace=self._team.namespace, replicas=replicas, cpu=cpu, memory=memory)
        store = f'[profile.local]\nstore = {{ url = "{(self.folder / "store").as_uri()}" }}\n\n'
        head, _, tail = profile.partition("\n[profile.prod.cluster]")
        text = f'[project]\nname = "census"\n\n{store}{head}\n{service}\n[profile.prod.cluster]{tail}'
        (self.folder / "seatrial.toml").write_text(text)

    def release(self, accuracy: float = 0.85) -> Release:
        """One more version in the folder, published to the cluster's store."""
        release = put_release(self.local, self._keys, accuracy, package=loadable_package())
        assert self.call("publish", release.title, "--profile", "prod").returncode == 0
        return release

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "seatrial", *arguments, "--directory", str(self.folder)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.call("deploy", *arguments, "--to", "kubectl", "--profile", "prod")

    def running(self) -> list[tuple[str, str, int, int]]:
        """Release, digest, pods that are ready, and pods, of all that the cluster serves."""
        listed = json.loads(self.call("deployments", "--profile", "prod", "--json").stdout)["deployments"]
        return [(each["release"], each["digest"], each["ready"], each["pods"]) for each in listed]

    def _with_image(self, image: str) -> str:
        lines = self._team.profile.splitlines(keepends=True)
        return "".join(f'image = "{image}"\n' if line.startswith("image = ") else line for line in lines)


@pytest.fixture
def fleet(team: Team, tmp_path: Path) -> Fleet:
    folder = tmp_path / "project"
    folder.mkdir()
    keys = make_home(tmp_path / "keys")
    (team.home / "trust.toml").write_text((tmp_path / "keys" / "trust.toml").read_text())
    return Fleet(folder, team, keys)


@pytest.fixture
def there(team: Team, node_store: StoreSettings) -> Objects:
    """The cluster's store."""
    return open_objects(StoreSettings(f"s3://lake/{team.namespace}", node_store.endpoint, node_store.credentials))


def digest(release: Release) -> str:
    return sha256(to_json(release))


def address(team: Team) -> str:
    ip = kubectl("--namespace", team.namespace, "get", "service", "census", "--output=jsonpath={.spec.clusterIP}")
    return f"http://{ip}/predict"


@contextmanager
def asked_all_the_time(url: str) -> Iterator[list[str]]:
    """Clients that keep their connections ask until the block ends; the list has what was not answered as it should."""
    lost: list[str] = []
    over = threading.Event()
    expected = httpx.post(url, json=ROWS, timeout=10).text

    def ask() -> None:
        with httpx.Client(timeout=10) as client:
            while not over.is_set():
                try:
                    answer = client.post(url, json=ROWS)
                except httpx.HTTPError as error:
                    lost.append(repr(error))
                    continue
                if answer.status_code != 200 or answer.text != expected:
                    lost.append(f"{answer.status_code} {answer.text[:200]}")
                time.sleep(0.02)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        yield lost
    finally:
        over.set()
        for client in clients:
            client.join()


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
    asked, told = fleet.folder / "rows.jsonl", fleet.folder / "answers.jsonl"
    asked.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    done = fleet.call("predict", "census@1", str(asked), "--output", str(told), "--profile", "prod")
    assert done.returncode == 0, done.stderr
    predicted = [json.loads(line) for line in told.read_text().splitlines()]
    answered = httpx.post(address(team), json=ROWS, timeout=10).json()
    assert [row | answer for row, answer in zip(ROWS, answered, strict=True)] == predicted

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
        command = ["deploy", "census@2", "--to", "kubectl", "--profile", "prod", "--apply"]
        with pytest.raises(SystemExit) as ended:
            main([*command, "--directory", str(fleet.folder)])
        printed = capsys.readouterr().err
        assert ended.value.code == 1, printed
        assert fleet.running()[-1] == ("census@1", digest(first), 1, 1)
        assert httpx.post(address(team), json=ROWS, timeout=10).status_code == 200
        assert os.environ["AWS_SECRET_ACCESS_KEY"] not in printed
        return printed.partition("census@2 does not come up: ")[2]

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
