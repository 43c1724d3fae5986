"""Data that stays in another bucket: a step's files and the rows of `[data]`, as the profile reaches them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.real.small_project import LIMIT_S
from tests.real.spark.lake import need_java

PIPELINE = """
from seatrial import Files, step


@step(inputs={"raw": Files("s3://lake/others/raw/*.csv")})
def count(raw):
    return {"keys": list(raw.keys), "bytes": sum(len(raw.read(key)) for key in raw.keys)}


@step(inputs={"count": "count"})
def told(count):
    return count
"""


class Project:
    """A project whose own store is a folder; the bucket is reached with keys of its own."""

    def __init__(self, folder: Path, minio: StoreSettings) -> None:
        assert minio.credentials is not None
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment |= {
            "SEATRIAL_HOME": str(folder / "home"),
            "OTHER_KEY": minio.credentials.access_key,
            "OTHER_SECRET": minio.credentials.secret_key,
            # What the shell has belongs to somebody else.
            "AWS_ACCESS_KEY_ID": "strangers",
            "AWS_SECRET_ACCESS_KEY": "strangers",
            "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        }
        (folder / "pipeline.py").write_text(PIPELINE)
        (folder / "seatrial.toml").write_text(
            '[project]\nname = "others"\n[profile.here]\nstore = { url = "file:store" }\n'
            f'[profile.here.buckets.lake]\nendpoint = "{minio.endpoint}"\n'
            'credentials = { access_key = "env:OTHER_KEY", secret_key = "env:OTHER_SECRET" }\n'
        )

    def start(self) -> subprocess.CompletedProcess[str]:
        """`seatrial run --json`, however it ends."""
        return subprocess.run(
            [sys.executable, "-m", "seatrial", "run", "--profile", "here", "--json"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def run(self) -> dict[str, Any]:
        """The document of `seatrial run --json`."""
        done = self.start()
        assert done.returncode == 0, done.stdout + done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def states(self) -> dict[str, str]:
        """How each step ended."""
        return {step["name"]: step["state"] for step in self.run()["steps"]}


@pytest.fixture
def objects(minio: StoreSettings) -> Any:
    found = open_objects(StoreSettings("s3://lake/others", minio.endpoint, minio.credentials))
    for name in ("a", "b"):
        found.put(f"raw/{name}.csv", f"x\n{name}\n".encode())
    return found


def test_files_of_another_bucket_are_read_and_pinned_where_they_are(
    tmp_path: Path, minio: StoreSettings, objects: Any
) -> None:
    project = Project(tmp_path, minio)
    assert project.states() == {"count": "ran", "told": "ran"}
    assert project.states() == {"count": "cached", "told": "cached"}
    objects.put("raw/b.csv", b"x\nmore\n")
    assert project.states()["count"] == "ran"


def test_rows_of_data_are_reached_as_the_profile_says(
    tmp_path: Path, minio: StoreSettings, objects: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.pipeline.jobs.pinned_inputs import opened_rows, pin_rows
    from seatrial.pipeline.workspace import open_workspace

    project = Project(tmp_path, minio)
    for name, value in project.environment.items():
        if name.startswith(("AWS_", "OTHER_")):
            monkeypatch.setenv(name, value)
    with open_workspace(tmp_path, "here") as workspace:
        pinned = pin_rows("s3://lake/others/raw/*.csv", workspace)
        assert set(pinned.files) == {"a.csv", "b.csv"}
        with opened_rows(pinned, workspace) as rows:
            assert [row for table in rows.tables() for row in table.column("x").to_pylist()] == ["a", "b"]


SPARK_PIPELINE = """
from seatrial import Files, step


@step(kind="spark", inputs={"raw": Files("s3://lake/private/raw/*.csv")})
def rows(spark, raw):
    return spark.read.csv(list(raw.urls), header=True)


@step(inputs={"rows": "rows"})
def told(rows):
    return sorted(rows.to_pandas()["x"])
"""


def test_spark_reads_a_bucket_behind_a_private_authority_beside_its_own_store(
    tmp_path: Path, tls_minio: StoreSettings
) -> None:
    need_java()
    assert tls_minio.ca is not None
    private = open_objects(replace(tls_minio, url="s3://lake/private"))
    for name in ("a", "b"):
        private.put(f"raw/{name}.csv", f"x\n{name}\n".encode())
    project = Project(tmp_path, tls_minio)
    (tmp_path / "pipeline.py").write_text(SPARK_PIPELINE)
    text = (tmp_path / "seatrial.toml").read_text().replace("store = { url", "#store = { url")  # the embedded one
    (tmp_path / "seatrial.toml").write_text(text)
    refused = project.start()
    assert refused.returncode == 1
    assert "certificate" in refused.stdout
    (tmp_path / "seatrial.toml").write_text(f'{text}ca = "file:{tls_minio.ca}"\n')
    assert project.states() == {"rows": "ran", "told": "ran"}
    assert project.states() == {"rows": "cached", "told": "cached"}
    private.put("raw/b.csv", b"x\nmore\n")
    assert project.states() == {"rows": "ran", "told": "ran"}
