"""A real one-node cluster, with an object store and a catalog that its pods reach, and an image of steps on its node.

The cluster is the one that runs already, or it is started and ended here.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from seatrial.releases.keys import new_key
from seatrial.stores.settings import StoreSettings
from tests.cluster.once import once
from tests.cluster.steps_image import built_image, cluster_program, load_into_node
from tests.servers import minio_server, postgres_server

TEST_TIMEOUT_S = 1200.0  # a step in a pod takes four seconds on idle cores; the first test waits for the image
NODE = "10.99.0.1"  # the node's address: what listens there is reached from pods
PODS = ("10.244.0.0/16", "10.99.0.0/16")
STARTUP_S = 300
SHARED_VARIABLE = "SEATRIAL_TEST_CLUSTER_SHARED"
STARTED = "started"  # the file that says that the node is ours to end
_shared = pytest.StashKey[Path]()
IMAGE_VARIABLE = "SEATRIAL_TEST_STEPS_IMAGE"
STORE_SECRET, SIGNING_SECRET = "seatrial-store", "seatrial-signing"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.cluster)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


def pytest_configure(config: pytest.Config) -> None:
    """The folder by which all processes of the session share one node and one image."""
    if SHARED_VARIABLE not in os.environ:
        config.stash[_shared] = Path(tempfile.mkdtemp(prefix="seatrial-cluster-"))
        os.environ[SHARED_VARIABLE] = str(config.stash[_shared])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the node where a process of this session started it: here none of them runs any more."""
    if (folder := config.stash.get(_shared, None)) is None:
        return
    del os.environ[SHARED_VARIABLE]
    if (folder / STARTED).exists():
        subprocess.run([cluster_program(), "down"], check=True, capture_output=True, timeout=STARTUP_S)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder in which what is made once lies."""
    return Path(os.environ[SHARED_VARIABLE])


@pytest.fixture(scope="session")
def kubeconfig(shared: Path) -> Iterator[Path]:
    """The cluster's kubeconfig; KUBECONFIG, and PATH with its kubectl, are set while the tests run."""
    state = Path(os.environ.get("CLUSTER_STATE", "/tmp/one-node-cluster"))
    once(shared, "node", lambda: _start_node(shared))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KUBECONFIG", str(state / "admin.kubeconfig"))
        patched.setenv("PATH", str(state / "bin"), prepend=os.pathsep)
        yield state / "admin.kubeconfig"


def _start_node(shared: Path) -> str:
    """The address of the node that runs, or of one that is started now."""
    cluster = cluster_program()
    if _has_address(NODE):
        return NODE
    try:
        subprocess.run([cluster, "up"], capture_output=True, text=True, timeout=STARTUP_S, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        subprocess.run([cluster, "down"], capture_output=True, timeout=STARTUP_S, check=False)
        pytest.skip(f"the node does not start on this machine: {str(error.stderr or error).strip()[-300:]}")
    (shared / STARTED).touch()
    return NODE


def _has_address(address: str) -> bool:
    """Whether it is one of this machine's: the node has brought its bridge along."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


@pytest.fixture(scope="session")
def steps_image(kubeconfig: Path, shared: Path) -> str:
    """An image of steps, by the digest that the node knows it by: the one that a variable names, or a new one."""
    del kubeconfig
    return os.environ.get(IMAGE_VARIABLE) or once(shared, "loaded", lambda: load_into_node(built_image(shared)))


@pytest.fixture(scope="session")
def node_store(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """An object store that pods reach."""
    del kubeconfig  # the address is there with the node
    with minio_server(tmp_path_factory.mktemp("minio"), address=NODE) as settings:
        yield settings


@pytest.fixture(scope="session")
def node_catalog(kubeconfig: Path) -> Iterator[str]:
    """The URI of a catalog that pods reach."""
    del kubeconfig
    with postgres_server(address=NODE, networks=PODS) as uri:
        connection = psycopg2.connect(f"{uri}/postgres")
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE catalog")
        connection.close()
        yield f"{uri}/catalog"


@dataclass(frozen=True, slots=True)
class Team:
    """A namespace under the restricted standard, with the Secrets of a team, and the profile that runs there."""

    namespace: str
    profile: str  # [profile.prod], with the settings of every step
    home: Path


@pytest.fixture
def team(node_store: StoreSettings, node_catalog: str, steps_image: str, tmp_path: Path) -> Iterator[Team]:
    with new_team(node_store, node_catalog, steps_image, tmp_path / "home") as team:
        yield team


@contextmanager
def new_team(store: StoreSettings, catalog: str, image: str, home: Path) -> Iterator[Team]:
    """A team of its own, whose keys lie at `home`; this process' environment is theirs meanwhile."""
    assert store.credentials is not None
    namespace = f"team-{uuid.uuid4().hex[:8]}"
    variables = {
        "AWS_ACCESS_KEY_ID": store.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": store.credentials.secret_key,
        "CATALOG_URI": catalog,
    }
    key = new_key(home, "release")
    kubectl("create", "namespace", namespace)
    restricted = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn", "audit")]
    kubectl("label", "namespace", namespace, *restricted)
    literals = [f"--from-literal={name}={value}" for name, value in variables.items()]
    kubectl("--namespace", namespace, "create", "secret", "generic", STORE_SECRET, *literals)
    kubectl("--namespace", namespace, "create", "secret", "generic", SIGNING_SECRET, f"--from-file={key.path}")
    profile = f"""\
[profile.prod]
store = {{ url = "s3://lake/{namespace}", endpoint = "{store.endpoint}", credentials = "env" }}
catalog = "env:CATALOG_URI"
image = "{image}"

[profile.prod.cluster]
context = "one-node"
namespace = "{namespace}"
secret = "{STORE_SECRET}"
signing_secret = "{SIGNING_SECRET}"
"""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {**variables, "SEATRIAL_HOME": str(home)}.items():
            patched.setenv(name, value)
        yield Team(namespace, profile, home)
    kubectl("delete", "namespace", namespace, "--wait=false")


def kubectl(*arguments: str) -> str:
    """What kubectl prints; its own words where it fails."""
    done = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects_in(namespace: str, kinds: Sequence[str] = ("jobs", "pods", "services", "configmaps")) -> list[str]:
    """The names of what is there, but for what every namespace has."""
    listed = json.loads(kubectl("--namespace", namespace, "get", ",".join(kinds), "--output=json"))
    names = [f"{one['kind']}/{one['metadata']['name']}" for one in listed["items"]]
    return [name for name in names if name != "ConfigMap/kube-root-ca.crt"]
