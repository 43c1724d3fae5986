"""What `gc` removes, and what it must not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seatrial.errors import Corrupt
from seatrial.pipeline.garbage.collect import collect_garbage, find_garbage
from seatrial.pipeline.running.run_records import Schedule, schedule_key
from seatrial.pipeline.workspace import open_workspace
from seatrial.stores.artifacts import read_artifact, write_artifact
from seatrial.stores.documents import to_json

pytestmark = pytest.mark.simulation

PROJECT = '[project]\nname = "small"\n'
PIPELINE = """
from seatrial import step

@step()
def rows(*, many: int = 1):
    return {"many": many}
"""
DAY = timedelta(days=1)
KILLED = """
import os, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from seatrial.pipeline.garbage.collect import collect_garbage
from seatrial.pipeline.workspace import open_workspace
left = int(sys.argv[2])
def on_removed(name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)
with open_workspace(Path(sys.argv[1])) as workspace:
    collect_garbage(workspace, older_than=datetime.now(UTC) + timedelta(days=1), on_removed=on_removed)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "seatrial.toml").write_text(PROJECT)
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    run(tmp_path)
    return tmp_path


def run(project: Path, *options: str) -> None:
    subprocess.run([sys.executable, "-m", "seatrial", "run", *options], cwd=project, check=True, capture_output=True)


def forget_runs(project: Path) -> None:
    """As if somebody had removed the records of old runs."""
    for record in (project / ".seatrial" / "local" / "runs").iterdir():
        record.unlink()


def test_what_a_run_record_names_stays(project: Path) -> None:
    with open_workspace(project) as workspace:
        garbage = collect_garbage(workspace, older_than=datetime.now(UTC) + DAY)
        assert garbage.removed == ()
        assert len(list(workspace.objects.list("artifacts/"))) == 2


def test_what_no_run_names_goes_once_it_is_old_and_a_dry_run_removes_nothing(project: Path) -> None:
    forget_runs(project)
    with open_workspace(project) as workspace:
        assert find_garbage(workspace, older_than=datetime.now(UTC) - DAY).removed == ()
        shown = find_garbage(workspace, older_than=datetime.now(UTC) + DAY)
        assert {one.kind for one in shown.removed} == {"cache record", "artifact"}
        assert list(workspace.objects.list("cache/"))
        assert collect_garbage(workspace, older_than=datetime.now(UTC) + DAY) == shown
        assert shown.freed_bytes == shown.before_bytes > 0
        assert not [*workspace.objects.list("cache/"), *workspace.objects.list("artifacts/")]


def test_the_artifact_of_a_killed_write_goes(project: Path) -> None:
    with open_workspace(project) as workspace:
        digest = write_artifact(workspace.objects, {"model.bin": b"half"})
        workspace.objects.delete(f"artifacts/{digest}/manifest.json")
        removed = collect_garbage(workspace, older_than=datetime.now(UTC) + DAY).removed
    assert [(one.kind, one.name) for one in removed] == [("artifact", digest)]


def test_the_code_of_a_schedule_stays(project: Path) -> None:
    with open_workspace(project) as workspace:
        code = write_artifact(workspace.objects, {"pipeline.py": b"of a schedule"})
        workspace.objects.put(schedule_key("ships-prod"), to_json(Schedule(code)))
        collect_garbage(workspace, older_than=datetime.now(UTC) + DAY)
        assert read_artifact(workspace.objects, code)


def test_a_record_that_cannot_be_read_stops_it(project: Path) -> None:
    record = next((project / ".seatrial" / "local" / "runs").iterdir())
    record.write_text("{}")
    with open_workspace(project) as workspace, pytest.raises(Corrupt):
        collect_garbage(workspace, older_than=datetime.now(UTC) + DAY)


@pytest.mark.parametrize("removals", [2])
def test_a_killed_gc_leaves_nothing_half_visible(project: Path, removals: int) -> None:
    run(project, "--set", "rows.many=2")
    forget_runs(project)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(project), str(removals)], cwd=project, check=False)
    assert killed.returncode == -9
    with open_workspace(project) as workspace:
        listed = [info.key for info in workspace.objects.list("artifacts/")]
        for digest in {key.split("/")[1] for key in listed if key.endswith("/manifest.json")}:
            assert read_artifact(workspace.objects, digest)  # visible, so whole
    run(project)
    forget_runs(project)
    with open_workspace(project) as workspace:
        collect_garbage(workspace, older_than=datetime.now(UTC) + DAY)
        assert not [*workspace.objects.list("cache/"), *workspace.objects.list("artifacts/")]


def test_of_a_table_only_snapshots_and_files_that_nothing_names_go(project: Path) -> None:
    pytest.importorskip("pyiceberg")
    import pyarrow as pa

    from seatrial.prepare.arrow_tables import write_arrow_table
    from seatrial.stores.catalog import open_catalog

    with open_workspace(project) as workspace:
        for number in range(3):
            rows = pa.table({"n": pa.array([number] * 10, pa.int64())})
            last = write_arrow_table(workspace.catalog, rows, "small.numbers", tag=f"t{number}", properties={})
        with open_catalog(workspace.catalog) as catalog:
            table = catalog.load_table("small.numbers")
            mine = table.snapshots()[0].snapshot_id
            table.manage_snapshots().create_tag(mine, "mine").commit()
            before = len(table.snapshots())
        workspace.objects.put("warehouse/small/numbers/data/orphan.parquet", b"of a killed write")
        folder = next(info.key for info in workspace.objects.list("warehouse/") if info.key.endswith(".metadata.json"))
        orphan = folder.rpartition("/metadata/")[0] + "/data/orphan.parquet"
        workspace.objects.delete("warehouse/small/numbers/data/orphan.parquet")
        workspace.objects.put(orphan, b"of a killed write")
        assert not find_garbage(workspace, older_than=datetime.now(UTC) - DAY).removed
        removed = collect_garbage(workspace, older_than=datetime.now(UTC) + DAY).removed
        assert orphan in {one.name for one in removed}
        with open_catalog(workspace.catalog) as catalog:
            table = catalog.load_table("small.numbers")
            left = {snapshot.snapshot_id for snapshot in table.snapshots()}
            assert {mine, last} <= left
            assert len(left) < before
            assert table.scan().to_arrow()["n"].to_pylist() == [2] * 10
            assert table.scan(snapshot_id=mine).to_arrow()["n"].to_pylist() == [0] * 10
        assert collect_garbage(workspace, older_than=datetime.now(UTC) + DAY).removed == ()


def test_the_command_shows_sizes_before_and_after(project: Path) -> None:
    forget_runs(project)
    old = time.time() - 2 * 24 * 3600
    for path in (project / ".seatrial" / "local").rglob("*"):
        os.utime(path, (old, old))
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", "gc", "--dry-run"], cwd=project, check=True, capture_output=True, text=True
    )
    assert "2 would be removed, all older than 24 h" in done.stdout
    assert "Next: seatrial gc" in done.stdout
