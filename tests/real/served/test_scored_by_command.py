"""`seatrial predict RELEASE TABLE --into TABLE`, as somebody types it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seatrial.pipeline.workspace import open_workspace
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import StoreSettings
from tests.real.spark.lake import need_java

from .conftest import Sea, rows, sea_over

LIMIT_S = 600


def predict(sea: Sea, release: str, source: str, target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        sea.command("predict", release, source, "--into", target),
        env=sea.environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_a_table_is_scored_by_a_release_that_passed_alone(
    minio_store: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_java()
    (tmp_path / "project").mkdir()
    assert minio_store.credentials is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", minio_store.credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", minio_store.credentials.secret_key)
    choice = f'{{ url = "{minio_store.url}", endpoint = "{minio_store.endpoint}", credentials = "env" }}'
    sea = sea_over(minio_store, choice, tmp_path / "project", tmp_path / "home")
    table = rows(200, 3)
    with open_workspace(sea.directory) as workspace, open_catalog(workspace.catalog, namespace="census") as catalog:
        catalog.create_table("census.people", schema=table.schema).append(table)

        failed = predict(sea, "census@2", "people", "scored")
        assert (failed.returncode, failed.stdout) == (1, "")
        assert "census@2: the release's verdict is fail" in failed.stderr

        done = predict(sea, "census@1", "people", "scored")
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines()[-1] == "part 1 of 1"
        assert done.stdout.splitlines()[0].startswith("200 rows answered: scored at snapshot ")
        assert done.stdout.splitlines()[1].startswith("Next: seatrial serve census@1")
        scored = catalog.load_table("census.scored")
        assert scored.properties["seatrial.release"] == "census@1"
        assert scored.scan().to_arrow()["predicted"].to_pylist() == list(sea.predictor.predict(table).labels)

        missing = predict(sea, "census@1", "nobody", "scored")
        assert missing.returncode == 2
        assert "census.nobody: the catalog does not have this table" in missing.stderr
