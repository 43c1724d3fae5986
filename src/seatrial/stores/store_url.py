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
                "the folder of a store is an absolute path.", path=settings.url, hint='Write "file:///absolute/folder".'
            )
        return Folder(Path(unquote(url.path)))
    if url.scheme != "s3":
        hint = f'Write "s3://{settings.url}".' if not url.scheme else 'Write "s3://bucket/prefix" or "file:///folder".'
        raise StoreError("not the URL of a store.", path=settings.url, hint=hint)
    if not url.netloc or "@" in url.netloc or url.query or url.fragment:
        raise StoreError(
            "this URL names no bucket, or more than a bucket and a prefix.",
            path=_without_user(settings.url),
            hint='Write "s3://bucket/prefix"; credentials have a key of their own.',
        )
    return Bucket(url.netloc, url.path.strip("/"), _endpoint(settings.endpoint))


def _endpoint(endpoint: str | None) -> str | None:
    if endpoint is None:
        return None
    if "://" not in endpoint:
        shown = _without_user(endpoint)
        raise StoreError(f'endpoint "{shown}" has no scheme.', hint=f'Write "http://{shown}".')
    parts = urlsplit(endpoint)
    shown = _without_user(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StoreError(f'endpoint "{shown}" is no http or https address.', hint='Write "https://host:port".')
    if "@" in parts.netloc:
        raise StoreError(f'endpoint "{shown}" holds credentials.', hint="Write them under `credentials` instead.")
    return endpoint.rstrip("/")


def _without_user(text: str) -> str:
    scheme, separator, rest = text.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
