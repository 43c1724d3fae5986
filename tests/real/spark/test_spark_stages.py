"""Which stage of a step runs, as Spark's status tracker tells it while it runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.running.stage_lines import stage_line, stages_file, stages_left
from seatrial.prepare.stages import StepStages, name_jobs

from .lake import Lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TASKS = 6


class Session(SharedSession):
    """A session that runs already."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._step = threading.local()

    @property
    def running(self) -> SparkSession | None:
        """As of the class above."""
        return self._lake.spark

    def get(self) -> SparkSession:
        """As of the class above."""
        if (step := getattr(self._step, "name", None)) is not None:
            name_jobs(self._lake.spark, step)
        return self._lake.spark


def test_the_stage_of_a_step_is_left_while_it_runs_and_gone_afterwards(lake: Lake, tmp_path: Path) -> None:
    from pyspark.sql.functions import udf

    def slow(_: int) -> int:  # sent as it is: Spark's processes cannot import this file
        time.sleep(1.0)
        return 1

    log = tmp_path / "features.log"
    session = Session(lake)
    seen: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            seen.append(stage_line(log))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with stages_left(session, "features", log):
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
    assert StepStages("features").look(lake.spark) is None
