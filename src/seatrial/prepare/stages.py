"""How far the Spark jobs of one step are, by Spark's own status tracker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GROUP = "spark.jobGroup.id"  # a local property: of the jobs that one thread starts
_RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True)
class StageProgress:
    """The stage that runs: of which job of the step, which of the job's stages, and its tasks."""

    job: int
    stage: int
    stages: int
    done: int
    tasks: int
    active: int

    def __str__(self) -> str:
        return (
            f"Spark job {self.job}, stage {self.stage} of {self.stages}: "
            f"{self.done:,} of {self.tasks:,} tasks done, {self.active:,} run"
        )


@dataclass(slots=True)
class StepStages:
    """The stages of the jobs of one group; of an ended job Spark is asked once."""

    group: str
    _ended: set[int] = field(default_factory=set)

    def running(self, spark: SparkSession) -> StageProgress | None:
        """The newest stage with tasks that run; None where nothing runs now."""
        tracker = spark.sparkContext.statusTracker()
        jobs = sorted(tracker.getJobIdsForGroup(self.group))
        for number, job in reversed(list(enumerate(jobs, start=1))):
            if job in self._ended:
                continue
            info = tracker.getJobInfo(job)
            if info is None or info.status != _RUNNING:
                self._ended.add(job)
                continue
            if (stage := self._stage(tracker, number, sorted(info.stageIds))) is not None:
                return stage
        return None

    def _stage(self, tracker: Any, number: int, stages: list[int]) -> StageProgress | None:
        for place, stage in reversed(list(enumerate(stages, start=1))):
            info = tracker.getStageInfo(stage)
            if info is not None and info.numActiveTasks > 0:
                return StageProgress(
                    number, place, len(stages), info.numCompletedTasks, info.numTasks, info.numActiveTasks
                )
        return None


def name_jobs(spark: SparkSession, group: str) -> None:
    """Whatever this thread has Spark do from now on belongs to the group."""
    spark.sparkContext.setLocalProperty(GROUP, group)
