"""From the path of a data file to the wire that reads it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from seatrial.batches.wire.http_wire import HttpWire, Limits
from seatrial.batches.wire.wire import FolderWire, Wire
from seatrial.errors import StoreError
from seatrial.stores.settings import StoreSettings
from seatrial.stores.store_url import Bucket, parse_store_url

SIGNED_FOR = timedelta(hours=1)
SIGN_AGAIN_S = 45 * 60  # well before the signature ends
S3_SCHEMES = ("s3", "s3a", "s3n")


def open_wire(path: str, store: StoreSettings, limits: Limits | None = None) -> Wire:
    """The wire for files like `path`: s3:// with the store's endpoint and credentials, http(s)://, or a local file."""
    scheme = urlsplit(path).scheme
    if scheme in S3_SCHEMES:
        return HttpWire(Signed(store), limits)
    if scheme in ("http", "https"):
        return HttpWire(_as_it_is, limits)
    if scheme in ("", "file"):
        return FolderWire()
    raise StoreError("not a place that batches are read from.", path=path, hint="Use s3://, https:// or a folder.")


def _as_it_is(path: str, *, fresh: bool = False) -> str:  # noqa: ARG001 there is nothing to sign
    return path


class Signed:
    """URLs of objects, signed by obstore: whatever credentials it finds, it signs here without asking the network."""

    def __init__(self, store: StoreSettings) -> None:
        self._settings = store
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
        import obstore
        from obstore.exceptions import BaseError

        _, _, rest = path.partition("://")
        bucket, _, key = rest.partition("/")
        try:
            if bucket not in self._stores:
                self._stores[bucket] = self._open(bucket)
            return str(obstore.sign(self._stores[bucket], "GET", key, SIGNED_FOR))
        except (BaseError, OSError, ValueError) as error:
            raise StoreError(
                f"no credentials to read this with ({type(error).__name__}).",
                path=path,
                hint="Give the store's `credentials`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            ) from None

    def _open(self, bucket: str) -> Any:
        from obstore.store import S3Store

        place = parse_store_url(self._settings)
        config: dict[str, Any] = {"region": self._settings.region, "virtual_hosted_style_request": False}
        if isinstance(place, Bucket) and place.endpoint is not None:
            config["endpoint"] = place.endpoint
            config["client_options"] = {"allow_http": place.endpoint.startswith("http://")}
        if self._settings.credentials is not None:
            config["access_key_id"] = self._settings.credentials.access_key
            config["secret_access_key"] = self._settings.credentials.secret_key
        return S3Store(bucket, **config)
