"""Objects behind s3://, found once and read by ranges."""

from __future__ import annotations

import fnmatch
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from seatrial.errors import InputError, StoreError
from seatrial.rows.row_file import HIDDEN, RowFile, absent, address_without_secrets, check_plain, empty
from seatrial.stores.obstore_client import Patience, open_bucket
from seatrial.stores.s3_connection import s3_connection
from seatrial.stores.settings import StoreSettings
from seatrial.stores.store_errors import store_error
from seatrial.stores.store_url import Bucket

AHEAD_BYTES = 4 * 2**20
PATIENCE = Patience(
    connect=timedelta(seconds=5),
    silence=timedelta(seconds=60),
    request=timedelta(minutes=10),  # a request asks for a few MiB
    retries=3,
    retry_for=timedelta(seconds=20),
)


def in_bucket(address: str, store: StoreSettings | None = None) -> tuple[RowFile, ...]:
    """The object at the address, or all objects below it, by name; patterns as in `sources_at`.

    `store` says how its bucket is reached; without it the usual AWS_… variables do.
    """
    parts = urlsplit(address)
    key = parts.path.strip("/")
    if not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError(
            "the address is not that of an object.",
            path=address_without_secrets(address),
            hint="Write s3://bucket/key.",
        )
    connection = s3_connection(store or StoreSettings(f"s3://{parts.netloc}"), os.environ)
    bucket = Bucket(parts.netloc, "", connection.endpoint)
    with _explained(bucket, key):
        client = open_bucket(connection, bucket.name, PATIENCE)
        objects = [] if "*" in key or not key or address.endswith("/") else _head(client, key)
        folder = "" if objects else (key.rpartition("/")[0] if "*" in key else key)
        objects = objects or [meta for chunk in client.list(folder or None) for meta in chunk]
    below = f"{folder}/" if folder else ""
    names = [str(meta["path"]).removeprefix(below) for meta in objects]
    check_plain(address_without_secrets(address), lambda pattern: bool(fnmatch.filter(names, pattern)))
    pattern = key.removeprefix(below)
    if "*" in key:  # among a folder's files, else among its folders
        chosen = [meta for meta, name in zip(objects, names, strict=True) if _matches(name, pattern)]
        folders = [meta for meta, name in zip(objects, names, strict=True) if _matches(name.partition("/")[0], pattern)]
        objects = chosen or folders
    sources = []
    for meta in sorted(objects, key=lambda meta: str(meta["path"])):
        inside = meta["path"].removeprefix(below)
        if any(part.startswith(HIDDEN) for part in inside.split("/")) and meta["path"] != key:
            continue
        sources.append(_remote(client, bucket, meta, inside if inside != key else key.rpartition("/")[2]))
    if not sources:
        raise empty(address) if objects else absent(address)
    return tuple(sources)


def _matches(name: str, pattern: str) -> bool:
    return "/" not in name and not name.startswith(HIDDEN) and fnmatch.fnmatchcase(name, pattern)


def _head(store: Any, key: str) -> list[Any]:
    try:
        return [store.head(key)]
    except FileNotFoundError:
        return []  # a folder, a missing key and a missing bucket look alike here: the list tells


def _remote(store: Any, bucket: Bucket, meta: Any, inside: str) -> RowFile:
    path = f"s3://{bucket.name}/{meta['path']}"
    etag = None if meta["e_tag"] is None else str(meta["e_tag"])

    def open_file() -> Any:
        import pyarrow as pa  # for whoever reads; an object that is only pinned goes without

        return pa.PythonFile(_Ranges(store, bucket, meta), mode="r")

    return RowFile(path, inside, meta["size"], open_file, etag)


class _Ranges(io.RawIOBase):
    """An object read by ranges, each with the ETag of the first: a changed object is an error, never a mix.

    Whoever reads on where the last range ended is given `AHEAD_BYTES` at once: a request takes longer than its bytes.
    """

    def __init__(self, store: Any, bucket: Bucket, meta: Any) -> None:
        self._store, self._bucket, self._meta, self._at = store, bucket, meta, 0
        self._held, self._held_at = b"", 0  # what was fetched last, and where it begins

    def read(self, size: int = -1) -> bytes:
        whole = int(self._meta["size"])
        end = whole if size is None or size < 0 else min(self._at + size, whole)
        if end <= self._at:
            return b""
        held_to = self._held_at + len(self._held)
        if not self._held_at <= self._at <= end <= held_to:
            on = self._held_at <= self._at <= held_to and held_to > 0
            self._held = self._fetched(self._at, min(max(end, self._at + AHEAD_BYTES), whole) if on else end)
            self._held_at = self._at
        first = self._at - self._held_at
        data = self._held[first : first + end - self._at]
        self._at = end
        return data

    def _fetched(self, start: int, end: int) -> bytes:
        key, etag = self._meta["path"], self._meta["e_tag"]
        with _explained(self._bucket, key):
            options = {"range": (start, end), **({} if etag is None else {"if_match": etag})}
            return bytes(self._store.get(key, options=options).bytes())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._meta["size"])[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


@contextmanager
def _explained(bucket: Bucket, key: str) -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        if "/latest/api/token" in str(error) or "/latest/meta-data" in str(error):
            raise StoreError(
                "reading the object needs credentials, and none are set.",
                path=f"s3://{bucket.name}/{key}",
                hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true for a public bucket.",
            ) from None
        failure = store_error(error, bucket, key)
        failure.hint = "Check the address, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        raise failure from None
