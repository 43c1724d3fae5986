"""A `gc` that is killed while it removes snapshots and files of a table: the table stays, and the next one ends it."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from seatrial.pipeline.garbage.collect import collect_garbage, find_garbage
from seatrial.pipeline.workspace import Workspace, open_workspace

pytest.importorskip("pyiceberg")
pytestmark = pytest.mark.simulation

MOMENTS = 4  # a child takes 3 s of its imports
WRITES = 4  # each leaves a manifest list, manifests and a data file
ORPHANS = 20
ROWS = 10
CHILD = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from seatrial.pipeline.garbage.collect import collect_garbage
from seatrial.pipeline.workspace import open_workspace
import seatrial.stores.catalog, pyiceberg.catalog.sql, pyiceberg.io.pyarrow, pyiceberg.expressions
with open_workspace(Path(sys.argv[1])) as workspace:
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[2]))
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    collect_garbage(workspace, older_than=datetime.now(UTC) + timedelta(days=1))
    os._exit(0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A table of four writes, of which one is tagged by somebody, and files of writes that were killed."""
    from seatrial.prepare.arrow_tables import write_arrow_table
    from seatrial.stores.catalog import open_catalog

    (tmp_path / "seatrial.toml").write_text('[project]\nname = "small"\n')
    (tmp_path / "pipeline.py").write_text("from seatrial import step\n\n\n@step()\ndef one():\n    return 1\n")
    with open_workspace(tmp_path) as workspace:
        for number in range(WRITES):
            rows = pa.table({"n": pa.array([number] * ROWS, pa.int64())})
            write_arrow_table(workspace.catalog, rows, "small.numbers", tag=f"t{number}", properties={})
            if number == 0:
                with open_catalog(workspace.catalog) as catalog:
                    table = catalog.load_table("small.numbers")
                    table.manage_snapshots().create_tag(table.current_snapshot().snapshot_id, "mine").commit()
        folder = (
            next(info.key for info in workspace.objects.list("warehouse/")).split("/metadata/")[0].split("/data/")[0]
        )
        for number in range(ORPHANS):
            workspace.objects.put(f"{folder}/data/killed-{number}.parquet", b"half a file")
    return tmp_path


def check_pinned(workspace: Workspace) -> None:
    """What is pinned, by the newest write and by somebody's tag, has its rows."""
    from seatrial.stores.catalog import open_catalog

    with open_catalog(workspace.catalog) as catalog:
        table = catalog.load_table("small.numbers")
        assert table.scan().to_arrow()["n"].to_pylist() == [WRITES - 1] * ROWS
        mine = table.refs()["mine"].snapshot_id
        assert table.scan(snapshot_id=mine).to_arrow()["n"].to_pylist() == [0] * ROWS


def test_killed_at_any_moment_nothing_pinned_is_lost_and_the_next_one_ends_it(project: Path) -> None:
    state, kept = project / ".seatrial", project / "kept"
    shutil.copytree(state, kept)
    later = datetime.now(UTC) + timedelta(days=1)
    with open_workspace(project) as workspace:
        began = time.monotonic()
        whole = collect_garbage(workspace, older_than=later)
        takes_s = time.monotonic() - began
        assert sum(one.kind == "snapshot" for one in whole.removed) > WRITES
        assert sum("killed-" in one.name for one in whole.removed) == ORPHANS
        left = {info.key for info in workspace.objects.list("warehouse/") if "/data/" in info.key}
    chance, killed = random.Random(13), 0
    for _ in range(MOMENTS):
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        moment_s = chance.uniform(0.001, takes_s)
        child = subprocess.run([sys.executable, "-c", CHILD, str(project), f"{moment_s:.4f}"], check=False, cwd=project)
        assert child.returncode in (0, -9)
        killed += child.returncode == -9
        with open_workspace(project) as workspace:
            check_pinned(workspace)
            collect_garbage(workspace, older_than=later)
            check_pinned(workspace)
            assert find_garbage(workspace, older_than=later).removed == ()
            there = {info.key for info in workspace.objects.list("warehouse/") if "/data/" in info.key}
            assert there == left
    assert killed >= MOMENTS // 4, "the moments lie within the work"
