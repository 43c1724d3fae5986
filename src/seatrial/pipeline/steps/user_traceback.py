"""The line of the project's own code that an exception came through last: where its author should look."""

from __future__ import annotations

import traceback
from pathlib import Path


def user_line(error: BaseException, directory: Path) -> tuple[str | None, int | None]:
    """File and line, of a file below `directory`; two Nones where none is on the way."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(directory)]
    return (own[-1].filename, own[-1].lineno) if own else (None, None)
