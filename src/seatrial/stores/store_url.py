"""What a store's URL and endpoint say, checked before any client is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from seatrial.errors import StoreError
from seatrial.stores.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class Folder:
    """A store that is a folder of this machine."""

    path: Path


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket behind an endpoint, and the prefix within it ("" for all of it, never a slash at either end)."""

    name: str
    prefix: str
    endpoint: str | None


def parse_store_url(settings: StoreSettings) -> Folder | Bucket:
    """Where the store is; a URL or endpoint that says something else is a `StoreError` with the way to write it."""
    url = urlsplit(settings.url)
    if url.scheme == "file":
        if url.netloc or not url.path.startswith("/"):
            raise StoreError(
                "the folder of a store must be an absolute path.",
                path=shown_url(settings.url),
                hint='Write "file:///absolute/folder".',
            )
        return Folder(Path(unquote(url.path)))
    if url.scheme != "s3":
        shown = shown_url(settings.url)
        hint = f'Write "s3://{shown}".' if not url.scheme else 'Write "s3://bucket/prefix" or "file:///folder".'
        raise StoreError("a store's URL must begin with s3:// or file://.", path=shown, hint=hint)
    if not url.netloc or "@" in url.netloc or url.query or url.fragment:
        raise StoreError(
            "a store's URL must have a bucket and a prefix, and nothing else.",
            path=shown_url(settings.url),
            hint='Write "s3://bucket/prefix"; credentials have a key of their own.',
        )
    return Bucket(url.netloc, url.path.strip("/"), checked_endpoint(settings.endpoint))


def checked_endpoint(endpoint: str | None) -> str | None:
    """The endpoint, without a slash at its end; a `StoreError` unless it is an http or https address."""
    if endpoint is None:
        return None
    shown = shown_url(endpoint)
    if "://" not in endpoint:
        raise StoreError(f'endpoint "{shown}" lacks a scheme.', hint=f'Write "http://{shown}".')
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StoreError(f'endpoint "{shown}" must be an http or https address.', hint='Write "https://host:port".')
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise StoreError(
            f'endpoint "{shown}" must be an address alone; it has a user, a query or a fragment.',
            hint="Write credentials under `credentials` instead.",
        )
    return endpoint.rstrip("/")


def shown_url(text: str) -> str:
    """A URL without what may hold a secret: user, password, query and fragment."""
    text = text.partition("#")[0].partition("?")[0]
    scheme, separator, rest = text.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
