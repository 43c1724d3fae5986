"""Secrets that an orchestrator mounts as folders, for want of another way: as variables, and as a key to sign with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from seatrial.errors import InputError
from seatrial.releases.keys import KEYS, write_new

SECRET_VARIABLE = "SEATRIAL_SECRET_FOLDER"  # noqa: S105 — a folder: each file of it is a variable of every step
SIGNING_VARIABLE = "SEATRIAL_SIGNING_FOLDER"  # keys, which others than their owner can read there
_VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def mounted_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that the mounted Secret holds, by name; none without one.

    What has no variable's name is left out, as Kubernetes does it, and so is what says where the store and keys are.
    """
    folder = environment.get(SECRET_VARIABLE)
    variables = {}
    for path in () if folder is None else sorted(Path(folder).iterdir()):
        name = path.name
        if _VARIABLE.fullmatch(name) and name != "HOME" and not name.startswith("SEATRIAL_"):
            variables[name] = _text(path)
    return variables


def _text(path: Path) -> str:
    try:
        value = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:  # its text would tell the value
        value = "\0"
    if "\0" in value:
        raise InputError(
            f"the Secret's key {path.name!r} must hold UTF-8 text without NUL characters to be a variable.",
            path=str(path),
            hint="Take it out of the Secret, or correct its value.",
        )
    return value


def take_signing_keys(environment: Mapping[str, str], home: Path) -> None:
    """Copies the mounted keys to where keys are looked for, readable by this user alone; nothing without a mount."""
    folder = environment.get(SIGNING_VARIABLE)
    if folder is None:
        return
    for path in Path(folder).iterdir():
        if not path.name.startswith(".."):
            write_new(home / KEYS / path.name, path.read_bytes())
