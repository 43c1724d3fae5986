"""How a run shows itself: live lines a step in a terminal, plain lines elsewhere. Always on stderr."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seatrial.batches.telemetry.progress_lines import ExportedSnapshot, live_line, read_snapshots, waited_line
from seatrial.cli.output import print_lines
from seatrial.pipeline.running.run_pipeline import Progress
from seatrial.pipeline.running.run_records import StepRecord
from seatrial.pipeline.running.stage_lines import stage_line
from seatrial.pipeline.running.step_process import telemetry_folder

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

TAIL_BYTES = 4096  # of a step's log: enough to hold its last line
WIDEST_NOTE = 70
WIDTH_OF_TIME = len("0:00:00")
REFRESH_S = 0.5
SILENT_S = 30.0  # a log gets a line about what a step reads each time the step was silent for so long


class PlainLines:
    """One line when a step starts, one when it ends; now and then how far its reading or its Spark stage is."""

    def __init__(self, *, reading: bool) -> None:
        self._reading = reading
        self._logs: dict[str, Path | None] = {}
        self._printed_at: dict[str, float] = {}

    def started(self, step: str, reason: str, log: Path | None) -> None:
        """Says that a step runs, and why."""
        self._logs[step], self._printed_at[step] = log, time.monotonic()
        print_lines(f"{step}: runs ({reason})", file=sys.stderr)

    def waiting(self, step: str, problem: str) -> None:
        """Says why a step has not begun."""
        print_lines(f"{step}: waits: {problem}", file=sys.stderr)

    def ended(self, record: StepRecord) -> None:
        """Says how it ended."""
        self._printed_at.pop(record.name, None)
        print_lines(ending(record, self._snapshots(record.name)), file=sys.stderr)

    def refresh(self) -> None:
        """Says how the reading goes of steps that nothing was said of for a while."""
        now = time.monotonic()
        for step, printed_at in tuple(self._printed_at.items()):
            if now - printed_at >= SILENT_S and (line := self._line(step)):
                self._printed_at[step] = now
                print_lines(f"{step}: {line}", file=sys.stderr)

    def _line(self, step: str) -> str:
        return live_line(self._snapshots(step)) or (stage_line(self._logs.get(step)) if self._reading else "")

    def _snapshots(self, step: str) -> list[ExportedSnapshot]:
        return snapshots_of(self._logs.get(step)) if self._reading else []


class LiveLines:
    """For each step a spinner, the time, the last line of its log; below, how its reading goes, or its Spark stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._logs: dict[str, Path | None] = {}
        self._reasons: dict[str, str] = {}

    def started(self, step: str, reason: str, log: Path | None) -> None:
        """Adds the step's line."""
        self._logs[step], self._reasons[step] = log, reason
        self._tasks[step] = self._bars.add_task(step, total=None, note=reason)

    def waiting(self, step: str, problem: str) -> None:
        """Shows why in the step's line, until it prints one."""
        self._reasons[step] = f"waits: {problem}"

    def ended(self, record: StepRecord) -> None:
        """Takes the step's line away and leaves how it ended."""
        if (task := self._tasks.pop(record.name, None)) is not None:
            self._bars.remove_task(task)
        line = ending(record, snapshots_of(self._logs.get(record.name)))
        self._bars.console.print(line, markup=False, highlight=False)

    def refresh(self) -> None:
        """Shows the last line that each running step has printed, and what it reads."""
        for step, task in tuple(self._tasks.items()):
            log = self._logs[step]
            lines = (last_line(log) or self._reasons[step], live_line(snapshots_of(log)), stage_line(log))
            self._bars.update(task, note="\n".join(line for line in lines if line))


def ending(record: StepRecord, exported: list[ExportedSnapshot]) -> str:
    """How a step ended, in one line; with how long it waited for data, where that is worth knowing."""
    took = f" in {record.seconds:.1f} s" if record.state in ("ran", "failed") else ""
    waited = waited_line(exported, record.seconds) if took else ""
    why = "" if record.state == "cached" else f" ({record.reason})"
    return f"{record.name}: {record.state}{took}{waited and f', {waited}'}{why}"


def snapshots_of(log: Path | None) -> list[ExportedSnapshot]:
    """What the readers of the step with this log have exported."""
    return [] if log is None else read_snapshots(telemetry_folder(log))


def last_line(log: Path | None) -> str:
    """The last line of a log, cut to the width of a note; "" when there is none."""
    if log is None or not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = re.split(r"[\r\n]", file.read().decode(errors="replace"))  # "\r": a bar that redraws itself
    return next((line.strip()[:WIDEST_NOTE] for line in reversed(lines) if line.strip()), "")


class RefreshingProgress(Progress, Protocol):
    """Looks at the steps that run."""

    def refresh(self) -> None:
        """Shows what changed."""
        ...


@contextmanager
def progress(*, live: bool, reading: bool = True) -> Iterator[Progress]:
    """The progress of one run; without a terminal `reading` says whether lines about that are wanted."""
    if not live:
        lines = PlainLines(reading=reading)
        with _followed(lines):
            yield lines
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(Column(min_width=WIDTH_OF_TIME)),  # what is too wide is cut at its end, not here
        TextColumn("{task.fields[note]}", markup=False),  # a step prints what it likes, brackets too
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        drawn = LiveLines(bars)
        with _followed(drawn):
            yield drawn


@contextmanager
def _followed(lines: RefreshingProgress) -> Iterator[None]:
    """Refreshes the lines for the time of the block."""
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(REFRESH_S):
            lines.refresh()

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()
