"""Releases of a project, deployed to the cluster as a user does it, and clients that ask what serves them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from seatrial.cli import main
from seatrial.releases.keys import SigningKey
from seatrial.releases.release import Release
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.cluster.conftest import Team, kubectl
from tests.cluster.once import once
from tests.cluster.steps_image import cluster_program
from tests.deploy_sample import loadable_package, make_home, put_release

ROWS: list[dict[str, object]] = [
    {"age": 39, "sex": "Male"},
    {"age": None, "sex": "Female"},
    {"age": 17.5, "sex": "Male"},
]
KSERVE = "http://127.0.0.1:18081/readyz"
KSERVE_TRIES = 3  # what starts it waits for its kinds, and fails where nothing is said of them yet
SERVICE = 'service = {{ namespace = "{namespace}", {pods}, cpu = "{cpu}", memory = "{memory}" }}\n'


class Fleet:
    """A project with releases in a folder of this machine, and a profile of a cluster."""

    def __init__(self, folder: Path, team: Team, keys: dict[str, SigningKey]) -> None:
        self.folder, self._team, self._keys = folder, team, keys
        self.local = open_objects(StoreSettings(url=(folder / "store").as_uri()))
        self.write()

    def write(
        self,
        *,
        replicas: int = 1,
        cpu: str = "400m",
        memory: str = "512Mi",
        image: str | None = None,
        scale: str | None = None,
    ) -> None:
        """The project file, with these settings of the service."""
        pods = f"replicas = {replicas}" if scale is None else f"scale = {scale}"
        profile = self._team.profile if image is None else self._with_image(image)
        service = SERVICE.format(namespace=self._team.namespace, pods=pods, cpu=cpu, memory=memory)
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

    def deploy(self, *arguments: str, to: str = "kubectl") -> subprocess.CompletedProcess[str]:
        return self.call("deploy", *arguments, "--to", to, "--profile", "prod")

    def words_of_a_failed_rollout(
        self, release: str, capsys: pytest.CaptureFixture[str], *, to: str = "kubectl"
    ) -> str:
        """Why the release does not come up, told by this process, whose patience a test may shorten."""
        command = ["deploy", release, "--to", to, "--profile", "prod", "--apply", "--directory", str(self.folder)]
        with pytest.raises(SystemExit) as ended:
            main(command)
        printed = capsys.readouterr().err
        assert ended.value.code == 1, printed
        assert os.environ["AWS_SECRET_ACCESS_KEY"] not in printed
        return printed.partition(f"{release} does not come up: ")[2]

    def predict(self, release: Release) -> list[dict[str, object]]:
        """What `seatrial predict` says of `ROWS`."""
        rows, predicted = self.folder / "rows.jsonl", self.folder / "predictions.jsonl"
        rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        done = self.call("predict", release.title, str(rows), "--output", str(predicted), "--profile", "prod")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in predicted.read_text().splitlines()]

    def running(self) -> list[tuple[str, str, int, int]]:
        """Release, digest, pods that are ready, and pods, of all that the cluster serves."""
        listed = json.loads(self.call("deployments", "--profile", "prod", "--json").stdout)["deployments"]
        return [(each["release"], each["digest"], each["ready"], each["pods"]) for each in listed]

    def _with_image(self, image: str) -> str:
        lines = self._team.profile.splitlines(keepends=True)
        return "".join(f'image = "{image}"\n' if line.startswith("image = ") else line for line in lines)


@pytest.fixture(scope="session")
def kserve(kubeconfig: Path, shared: Path) -> None:
    """KServe's controller on the node: as it runs already, or started here; it ends with the node."""
    del kubeconfig
    once(shared, "kserve", _start_kserve)


def _start_kserve() -> str:
    with suppress(httpx.HTTPError):
        if httpx.get(KSERVE).is_success:
            return KSERVE
    cluster = cluster_program()
    if not (cluster.parent / "bin" / "kserve-manager.xz").is_file():
        pytest.skip("no KServe to run on: bin/kserve-manager.xz is not beside the script that starts a cluster")
    for _ in range(KSERVE_TRIES):
        done = subprocess.run([cluster, "kubeflow"], capture_output=True, text=True, timeout=300, check=False)
        if done.returncode == 0:
            return KSERVE
    raise AssertionError(done.stderr)


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


def address(team: Team, service: str = "census") -> str:
    """Where a Service of Kubernetes answers."""
    ip = kubectl("--namespace", team.namespace, "get", "service", service, "--output=jsonpath={.spec.clusterIP}")
    return f"http://{ip}/predict"


def with_predictions(answers: list[dict[str, object]]) -> list[dict[str, object]]:
    """`ROWS` with what a server answered to them, as `seatrial predict` writes them."""
    return [row | answer for row, answer in zip(ROWS, answers, strict=True)]


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
