"""A run that is killed at a random moment loses nothing and leaves nothing half visible; the next run completes."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from seatrial.pipeline.cache.cache_record import read_record
from seatrial.pipeline.jobs.step_values import ArtifactOutput
from seatrial.releases.source import list_versions
from seatrial.stores.artifacts import read_artifact
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.real.small_project import SmallProject

# SEATRIAL_TEST_KILLS=50 for a longer look: the moments are drawn anew for each number.
KILLS = int(os.environ.get("SEATRIAL_TEST_KILLS", "8"))
SEED = 7


@pytest.fixture(scope="module")
def usual_s(tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long a run takes here when nobody kills it."""
    project = SmallProject(tmp_path_factory.mktemp("whole"))
    began = time.monotonic()
    project.json("run")
    return time.monotonic() - began


def moments() -> list[float]:
    """Fractions of a run, evenly spread and jittered, so that a few of them already reach every phase."""
    generator = random.Random(SEED)
    return [(kill + generator.random()) / KILLS for kill in range(KILLS)]


@pytest.mark.parametrize("moment", moments(), ids="{:.3f}".format)
def test_a_run_killed_at_any_moment_is_completed_by_the_next(tmp_path: Path, usual_s: float, moment: float) -> None:
    project = SmallProject(tmp_path)
    process = project.start("run", "--json")
    time.sleep(moment * usual_s)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    check_whole(project)
    document = project.json("run")
    assert (document["verdict"], document["deployable"]) == ("pass", True)
    check_whole(project)
    assert [path.name for path in project.uses()] == ["1.json"]
    assert set(project.states(project.json("run")).values()) == {"cached"}


def check_whole(project: SmallProject) -> None:
    """Whatever is visible is whole: every record fits its key, every artifact and release its digests."""
    if not project.store.exists():
        return
    objects = open_objects(StoreSettings(url=project.store.as_uri()))
    for info in objects.list("cache/"):
        record = read_record(objects, info.key.removeprefix("cache/").removesuffix(".json"))
        assert record is not None
        for output in record.outputs.values():
            if isinstance(output, ArtifactOutput):
                read_artifact(objects, output.digest)
    for version in list_versions(objects, "small"):
        assert project.json("verify", f"small@{version}")["ok"]
