"""A step in a process beside the task's own: what it prints goes to the task's output and to a file, as it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from seatrial.errors import StepFailed

PART_BYTES = 64 * 1024  # of output that is passed on at once, at most
KILLED = (-signal.SIGKILL, -signal.SIGTERM)


def run_child(arguments: Sequence[str], *, log: Path, environment: Mapping[str, str], timeout_s: int | None) -> int:
    """The exit status of `seatrial` with these arguments; `StepFailed` where it took too long and was ended.

    A task that is asked to end ends its child first.
    """
    # -P: modules of the working folder must not stand in for those of Python and Seatrial.
    command = [sys.executable, "-P", "-m", "seatrial", *arguments]
    late = threading.Event()
    with (
        log.open("ab") as file,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            env=dict(environment),
        ) as child,
    ):
        signal.signal(signal.SIGTERM, lambda _number, _frame: _leave(child))
        timer = threading.Timer(timeout_s or threading.TIMEOUT_MAX, _end, (child, late))
        timer.daemon = True
        timer.start()
        try:
            assert child.stdout is not None  # noqa: S101
            while part := os.read(child.stdout.fileno(), PART_BYTES):
                file.write(part)
                sys.stdout.buffer.write(part)
                sys.stdout.buffer.flush()
        finally:
            status = child.wait()
            timer.cancel()
    if late.is_set():
        raise StepFailed(
            f"it took longer than its timeout_s of {timeout_s} s.", hint="Allow it more, or make it quicker."
        )
    return status


def _end(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    _kill(child)


def _leave(child: subprocess.Popen[bytes]) -> None:
    _kill(child)
    os._exit(128 + signal.SIGTERM)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """The child, and what it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
