"""onnxruntime sessions, opened one way: from bytes, on the CPU, silent, with threads that were asked for."""

from __future__ import annotations

import os
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
