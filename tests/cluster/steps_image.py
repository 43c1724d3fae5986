"""An image of steps for the tests' node, built by `seatrial images` on a Debian that debootstrap makes.

As a program, `python -m tests.cluster.steps_image FOLDER`, it builds the image ahead of the tests that need it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster.once import once
from tests.real.small_project import SmallProject

BASE = "localhost/seatrial-tests-debian:12"
NODE_SOCKET = "/run/one-node-cluster/containerd.sock"  # the cluster script's own
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")  # this machine may trust one more than the base does
BUILD_S = 900
BUILD_VARIABLE = "SEATRIAL_TEST_STEPS_BUILD"  # the folder of a build that began before the tests
NEEDED = ("podman", "debootstrap", "ctr")


def cluster_program() -> Path:
    """The program that starts a cluster; skips where there is none."""
    cluster = os.environ.get("SEATRIAL_TEST_CLUSTER") or shutil.which("cluster")
    if cluster is None or not Path(cluster).is_file():
        pytest.skip("no cluster to run on: set SEATRIAL_TEST_CLUSTER to the script that starts one")
    if shutil.which("containerd") is None:
        pytest.skip("no containerd for a node: `cluster install` installs it")
    return Path(cluster)


def built_image(shared: Path) -> str:
    """The image's tag in the builder's storage: of this session, or of a build that began before it.

    Six minutes on two idle cores, so that `scripts/test` begins it while other tiers run.
    """
    return once(Path(os.environ.get(BUILD_VARIABLE) or shared), "built", _build)


def load_into_node(tag: str) -> str:
    """Copies the image into the node, and returns its name by the digest that the node knows."""
    cluster = cluster_program()
    environment = _environment(cluster)
    subprocess.run([cluster, "load", tag], env=environment, check=True, capture_output=True, timeout=BUILD_S)
    ctr = ["ctr", "--address", NODE_SOCKET, "--namespace", "k8s.io", "images"]
    listed = subprocess.run([*ctr, "list"], check=True, capture_output=True, text=True, timeout=60).stdout
    digest = next(line.split()[2] for line in listed.splitlines() if line.startswith(f"{tag} "))
    name = f"{tag.rpartition(':')[0]}@{digest}"
    subprocess.run([*ctr, "tag", "--force", tag, name], check=True, capture_output=True, timeout=60)
    return name


def _build() -> str:
    cluster = cluster_program()
    with tempfile.TemporaryDirectory(prefix="seatrial-image-") as folder:
        return _build_in(Path(folder), cluster)


def _environment(cluster: Path) -> dict[str, str]:
    return {**os.environ, "CONTAINERS_CONF": str(cluster.parent / "containers.conf")}


def _build_in(folder: Path, cluster: Path) -> str:
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"no image of steps: it takes {', '.join(NEEDED)} and root to build one")
    environment = _environment(cluster)
    if subprocess.run(["podman", "image", "exists", BASE], env=environment, check=False).returncode != 0:
        try:
            _make_base(folder / "root", environment)
        except subprocess.SubprocessError as error:  # no mirror, or no right to make one
            pytest.skip(f"no base for an image of steps can be made on this machine: {error}")
    project = SmallProject(folder)
    with (project.folder / "seatrial.toml").open("a") as file:
        file.write('\n[profile.prod]\nstore = { url = "s3://lake/small" }\ncatalog = "env:CATALOG_URI"\n')
        file.write('cluster = { driver_service_account = "seatrial-driver" }\n')
    with (project.folder / "pipeline.py").open("a") as file:  # for Java, PySpark and the jars
        file.write('\n\n@step(kind="spark")\ndef counted(spark):\n    return spark.range(3)\n')
    (folder / "pip.conf").write_text(f"[global]\ncert = /run/secrets/ca.pem\n{_index()}")
    secrets = {"pip.conf": folder / "pip.conf", "ca.pem": AUTHORITIES}
    command = [sys.executable, "-m", "seatrial", "images", "--build", "steps", "--base", BASE, "--builder", "podman"]
    command += ["--build-option=--network=host", "--json"]
    command += [f"--build-option=--secret=id={name},src={path}" for name, path in secrets.items()]
    done = subprocess.run(
        command, cwd=project.folder, env=environment, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    if "could not be built" in done.stderr:  # the builder's own failure: no index or mirror is reached from a build
        pytest.skip(f"no image can be built on this machine: {done.stderr.strip()[-600:]}")
    assert done.returncode == 0, done.stderr[-3000:]
    (image,) = json.loads(done.stdout)["images"]
    return str(image["name"])


def _make_base(root: Path, environment: dict[str, str]) -> None:
    subprocess.run(
        ["debootstrap", "--variant=minbase", "bookworm", str(root)], check=True, capture_output=True, timeout=BUILD_S
    )
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as archive:
        subprocess.run(
            ["podman", "import", "-", BASE], stdin=archive.stdout, env=environment, check=True, capture_output=True
        )


def _index() -> str:
    """The package index that this machine's pip is told of."""
    found = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    )
    index = os.environ.get("PIP_INDEX_URL") or found.stdout.strip()
    return f"index-url = {index}\n" if index else ""


if __name__ == "__main__":
    with suppress(pytest.skip.Exception):
        once(Path(sys.argv[1]), "built", _build)
