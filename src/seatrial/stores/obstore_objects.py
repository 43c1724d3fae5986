"""Objects over obstore: any S3 endpoint, or a folder of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from seatrial.errors import ObjectMissing, StoreError
from seatrial.stores.objects import Blob, ObjectInfo, Objects
from seatrial.stores.obstore_client import Patience, open_bucket
from seatrial.stores.s3_connection import S3Connection, locate_store, s3_connection
from seatrial.stores.s3_listing_check import is_whole_listing
from seatrial.stores.settings import StoreSettings
from seatrial.stores.store_errors import store_error, was_interrupted
from seatrial.stores.store_url import Bucket, Folder

PART_BYTES = 8 * 2**20  # S3 allows 10,000 parts: files up to 78 GiB
PARTS_AT_ONCE = 4
# One PUT is all that S3 lets be conditional; it takes at most 5 GiB (S3 user guide, "Uploading objects").
LARGEST_CONDITIONAL_BYTES = 5 * 2**30

RETRIES = 5
LISTINGS = 3  # tries at a whole one
RETRY_PAUSE_S = 0.02
PATIENCE = Patience(
    connect=timedelta(seconds=5),
    silence=timedelta(seconds=120),
    request=timedelta(hours=6),  # obstore's 30 s for a whole request would cut off every large object
    retries=RETRIES,
    retry_for=timedelta(seconds=30),
)


def open_objects(settings: StoreSettings) -> Objects:
    """The store's objects; opening asks the network nothing, so a store that is down shows at the first use."""
    return ObstoreObjects(settings)


class ObstoreObjects:
    """`Objects` by obstore. Safe to share between threads."""

    def __init__(self, settings: StoreSettings) -> None:
        self._place = locate_store(settings, os.environ)
        self._connection = None if isinstance(self._place, Folder) else s3_connection(settings, os.environ)
        self._store = _open(self._place, self._connection)

    def __repr__(self) -> str:
        return f"ObstoreObjects({self._place!r})"

    def get(self, key: str, *, etag: str | None = None) -> Blob:
        """See `Objects.get`."""
        self._check(key)
        with self._explained(key):
            result = self._store.get(key, options=None if etag is None else {"if_match": etag})
            return Blob(bytes(result.bytes()), str(result.meta["e_tag"]))

    def put(self, key: str, content: bytes | Path, *, if_absent: bool = False) -> str:
        """See `Objects.put`. With `if_absent` a file is sent in one request, and held in memory for it."""
        self._check(key)
        if isinstance(content, Path) and not content.is_file():
            raise StoreError("the file to send does not exist.", path=str(content))
        size_bytes = content.stat().st_size if isinstance(content, Path) else len(content)
        if if_absent and size_bytes > LARGEST_CONDITIONAL_BYTES:
            raise StoreError(
                f"{size_bytes:,} bytes are more than one conditional write can take (5 GiB).",
                path=key,
                hint="Write the data under its digest, and only a small record of it if absent.",
            )
        with self._explained(key):
            if if_absent:
                return self._create(key, content)
            result = self._store.put(
                key,
                content,
                use_multipart=size_bytes > PART_BYTES,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
            return str(result["e_tag"])

    def _create(self, key: str, content: bytes | Path) -> str:
        """One conditional write.

        obstore never repeats these, since the first may have arrived. But MinIO answers a refused one and closes the
        connection under the next (1 in 7 of 1,600 on 8 threads), so we do: when an earlier try of ours broke off, an
        object with exactly our content is the one we wrote, or as good as it.
        """
        from obstore.exceptions import AlreadyExistsError, BaseError

        for attempt in range(RETRIES + 1):
            try:
                return str(self._store.put(key, content, mode="create", use_multipart=False)["e_tag"])
            except AlreadyExistsError:
                if attempt > 0:
                    there = self._store.get(key)
                    if bytes(there.bytes()) == (content.read_bytes() if isinstance(content, Path) else content):
                        return str(there.meta["e_tag"])
                raise
            except BaseError as error:
                if attempt == RETRIES or not was_interrupted(error):
                    raise
                time.sleep(RETRY_PAUSE_S * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `Objects.list`."""
        # obstore matches whole segments only, so the folder is listed and the rest is matched here.
        folder = prefix.rpartition("/")[0]
        stuck, before = 0, -1
        while stuck < LISTINGS:
            listed = self._list_folder(folder, prefix)
            # Others may add objects between the two requests: only listings that do not grow count as cut short.
            stuck, before = stuck + (len(listed) <= before or before < 0), len(listed)
            if self._is_whole(folder, listed):
                # S3 promises the order of UTF-8 bytes, which is that of code points; folders promise none.
                return iter([info for info in listed if info.key.startswith(prefix)])
        raise StoreError(
            f"the store's listing was cut short {LISTINGS} times.", path=prefix, hint="Look at the store's own log."
        )

    def _list_folder(self, folder: str, prefix: str) -> Sequence[ObjectInfo]:
        listed: Any = []
        with self._explained(prefix):
            for chunk in self._store.list(folder or None):
                listed.extend(
                    ObjectInfo(meta["path"], meta["size"], str(meta["e_tag"]), meta["last_modified"]) for meta in chunk
                )
        return sorted(listed, key=lambda info: info.key)

    def _is_whole(self, folder: str, listed: Sequence[ObjectInfo]) -> bool:
        if isinstance(self._place, Folder) or self._connection is None:
            return True
        root = f"{self._place.prefix}/" if self._place.prefix else ""
        below = f"{root}{folder}/" if folder else root
        return is_whole_listing(self._connection, self._place, below, root + listed[-1].key if listed else None)

    def delete(self, key: str) -> None:
        """See `Objects.delete`."""
        self._check(key)
        try:
            with self._explained(key):
                self._store.delete(key)
        except ObjectMissing:
            return

    def _check(self, key: str) -> None:
        if not key or "\\" in key or any(part in ("", ".", "..") for part in key.split("/")):
            raise StoreError(f"{key!r} is not a valid key of an object.", hint='Keys look like "runs/1.json".')

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            raise store_error(error, self._place, key) from None


def _open(place: Folder | Bucket, connection: S3Connection | None) -> Any:
    from obstore.store import LocalStore

    if isinstance(place, Folder):
        try:
            place.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the store's folder cannot be made: {error.strerror}.", path=str(place.path), hint="Name another."
            ) from None
        return LocalStore(place.path)
    if connection is None:
        raise AssertionError("a bucket has a connection")
    return open_bucket(connection, place.name, PATIENCE, prefix=place.prefix)
