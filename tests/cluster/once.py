"""What all processes of a session share is made once: the first one makes it, and the others wait and are told."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path

import pytest


def once(folder: Path, name: str, make: Callable[[], str]) -> str:
    """The text that `make` gave to the first process that asked; where it skips, all others skip for its reason.

    Whoever finds that the process that made it ended before it was done makes it anew.
    """
    made = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            try:
                first = {"made": make()}
            except pytest.skip.Exception as skipped:
                first = {"skipped": str(skipped)}
            made.write_text(json.dumps(first))
        outcome: dict[str, str] = json.loads(made.read_text())
    if "skipped" in outcome:
        pytest.skip(outcome["skipped"])
    return outcome["made"]
