"""The folder of a new project: free beforehand, and then whole or not there."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.errors import InputError


def folder_mistake(folder: Path) -> InputError | None:
    """The error of a folder that holds something already; None where a project can begin in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        return InputError("the folder must be new or empty.", path=str(folder), hint="Name another folder.")
    return None


@contextmanager
def draft_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`; what the block writes there moves into `folder` at its end.

    After an error nothing is left of it.
    """
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    draft.mkdir()
    try:
        yield draft
        target.mkdir(exist_ok=True)
        for path in draft.iterdir():
            path.rename(target / path.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
