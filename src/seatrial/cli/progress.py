"""How a run shows itself: a live line a step in a terminal, plain lines elsewhere. Always on stderr."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.pipeline.records import StepRecord
from seatrial.pipeline.run import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

TAIL_BYTES = 4096  # of a step's log: enough to hold its last line
WIDEST_NOTE = 70


class PlainLines:
    """One line when a step starts, one when it ends."""

    def started(self, step: str, reason: str, log: Path | None) -> None:  # noqa: ARG002  # the Protocol's
        """Says that a step runs, and why."""
        print(f"{step}: runs ({reason})", file=sys.stderr, flush=True)

    def ended(self, record: StepRecord) -> None:
        """Says how it ended."""
        print(ending(record), file=sys.stderr, flush=True)


class LiveLines:
    """A spinner, the time and the last line of the log for each step that runs."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._logs: dict[str, Path | None] = {}

    def started(self, step: str, reason: str, log: Path | None) -> None:
        """Adds the step's line."""
        self._logs[step] = log
        self._tasks[step] = self._bars.add_task(step, total=None, note=reason)

    def ended(self, record: StepRecord) -> None:
        """Takes the step's line away and leaves how it ended."""
        if (task := self._tasks.pop(record.name, None)) is not None:
            self._bars.remove_task(task)
        self._bars.console.print(ending(record), markup=False, highlight=False)

    def refresh(self) -> None:
        """Shows the last line that each running step has printed."""
        for step, task in tuple(self._tasks.items()):
            if note := last_line(self._logs[step]):
                self._bars.update(task, note=note)


def ending(record: StepRecord) -> str:
    """How a step ended, in one line."""
    took = f" in {record.seconds:.1f} s" if record.state in ("ran", "failed") else ""
    why = "" if record.state == "cached" else f" ({record.reason})"
    return f"{record.name}: {record.state}{took}{why}"


def last_line(log: Path | None) -> str:
    """The last line of a log, cut to the width of a note; "" when there is none."""
    if log is None or not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = re.split(r"[\r\n]", file.read().decode(errors="replace"))  # "\r": a bar that redraws itself
    return next((line.strip()[:WIDEST_NOTE] for line in reversed(lines) if line.strip()), "")


@contextmanager
def progress(*, live: bool) -> Iterator[Progress]:
    """The progress of one run."""
    if not live:
        yield PlainLines()
        return
    import threading

    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),  # a step prints what it likes, brackets too
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        lines = LiveLines(bars)
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(0.5):
                lines.refresh()

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield lines
        finally:
            ended.set()
            follower.join()
