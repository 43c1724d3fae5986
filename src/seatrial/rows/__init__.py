"""A table that somebody points at (a file, a folder, s3://, a frame), read as a stream of bounded Arrow tables.

Each name is loaded when it is first used: whoever needs the table of formats alone does not wait for Arrow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.rows.address import open_rows
    from seatrial.rows.frames import rows_of
    from seatrial.rows.stream import TABLE_ROWS, Rows

_HOMES = {
    "TABLE_ROWS": "seatrial.rows.stream",
    "Rows": "seatrial.rows.stream",
    "open_rows": "seatrial.rows.address",
    "rows_of": "seatrial.rows.frames",
}

__all__ = ["TABLE_ROWS", "Rows", "open_rows", "rows_of"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
