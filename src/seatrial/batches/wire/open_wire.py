"""From the path of a data file to the wire that reads it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from seatrial.batches.wire.http_wire import HttpWire, Limits
from seatrial.batches.wire.wire import FolderWire, Wire
from seatrial.errors import StoreError
from seatrial.stores.obstore_client import open_bucket
from seatrial.stores.obstore_objects import PATIENCE
from seatrial.stores.s3_connection import s3_connection, tls_context
from seatrial.stores.s3_signature import presigned_url
from seatrial.stores.settings import StoreSettings

SIGNED_FOR = timedelta(hours=1)
SIGN_AGAIN_S = 45 * 60  # well before the signature ends
S3_SCHEMES = ("s3", "s3a", "s3n")


def open_wire(path: str, store: StoreSettings, limits: Limits | None = None) -> Wire:
    """The wire for files like `path`: s3:// with the store's endpoint and credentials, http(s)://, or a local file."""
    scheme = urlsplit(path).scheme
    if scheme in S3_SCHEMES:
        connection = s3_connection(store, os.environ)
        return HttpWire(SignedUrls(store), limits, proxy=connection.proxy, tls=tls_context(connection))
    if scheme in ("http", "https"):
        return HttpWire(_as_it_is, limits)
    if scheme in ("", "file"):
        return FolderWire()
    raise StoreError(
        "batches are read from s3://, https:// or a folder.", path=path, hint="Copy the files to one of these."
    )


def _as_it_is(path: str, *, fresh: bool = False) -> str:  # noqa: ARG001 there is nothing to sign
    return path


class SignedUrls:
    """URLs of objects, signed here without asking the network; by obstore where the machine's role has to be asked."""

    def __init__(self, store: StoreSettings) -> None:
        self._connection = s3_connection(store, os.environ)
        self._stores: dict[str, Any] = {}
        self._urls: dict[str, tuple[str, float]] = {}

    def __call__(self, path: str, *, fresh: bool = False) -> str:
        """The URL of s3://bucket/key."""
        url, until = self._urls.get(path, ("", 0.0))
        if fresh or time.monotonic() >= until:
            url = self._sign(path)
            self._urls[path] = url, time.monotonic() + SIGN_AGAIN_S
        return url

    def _sign(self, path: str) -> str:
        _, _, rest = path.partition("://")
        bucket, _, key = rest.partition("/")
        credentials = self._connection.credentials
        if credentials is not None:  # which may have been renewed meanwhile
            return presigned_url(
                replace(self._connection, credentials=credentials.renewed()), bucket, key, valid_for=SIGNED_FOR
            )
        if self._connection.anonymous:
            return presigned_url(self._connection, bucket, key, valid_for=SIGNED_FOR)
        return self._sign_by_role(bucket, key, path)

    def _sign_by_role(self, bucket: str, key: str, path: str) -> str:
        import obstore
        from obstore.exceptions import BaseError

        try:
            if bucket not in self._stores:
                self._stores[bucket] = open_bucket(self._connection, bucket, PATIENCE)
            return str(obstore.sign(self._stores[bucket], "GET", key, SIGNED_FOR))
        except (BaseError, OSError, ValueError) as error:
            raise StoreError(
                f"reading the file needs credentials, and none were found ({type(error).__name__}).",
                path=path,
                hint="Give the store's `credentials`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            ) from None
