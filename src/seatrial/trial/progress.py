"""How far a trial is, told to whoever shows it."""

from __future__ import annotations

from typing import Protocol


class ProgressCallback(Protocol):
    """Is told the phase, and the rows done of all (None: they are not counted)."""

    def __call__(self, phase: str, done: int, rows: int | None) -> None:
        """Takes the news."""
        ...


def no_progress(phase: str, done: int, rows: int | None) -> None:
    """Shows nothing."""
