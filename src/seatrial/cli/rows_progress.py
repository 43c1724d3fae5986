"""How a pass over rows shows itself: a bar in a terminal, plain lines elsewhere. Always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seatrial.cli.output import print_lines

if TYPE_CHECKING:
    from seatrial.trial.progress import ProgressCallback

SILENT_S = 10.0  # a log gets a line for each phase, and then one each time it has been silent for so long


@contextmanager
def rows_progress(*, live: bool, quiet: bool = False) -> Iterator[ProgressCallback]:
    """Something that hears the phase, and how many of how many rows are done."""
    if quiet:
        yield _no_progress
        return
    if not live:
        yield PlainPhases()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("starting", total=None, note="")

        def on_progress(phase: str, done: int, rows: int | None) -> None:
            total = rows if done else None  # before the first row a bar would say that nothing moves
            bars.update(task, description=phase, completed=done, total=total, note=row_count(done, rows))

        yield on_progress


class PlainPhases:
    """A line when a phase begins, and now and then how far it is."""

    def __init__(self) -> None:
        self._phase = ""
        self._printed_at = time.monotonic()

    def __call__(self, phase: str, done: int, rows: int | None) -> None:
        """Says what there is to say."""
        now = time.monotonic()
        if phase == self._phase and now - self._printed_at < SILENT_S:
            return
        note = row_count(done, rows) if phase == self._phase else ""
        self._phase, self._printed_at = phase, now
        print_lines(f"{phase}{': ' if note else ''}{note}", file=sys.stderr)


def _no_progress(phase: str, done: int, rows: int | None) -> None:
    """Nobody listens."""


def row_count(done: int, rows: int | None) -> str:
    """How far it is, in words."""
    if done == 0:
        return ""
    return f"{done:,} rows" if rows is None else f"{done:,} of {rows:,} rows"
