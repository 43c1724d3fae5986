"""onnxruntime sessions, opened one way: from bytes, on the CPU, silent, with threads that were asked for."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from seatrial.errors import Corrupt
from seatrial.models.safety import first_line

_FATAL = 4  # onnxruntime's log severity: what fails is raised, and need not be printed as well


def open_session(model: bytes, *, path: str, threads: int | None = None) -> Any:  # untyped library
    """An `InferenceSession` of these bytes; `threads` within one operator (None: one a core). `Corrupt` if unusable."""
    # Since 1.29 it tells its maker of every model and its errors, from Linux too, unless told not to before it is
    # loaded (onnxruntime pull request 27379). Models given to Seatrial may be confidential; who wants it says "0".
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    # Waiting threads sleep. Spinning, they took as much processor time again as the answers did (a forest, a small
    # network, 2 busy cores), and what a pod may use is limited; one row takes as long either way.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  # onnxruntime has no common class for its errors
        raise Corrupt(
            f"onnxruntime cannot load the model: {first_line(error)}", path=path, hint="Export it again."
        ) from None


_CGROUP = Path("/sys/fs/cgroup")


def processor_limit(cgroup: Path = _CGROUP) -> int:
    """How many processors this process may keep busy: its affinity, and its container's limit rounded up.

    onnxruntime alone would start a thread for each core of the node; under a limit of one processor they take the
    quota from each other, and answers wait for the next period.
    """
    cores = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def _quota(cgroup: Path) -> float | None:
    """Processors by cgroup v2 (cpu.max: "200000 100000" or "max 100000"), else by v1; None without a limit."""
    try:
        try:
            limit, period = (cgroup / "cpu.max").read_text().split()
        except FileNotFoundError:
            limit = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text()
        return int(limit) / int(period) if limit != "max" and int(limit) > 0 else None
    except (OSError, ValueError):
        return None
