"""Where objects and tables are kept, as values. Secrets enter when a client is opened, and are never printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key pair, and the session token of temporary ones. Its repr hides all of them.

    `renew` looks them up again where they can change while a program runs (files that somebody rewrites).
    """

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    renew: Callable[[], Credentials] | None = field(default=None, repr=False, compare=False)

    def renewed(self) -> Credentials:
        """The credentials as they are now."""
        return self if self.renew is None else self.renew()


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """An S3-compatible store, or a local folder (`file:///…`, then nothing else is set).

    What is None is not stated: then the environment counts (`seatrial.stores.s3_connection`).
    """

    url: str  # s3://bucket/prefix or file:///absolute/folder
    endpoint: str | None = None  # http://127.0.0.1:9000
    credentials: Credentials | None = None
    region: str | None = None
    anonymous: bool = False  # requests are not signed
    proxy: str | None = None  # http://host:port; "" for none, whatever the environment says
    ca: Path | None = None  # PEM certificates to trust beside the system's


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """An Iceberg catalog that Spark and pyiceberg both open by the same name."""

    uri: str = field(repr=False)  # sqlite:////abs/path.db or postgresql://user:password@host/db
    warehouse: str  # s3://bucket/prefix/warehouse
    store: StoreSettings
    name: str = "seatrial"
