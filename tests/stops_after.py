"""A store whose user is cut off, for tests of what is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seatrial.errors import StoreError
from seatrial.stores.objects import Blob, ObjectInfo, Objects


class StopsAfter:
    """A store whose process ends after some number of writes."""

    def __init__(self, objects: Objects, writes: int) -> None:
        self.objects, self.left = objects, writes

    def get(self, key: str, *, etag: str | None = None) -> Blob:
        return self.objects.get(key, etag=etag)

    def put(self, key: str, content: bytes | Path, *, if_absent: bool = False) -> str:
        if self.left == 0:
            raise StoreError("the power went.")
        self.left -= 1
        return self.objects.put(key, content, if_absent=if_absent)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self.objects.list(prefix)

    def delete(self, key: str) -> None:
        self.objects.delete(key)
