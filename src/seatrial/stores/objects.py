"""The one seam between Seatrial and whatever keeps its objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

NEVER = datetime.max.replace(tzinfo=UTC)  # what does not tell its time is never old enough to be removed


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a listing tells about one object. `key` is relative to the store's prefix."""

    key: str
    size_bytes: int
    etag: str
    modified: datetime = field(default=NEVER, compare=False)  # by the store's clock


@dataclass(frozen=True, slots=True)
class Blob:
    """An object's bytes and the ETag they were read under."""

    data: bytes
    etag: str


class Objects(Protocol):
    """Objects under one prefix, by relative key ("artifacts/ab…/manifest.json").

    Every method raises `StoreError` (down, refused, no such bucket, disk full), with the endpoint and never a secret.
    """

    def get(self, key: str, *, etag: str | None = None) -> Blob:
        """The object, or `ObjectMissing`; `ObjectChanged` when its ETag is not `etag`."""
        ...

    def put(self, key: str, content: bytes | Path, *, if_absent: bool = False) -> str:
        """Writes the object whole and returns its ETag; `ObjectExists` when `if_absent` and it is there.

        A `Path` is sent from disk, in parts where it is large.
        """
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose key starts with `prefix`, in the order of the keys."""
        ...

    def delete(self, key: str) -> None:
        """Removes the object; no error when there is none."""
        ...
