"""A step in a process beside the task's own: what it prints goes to the task's output and to a file, as it comes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seatrial.errors import StepFailed

PART_BYTES = 64 * 1024  # of output that is passed on at once, at most
LOOK_S = 1.0  # between two looks at a child that prints nothing
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
        ending = threading.Thread(target=_end, args=(child, timeout_s, late), daemon=True)
        ending.start()
        try:
            assert child.stdout is not None  # noqa: S101
            for part in _parts(child.stdout.fileno(), ending):
                file.write(part)
                sys.stdout.buffer.write(part)
                sys.stdout.buffer.flush()
        finally:
            ending.join()
            status = child.wait()
    if late.is_set():
        raise StepFailed(
            f"it took longer than its timeout_s of {timeout_s} s.", hint="Allow it more, or make it quicker."
        )
    return status


def _parts(output: int, ending: threading.Thread) -> Iterator[bytes]:
    """What is printed until all have closed the output; what left the child's group may hold it open for ever."""
    while True:
        over = not ending.is_alive()
        if select.select([output], [], [], 0 if over else LOOK_S)[0]:
            if not (part := os.read(output, PART_BYTES)):
                return
            yield part
        elif over:
            return


def _end(child: subprocess.Popen[bytes], timeout_s: int | None, late: threading.Event) -> None:
    """Waits for the child, kills it where it takes too long, and in any case what it started and left behind."""
    try:
        child.wait(timeout_s)
    except subprocess.TimeoutExpired:
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
