"""Secrets that an orchestrator mounts as folders, for want of another way: as variables, and as a key to sign with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seatrial.releases.keys import KEYS, write_new

SECRET_VARIABLE = "SEATRIAL_SECRET_FOLDER"  # noqa: S105 — a folder: each file of it is a variable of every step
SIGNING_VARIABLE = "SEATRIAL_SIGNING_FOLDER"  # keys, which others than their owner can read there


def mounted_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that the mounted Secret holds, by name; none without one."""
    folder = environment.get(SECRET_VARIABLE)
    # Kubernetes' own links there begin with two dots.
    files = () if folder is None else sorted(path for path in Path(folder).iterdir() if not path.name.startswith(".."))
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def take_signing_keys(environment: Mapping[str, str], home: Path) -> None:
    """Copies the mounted keys to where keys are looked for, readable by this user alone; nothing without a mount."""
    folder = environment.get(SIGNING_VARIABLE)
    if folder is None:
        return
    for path in Path(folder).iterdir():
        if not path.name.startswith(".."):
            write_new(home / KEYS / path.name, path.read_bytes())
