"""A Spark failure as its cause: the exception at its root, and the line of the user's code that asked for it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seatrial.errors import SeatrialError, StepFailed

WORKER_TRACEBACK = "Traceback (most recent call last):"
# What Spark says of a Python worker that is gone; the cause that it gives is the end of a stream, which says nothing.
WORKER_GONE = "Python worker exited unexpectedly"
OUT_OF_MEMORY = "a Python worker was killed while it worked, which is what happens when memory runs out"
LONGEST_PROBLEM = 500
LONGEST_CHAIN = 20  # causes can form a circle
# Frames of these are on the way to the user's code, never it.
MACHINERY = ("/pyspark/", "/py4j/", "/seatrial/prepare/", "/seatrial/pipeline/", "/contextlib.py")


def spark_cause(
    error: BaseException, *, step: str | None = None, directory: Path | None = None, log: Path | None = None
) -> SeatrialError:
    """What a person needs of a failure in Spark: its cause, file and line, and where the full log is.

    The line is the user's own: of a file in `directory` where one is on the way, else the last outside the machinery.
    An error that Seatrial raised itself is returned as it is.
    """
    if isinstance(error, SeatrialError):
        return error
    traced = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    text = _text(error)
    start = text.rfind(WORKER_TRACEBACK)
    if start < 0:
        problem, worker = _root_message(error), []
    else:
        problem = _raised_in(text[start:]) or _root_message(error)
        worker = [(file, int(line)) for file, line in re.findall(r'File "([^"]+)", line (\d+)', text[start:])]
    # What ran in a worker names the failing line; the driver's frames only name who asked for the rows.
    file, line = _own_frame(worker, directory) or _own_frame(traced, directory) or (None, None)
    if len(problem) > LONGEST_PROBLEM:
        problem = problem[:LONGEST_PROBLEM] + " …"
    return StepFailed(
        problem if step is None else f"step {step!r}: {problem}",
        path=file,
        line=line,
        hint=None if log is None else f"Spark's full log is {log}.",
    )


def _raised_in(trace: str) -> str | None:
    """The line of a Python traceback that says what was raised."""
    lines = [line for line in trace.splitlines()[1:] if line.strip()]
    return next((line.strip() for line in lines if not line.startswith(" ")), None)


def _own_frame(frames: Sequence[tuple[str, int]], directory: Path | None) -> tuple[str, int] | None:
    if directory is not None:
        inside = [frame for frame in frames if Path(frame[0]).is_relative_to(directory)]
        if inside:
            return inside[-1]
    own = [frame for frame in frames if not _is_machinery(frame[0])]
    return own[-1] if own else None


def _root_message(error: BaseException) -> str:
    chain = java_chain(error)
    if any(WORKER_GONE in message for message in chain):
        return OUT_OF_MEMORY
    return chain[-1] if chain else _first_line(error)


def java_chain(error: BaseException) -> list[str]:
    """`ClassName: first line` of the Java exception behind this error and of each of its causes, the root last."""
    java: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    chain: list[str] = []
    try:
        while java is not None and len(chain) < LONGEST_CHAIN:
            name, message = java.getClass().getSimpleName(), (java.getMessage() or "").strip().split("\n")[0]
            chain.append(f"{name}: {message}" if message else name)
            java = java.getCause()
    except Exception:  # noqa: BLE001 py4j raises what it likes when the JVM is gone
        return chain
    return chain


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 pyspark asks the JVM for the words, and it may be gone
        return ""


def _first_line(error: BaseException) -> str:
    text = _text(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _is_machinery(file: str) -> bool:
    return file.startswith("<") or any(part in file for part in MACHINERY)
