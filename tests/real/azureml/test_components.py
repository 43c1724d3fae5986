"""The components of a pipeline job, run by bash one after the other as Azure would: together they make a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from seatrial.stores.settings import StoreSettings
from tests.servers import minio_server

ELSEWHERE = "127.0.0.2"  # this machine too, and no address that a profile for other machines refuses
PIPELINE = """\
from seatrial import step


@step()
def first():
    return {"number": 1}


@step(inputs={"first": "first"}, retries=1)
def second(first, *, more: int = 1):
    return {"number": first["number"] + more}
"""
PROFILE = """\
[project]
name = "ships"

[profile.azure]
store   = {{ url = "{store.url}/ships", endpoint = "{store.endpoint}", credentials = "env" }}
catalog = "env:CATALOG"
image   = "registry.example/steps@sha256:{digest}"
azureml = {{ compute = "cpu-cluster", key_vault = "https://lake-keys.vault.azure.net" }}
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreSettings]:
    (tmp_path / "minio").mkdir()
    with minio_server(tmp_path / "minio", address=ELSEWHERE) as settings:
        yield settings


def test_the_components_make_a_run_whose_steps_are_cached_everywhere(tmp_path: Path, store: StoreSettings) -> None:
    project, documents = tmp_path / "project", tmp_path / "documents"
    project.mkdir()
    (project / "pipeline.py").write_text(PIPELINE)
    (project / "seatrial.toml").write_text(PROFILE.format(store=store, digest="0" * 64))
    assert store.credentials is not None
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": store.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": store.credentials.secret_key,
        "CATALOG": "postgresql://catalog.example/tables",  # nobody asks it: no step has a table
    }

    def seatrial(*words: str) -> str:
        options = ["--profile", "azure", "--directory", str(project), "--set", "second.more=3"]
        command = ["seatrial", *words, *options]
        ended = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    seatrial("run", "--on", "azureml", "--output", str(documents))
    jobs = yaml.safe_load((documents / "pipeline.yaml").read_text())["jobs"]
    for name, job in jobs.items():
        assert all((tmp_path / step.removeprefix("after_")).is_file() for step in job.get("inputs", {}))
        component = yaml.safe_load((documents / job["component"]).read_text())
        # What the vault would have given is in the environment already.
        told = {key: value for key, value in job["environment_variables"].items() if "VAULT" not in key}
        own = {"HOME": str(tmp_path / f"home-{name}"), "SEATRIAL_STATE": str(tmp_path / f"state-{name}")}
        line = component["command"].replace("${{outputs.done}}", str(tmp_path / name))
        ended = subprocess.run(
            ["/bin/bash", "-c", line],
            env={**environment, **told, **own, "SEATRIAL_HOME": str(tmp_path / "keys")},
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
    steps = json.loads(seatrial("plan", "--json"))["steps"]
    assert [(step["name"], step["state"]) for step in steps] == [("first", "cached"), ("second", "cached")]
