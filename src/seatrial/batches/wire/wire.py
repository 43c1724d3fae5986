"""The one seam between a reader and wherever its files lie: a range of bytes of a file that must not have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seatrial.errors import ObjectChanged, ObjectMissing, StoreError


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file as it was when its table was pinned; `path` is its URL.

    `etag` is the server's, or its time of last change where it gives no ETag; of a local file size, time of last change
    in nanoseconds and inode.
    """

    path: str
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that a table names. What the listing does not tell is None, and is pinned when the footer is read."""

    path: str
    size_bytes: int | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """The last bytes of a file, and what pins it."""

    data: bytes
    file: DataFile


class Wire(Protocol):
    """Reads files. Safe to share between threads; `close` makes every read that is under way end at once.

    Raises `ObjectChanged` when the file is not the one that was pinned, `ObjectMissing` when it is gone, `StoreError`
    when the store refuses, or fails more often than it may. Each names the file and the offset.
    """

    def tail(self, path: str, size_bytes: int | None, length: int) -> Tail:
        """The last `length` bytes (all, of a shorter file), and the pin; with `size_bytes` the size must be that."""
        ...

    def read(self, file: DataFile, start: int, into: Sequence[memoryview]) -> None:
        """Fills the parts of `into`, one after the other, with the bytes from `start` on."""
        ...

    def close(self) -> None:
        """Ends every read, and whatever is still open."""
        ...


class WireClosed(Exception):
    """The wire was closed under a read: nobody waits for its bytes any more."""


def changed(path: str, offset: int) -> ObjectChanged:
    """The error of a file that is not the one that was pinned."""
    return ObjectChanged(
        f"the file is not the one that the table was pinned with (at byte {offset:,}).",
        path=path,
        hint="Somebody wrote or replaced it: open the table again, and start the epoch over.",
    )


def missing(path: str, offset: int) -> ObjectMissing:
    """The error of a file that is not there any more."""
    return ObjectMissing(
        f"the data file is not there any more (at byte {offset:,}).",
        path=path,
        hint="Restore it, or make the table again.",
    )


class FolderWire:
    """Files of this machine."""

    def tail(self, path: str, size_bytes: int | None, length: int) -> Tail:
        """See `Wire.tail`."""
        with self._opened(path, 0) as descriptor:
            file = _pinned(path, descriptor)
            if size_bytes is not None and size_bytes != file.size_bytes:
                raise changed(path, 0)
            start = max(file.size_bytes - length, 0)
            return Tail(os.pread(descriptor, length, start), file)

    def read(self, file: DataFile, start: int, into: Sequence[memoryview]) -> None:
        """See `Wire.read`."""
        at = start
        with self._opened(file.path, start) as descriptor:
            for part in into:
                got = 0
                while got < len(part):
                    count = os.preadv(descriptor, [part[got:]], at)
                    if count == 0:
                        raise changed(file.path, at)
                    got += count
                    at += count
            # after the bytes: a change before or while they were read shows as well
            if _pinned(file.path, descriptor) != file:
                raise changed(file.path, start)

    def close(self) -> None:
        """See `Wire.close`; nothing stays open."""

    @contextmanager
    def _opened(self, path: str, offset: int) -> Iterator[int]:
        try:
            descriptor = os.open(local_path(path), os.O_RDONLY | os.O_CLOEXEC)
            try:
                yield descriptor
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            raise missing(path, offset) from None
        except OSError as error:
            raise StoreError(
                f"the file cannot be read at byte {offset:,}: {error.strerror}.", path=path, hint="Look at the disk."
            ) from None


def local_path(path: str) -> Path:
    """The file that a path names; Iceberg writes `file:` before it, and escapes nothing."""
    return Path(path.removeprefix("file://") if path.startswith("file://") else path.removeprefix("file:"))


def _pinned(path: str, descriptor: int) -> DataFile:
    status = os.fstat(descriptor)
    return DataFile(path, status.st_size, f"{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ino:x}")
