"""Data that stays on this machine's disk, read by a Python step and by a Spark step, and pinned while it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.small_project import SmallProject

pytestmark = pytest.mark.real

PIPELINE = """
from seatrial import Files, step


@step(inputs={"raw": Files("file:RAW/20*/*.csv")})
def count(raw):
    return {"keys": list(raw.keys), "bytes": sum(len(raw.read(key)) for key in raw.keys)}


@step(kind="spark", inputs={"raw": Files("file:RAW/20*/*.csv")})
def harbours(spark, raw):
    return spark.read.csv(list(raw.urls), header=True)


@step(inputs={"rows": "harbours"})
def names(rows):
    return sorted(rows.to_pandas()["harbour"])
"""


@pytest.fixture
def project(tmp_path: Path) -> SmallProject:
    raw = tmp_path / "big disk"
    (raw / "2024").mkdir(parents=True)
    (raw / "2024" / "a.csv").write_text("harbour\nBergen\n")
    (raw / "2024" / "copy [1].csv").write_text("harbour\nZürich\n")  # for Hadoop a pattern, if nobody says otherwise
    made = SmallProject(tmp_path)
    (made.folder / "pipeline.py").write_text(PIPELINE.replace("RAW", str(raw)))
    (made.folder / "seatrial.toml").write_text('[project]\nname = "stays"\n')
    return made


def test_files_of_a_disk_are_read_where_they_are_by_python_and_by_spark(project: SmallProject, tmp_path: Path) -> None:
    steps = ("count", "harbours", "names")
    assert project.states(project.json("run")) == dict.fromkeys(steps, "ran")
    assert project.states(project.json("run")) == dict.fromkeys(steps, "cached")
    assert not list(project.store.glob("raw/*")), "nothing was copied into the store"
    (tmp_path / "big disk" / "2024" / "b.csv").write_text("harbour\nOslo\n")
    plan = {step["name"]: step["reason"] for step in project.json("plan")["steps"]}
    assert plan["count"] == "input raw changed"
    assert plan["harbours"] == "input raw changed"
    assert project.states(project.json("run")) == dict.fromkeys(steps, "ran")
