"""A Spark failure as its cause: the exception at its root, and the line of the user's code that asked for it."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

from seatrial.errors import SeatrialError, StepFailed

LONGEST_PROBLEM = 500
LONGEST_CHAIN = 20  # causes can form a circle
# Frames of these are on the way to the user's code, never it.
MACHINERY = ("/pyspark/", "/py4j/", "/seatrial/prepare/", "/seatrial/pipeline/", "/contextlib.py")


def spark_cause(error: BaseException, *, log: Path) -> SeatrialError:
    """What a person needs of a failure in Spark: cause, file and line, and where the full log is.

    An error that Seatrial raised itself is returned as it is.
    """
    if isinstance(error, SeatrialError):
        return error
    worker = _in_worker(str(error))
    problem, place = worker if worker is not None else (_root_message(error), None)
    file, line = place or _last_own_frame(error)
    if len(problem) > LONGEST_PROBLEM:
        problem = problem[:LONGEST_PROBLEM] + " …"
    return StepFailed(problem, path=file, line=line, mend=f"Spark's full log is {log}.")


def _in_worker(text: str) -> tuple[str, tuple[str, int] | None] | None:
    """The last line of a Python worker's traceback and the last file of the user's in it."""
    start = text.rfind("Traceback (most recent call last):")
    if start < 0:
        return None
    lines = [line for line in text[start:].splitlines() if line.strip()]
    raised = next((line for line in lines[1:] if not line.startswith(" ")), None)
    if raised is None:
        return None
    frames = [(file, int(line)) for file, line in re.findall(r'File "([^"]+)", line (\d+)', text[start:])]
    own = [frame for frame in frames if not _is_machinery(frame[0])]
    return raised.strip(), own[-1] if own else None


def _root_message(error: BaseException) -> str:
    chain = java_chain(error)
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


def _first_line(error: BaseException) -> str:
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _last_own_frame(error: BaseException) -> tuple[str | None, int | None]:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_machinery(frame.filename)]
    return (own[-1].filename, own[-1].lineno) if own else (None, None)


def _is_machinery(file: str) -> bool:
    return file.startswith("<") or any(part in file for part in MACHINERY)
