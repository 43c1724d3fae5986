"""What Spark does for a step: a line beside the step's log, written once a second for whoever shows the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seatrial.pipeline.engines.shared_session import SharedSession

EVERY_S = 1.0
STALE_S = 3.0  # a line that is older is of a run that was killed


@contextmanager
def export_stages(session: SharedSession, step: str, log: Path) -> Iterator[None]:
    """Names the jobs of the block after the step; while it lasts, the line of the stage that runs is in a file."""
    ended = threading.Event()
    path = stages_file(log)

    def follow() -> None:
        from seatrial.prepare.stages import StepStages

        stages = StepStages(step)
        while not ended.wait(EVERY_S):
            spark = session.running
            if spark is None:
                continue
            try:
                running = stages.running(spark)
            except Exception:  # noqa: BLE001  # py4j's errors of a JVM that ends have no common class; the step tells
                return
            with suppress(OSError):
                path.write_text("" if running is None else f"{running}\n", encoding="utf-8")

    follower = threading.Thread(target=follow, daemon=True, name="seatrial-stages")
    follower.start()
    try:
        with session.jobs_named(step):
            yield
    finally:
        ended.set()
        follower.join()
        path.unlink(missing_ok=True)


def stages_file(log: Path) -> Path:
    """The file with the line of the step that has this log."""
    return log.with_suffix(".stages")


def stage_line(log: Path | None) -> str:
    """The line that was exported; "" where Spark does nothing for the step now."""
    if log is None:
        return ""
    try:
        path = stages_file(log)
        return path.read_text(encoding="utf-8").strip() if time.time() - path.stat().st_mtime <= STALE_S else ""
    except OSError:
        return ""
