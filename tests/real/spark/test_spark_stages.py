"""Which stage of a step runs, as Spark's status tracker tells it while it runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.running.stage_lines import export_stages, stage_line, stages_file
from seatrial.prepare.stages import StepStages, name_jobs

from .lake import Lake

TASKS = 6


def running_session(lake: Lake) -> SharedSession:
    """A run's session that was made already."""
    workspace: Any = SimpleNamespace(profile=SimpleNamespace(store=lake.store))
    session = SharedSession(workspace, lake.log)
    session._session = lake.spark
    return session


def test_the_stage_of_a_step_is_told_while_it_runs_and_gone_afterwards(lake: Lake, tmp_path: Path) -> None:
    from pyspark.sql.functions import udf

    def slow(_: int) -> int:  # sent as it is: Spark's processes cannot import this file
        time.sleep(1.0)
        return 1

    log = tmp_path / "features.log"
    session = running_session(lake)
    seen: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            seen.append(stage_line(log))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with export_stages(session, "features", log):
            rows = session.get().range(0, TASKS, 1, TASKS).select(udf(slow, "int", useArrow=False)("id"))
            rows.write.format("noop").mode("overwrite").save()
    finally:
        ended.set()
        watcher.join()
    lines = [line for line in seen if line]
    assert lines
    assert all(f"of {TASKS} tasks done" in line for line in lines)
    assert lines[-1] != lines[0] or len(lines) == 1
    assert not stages_file(log).exists()


def test_jobs_of_another_step_are_not_told(lake: Lake) -> None:
    name_jobs(lake.spark, "other")
    assert lake.spark.range(10).count() == 10
    assert StepStages("features").running(lake.spark) is None
