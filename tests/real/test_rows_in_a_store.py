"""Test data in an object store: pinned by what the store says of its objects, read with the usual variables."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.parquet
import pytest

from seatrial.errors import StepFailed
from seatrial.pipeline.jobs.pinned_inputs import opened_rows, pin_rows
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.workspace import STATE_VARIABLE, Workspace, open_project
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.real.finished_project import FinishedProject, ships

pytestmark = pytest.mark.real


def variables(store: StoreSettings) -> dict[str, str]:
    assert store.endpoint is not None
    assert store.credentials is not None
    return {
        "AWS_ENDPOINT_URL": store.endpoint,
        "AWS_ACCESS_KEY_ID": store.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": store.credentials.secret_key,
        "AWS_REGION": "us-east-1",
    }


def put(store: StoreSettings, key: str, *, seed: int) -> None:
    held = io.BytesIO()
    pyarrow.parquet.write_table(ships(500, seed=seed), held)
    open_objects(store).put(key, held.getvalue())


@pytest.fixture
def workspace(minio_store: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    for name, value in variables(minio_store).items():
        monkeypatch.setenv(name, value)
    with open_project(parse_project('[project]\nname = "ships"\n', tmp_path), "local") as opened:
        return opened


def test_objects_are_pinned_without_being_read_and_a_new_one_is_another_pin(
    minio_store: StoreSettings, workspace: Workspace
) -> None:
    put(minio_store, "rows/a.parquet", seed=1)
    place = f"{minio_store.url}/rows/"
    first = pin_rows(place, workspace)
    assert list(first.files) == ["a.parquet"]
    put(minio_store, "rows/a.parquet", seed=1)
    assert pin_rows(place, workspace) == first  # MinIO's ETag is of the content
    put(minio_store, "rows/a.parquet", seed=2)
    assert pin_rows(place, workspace).digest != first.digest
    with pytest.raises(StepFailed, match="changed"), opened_rows(first, workspace) as rows:
        assert rows.rows == 500


def test_a_project_is_begun_and_run_on_test_data_in_a_store(minio_store: StoreSettings, tmp_path: Path) -> None:
    put(minio_store, "rows/a.parquet", seed=1)
    put(minio_store, "rows/b.parquet", seed=2)
    project = FinishedProject(tmp_path)
    project.environment.update(variables(minio_store))
    done = project.init(test=f"{minio_store.url}/rows/")
    assert done.returncode == 0, done.stderr
    document = project.json("run")
    assert (document["verdict"], document["release"]) == ("pass", "ships@1")
    secret = minio_store.credentials.secret_key if minio_store.credentials else ""
    held = b"".join(path.read_bytes() for path in project.folder.rglob("*") if path.is_file())
    assert secret.encode() not in held
    assert urlsplit(minio_store.url).netloc in (project.folder / "seatrial.toml").read_text()
