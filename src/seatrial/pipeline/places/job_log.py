"""What a pod of a Job prints, written into the step's log as it comes."""

from __future__ import annotations

from pathlib import Path

from seatrial.cluster.client import Namespace
from seatrial.cluster.pod_log import follow_log
from seatrial.errors import SeatrialError
from seatrial.pipeline.places.job_watch import JobWatch


def copy_log(namespace: Namespace, watch: JobWatch, job: str, pod: str, log: Path) -> None:
    """Appends to `log` what the pod prints, until it ends."""
    try:
        with log.open("ab") as file:
            for part in follow_log(namespace, pod, lambda: watch.goes_on(job, pod)):
                file.write(part)
                file.flush()
    except SeatrialError as error:  # a pod that was taken away takes its log along
        with log.open("a", encoding="utf-8") as file:
            file.write(f"seatrial: the log of pod {pod} ended here: {error.problem}\n")
