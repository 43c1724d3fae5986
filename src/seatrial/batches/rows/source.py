"""One file to read from, wherever it lies: found once, pinned, and opened as often as it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seatrial.errors import InputError

HIDDEN = ("_", ".")  # Spark's _SUCCESS, checksums, unfinished files: no engine reads them as data


@dataclass(frozen=True, slots=True)
class Source:
    """One file: `path` as it is named to people, `inside` below the folder that was asked for; "year=2025/a.csv"."""

    path: str
    inside: str
    size_bytes: int
    open: Callable[[], Any]  # a pyarrow.NativeFile; raises InputError when it is no longer the file that was found
    etag: str | None = None  # of an object; None for a file of this machine


def shown(address: str) -> str:
    """The address without a user and a password."""
    scheme, _, rest = address.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if scheme else address


def absent(path: str) -> InputError:
    """There is nothing at that address."""
    return InputError("there is no such file or folder.", path=path, mend="Check the spelling.")


def empty(path: str) -> InputError:
    """There is a folder, and nothing in it."""
    return InputError("there are no files in it.", path=path, mend="Name the folder that holds the data.")
