"""One file to read from, wherever it lies: found once, pinned, and opened as often as it is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seatrial.errors import InputError

HIDDEN = ("_", ".")  # Spark's _SUCCESS, checksums, unfinished files: no engine reads them as data

_QUERY = re.compile(r"[?#]")
_ICEBERG = "an Iceberg table"
# What a folder holds beside its data files, as patterns of paths within it.
MARKS = {"metadata/*.metadata.json": _ICEBERG, "_delta_log/*": "a Delta table", ".hoodie/*": "a Hudi table"}


@dataclass(frozen=True, slots=True)
class RowFile:
    """One file: `path` as it is named to people, `inside` below the folder that was asked for; "year=2025/a.csv"."""

    path: str
    inside: str
    size_bytes: int
    open: Callable[[], Any]  # a pyarrow.NativeFile; raises InputError when it is no longer the file that was found
    etag: str | None = None  # of an object; None for a file of this machine


def address_without_secrets(address: str) -> str:
    """The address without a user, a password, a query (a signature stands there) and a fragment."""
    scheme, _, rest = address.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{_QUERY.split(host.rpartition('@')[2] + slash + path)[0]}" if scheme else address


def absent(path: str) -> InputError:
    """There is nothing at that address."""
    return InputError("the file or folder does not exist.", path=path, hint="Check the spelling.")


def empty(path: str) -> InputError:
    """There is a folder, and nothing in it."""
    return InputError("the folder does not hold any files.", path=path, hint="Name the folder that holds the data.")


def check_plain(path: str, matches: Callable[[str], bool]) -> None:
    """`InputError` where a folder is a table whose files alone do not tell which rows it has.

    `found` tells whether there is a file whose path in the folder matches a pattern.
    """
    kind = next((kind for pattern, kind in MARKS.items() if matches(pattern)), None)
    if kind is not None:
        raise InputError(
            f"the folder is that of {kind}: its files hold rows too that are no longer in it.",
            path=path,
            hint="Name its newest metadata file, metadata/….metadata.json."
            if kind == _ICEBERG
            else "Write its present rows as Parquet, and name that folder.",
        )
