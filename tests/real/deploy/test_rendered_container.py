"""What a pod is told to run, run here: the rendered command and configuration serve the release from its store."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml

from seatrial.cluster.restricted_pod import SCRATCH_FOLDER
from seatrial.deploy import find_target, workload
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.deploy_sample import SERVICE, loadable_package, make_home, put_release

END_TIMEOUT_S = 60
BODY = {
    "inputs": [
        {"name": "age", "datatype": "FP64", "shape": [1], "data": [39]},
        {"name": "sex", "datatype": "BYTES", "shape": [1], "data": ["Male"]},
    ]
}


@dataclasses.dataclass(frozen=True)
class Container:
    """The rendered container, its volumes as folders of this machine."""

    command: list[str]
    environment: dict[str, str]
    configuration: Path


@pytest.fixture
def service(seaweed_store: StoreSettings, tmp_path: Path) -> ServiceSettings:
    """The service of a release in a real store."""
    release = put_release(open_objects(seaweed_store), make_home(tmp_path / "home"), package=loadable_package())
    return dataclasses.replace(
        SERVICE,
        version=release.version,
        release_digest=sha256(to_json(release)),
        model_digest=release.model,
        verdict="pass",
        waived_until=None,
        store_url=seaweed_store.url,
        endpoint=seaweed_store.endpoint,
        trust=(tmp_path / "home" / "trust.toml").read_text(),
    )


def container(to: Any, service: ServiceSettings, store: StoreSettings, folder: Path) -> Container:
    """What the target would start: by arguments on a cluster, by variables alone in Azure ML."""
    assert store.credentials is not None
    secret = {"AWS_ACCESS_KEY_ID": store.credentials.access_key, "AWS_SECRET_ACCESS_KEY": store.credentials.secret_key}
    rendered = find_target(to).render_service(service)
    documents = {one.path: yaml.safe_load(one.text) for one in rendered if one.path.endswith(".yaml")}
    if to == "kubectl":
        files = documents["configmap.yaml"]["data"]
        (one,) = documents["deployment.yaml"]["spec"]["template"]["spec"]["containers"]
        arguments, mounted = one["args"], workload.CONFIGURATION_FOLDER
        variables = {given["name"]: given.get("value", "") for given in one["env"]}
        arguments[arguments.index("--port") + 1] = "0"
    else:
        files = {Path(one.path).name: one.text for one in rendered if one.path.startswith("configuration/")}
        variables = documents["deployment.yaml"]["environment_variables"]
        arguments, mounted = ["serve"], variables["SEATRIAL_HOME"]
        variables["SEATRIAL_SERVE_PORT"] = "0"
    here = {mounted: str(folder / "configuration"), SCRATCH_FOLDER: str(folder / "scratch")}
    for path in here.values():
        Path(path).mkdir()
    for name, text in files.items():
        (folder / "configuration" / name).write_text(text)

    def moved(text: str) -> str:
        text = re.sub(rf"^({'|'.join(here)})(?=/|$)", lambda found: here[found[1]], text)
        return "127.0.0.1" if text == "0.0.0.0" else text

    start = [sys.executable, "-c", "from seatrial.cli import main; main()"]
    environment = {"PATH": os.environ["PATH"], **{key: moved(value) for key, value in variables.items()}, **secret}
    return Container([*start, *map(moved, arguments)], environment, folder / "configuration")


@contextmanager
def running(subject: Container) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        subject.command, env=subject.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=END_TIMEOUT_S)


@pytest.mark.parametrize("to", ["kubectl", "azureml"])
def test_the_rendered_container_serves_its_release_and_writes_nothing_into_its_configuration(
    to: str, service: ServiceSettings, seaweed_store: StoreSettings, tmp_path: Path
) -> None:
    subject = container(to, service, seaweed_store, tmp_path)
    with running(subject) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"Serving census@1 at (\S+)\n", line)
        assert found is not None, line + (process.stderr.read() if process.stderr else "")
        for path in (workload.LIVE, workload.READY):
            assert httpx.get(f"{found[1]}{path}").status_code == 200
        answer = httpx.post(f"{found[1]}/v2/models/census/infer", json=BODY)
    assert answer.status_code == 200, answer.text
    assert sorted(path.name for path in subject.configuration.iterdir()) == ["seatrial.toml", "trust.toml"]


@pytest.mark.parametrize("to", ["kubectl", "azureml"])
def test_the_rendered_container_keeps_samples_and_reports_as_its_settings_say(
    to: str, service: ServiceSettings, seaweed_store: StoreSettings, tmp_path: Path
) -> None:
    bucket = seaweed_store.url.removeprefix("s3://").partition("/")[0]
    samples = f"s3://{bucket}/samples-{to}"
    sampled = dataclasses.replace(service, sample=1.0, sample_without=("sex",), samples=samples, guard=True)
    with running(container(to, sampled, seaweed_store, tmp_path)) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = line.removeprefix("Serving census@1 at ").strip()
        assert address, process.stderr.read() if process.stderr else ""
        asked = httpx.post(f"{address}/predict", json=[{"age": 39, "sex": "?"}], headers={"Seatrial-Guard": "true"})
        assert '"column": "sex", "value": "?"' in asked.headers["seatrial-guard"]
        process.terminate()
        process.communicate(timeout=END_TIMEOUT_S)
    objects = open_objects(dataclasses.replace(seaweed_store, url=f"s3://{bucket}"))
    (kept_file,) = objects.list(f"samples-{to}/census/1/")
    kept = pyarrow.parquet.read_table(pa.BufferReader(objects.get(kept_file.key).data)).to_pylist()
    assert [(row["age"], row["release"], "sex" in row) for row in kept] == [
        (39.0, f"sha256:{service.release_digest}", False)
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [({"release_digest": "0" * 64}, "digest"), ({"trust": ""}, "does not verify")],
)
def test_another_release_or_another_trust_than_was_rendered_does_not_start(
    service: ServiceSettings, seaweed_store: StoreSettings, tmp_path: Path, change: dict[str, str], words: str
) -> None:
    other = dataclasses.replace(service, **change)  # type: ignore[arg-type]  # each change has its key's type
    with running(container("kubectl", other, seaweed_store, tmp_path)) as process:
        _, err = process.communicate(timeout=END_TIMEOUT_S)
    assert process.returncode == 1
    assert words in err
