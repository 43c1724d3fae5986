from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.models.sessions import processor_limit

CORES = len(os.sched_getaffinity(0))


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(64)))


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(
    ("cpu_max", "processors"),
    [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 100000", 64), ("12800000 100000", 64)],
)
def test_threads_follow_the_limit_of_cgroup_v2(tmp_path: Path, cpu_max: str, processors: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{cpu_max}\n")
    assert processor_limit(tmp_path) == processors


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(("quota", "processors"), [("300000", 3), ("-1", 64)])
def test_threads_follow_the_limit_of_cgroup_v1(tmp_path: Path, quota: str, processors: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert processor_limit(tmp_path) == processors


@pytest.mark.parametrize("content", [None, "", "nonsense", "a b"])
def test_without_a_limit_that_can_be_read_it_is_the_affinity(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "cpu.max").write_text(content)
    assert processor_limit(tmp_path) == CORES
