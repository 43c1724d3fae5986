"""Where objects and tables are kept, as values. Secrets enter when a client is opened, and are never printed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key pair. Its repr hides both halves."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """An S3-compatible store, or a local folder (`file:///…`, then no endpoint and no credentials)."""

    url: str  # s3://bucket/prefix or file:///absolute/folder
    endpoint: str | None = None  # http://127.0.0.1:9000; None: the provider's own
    credentials: Credentials | None = None
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """An Iceberg catalog that Spark and pyiceberg both open by the same name."""

    uri: str = field(repr=False)  # sqlite:////abs/path.db or postgresql://user:password@host/db
    warehouse: str  # s3://bucket/prefix/warehouse
    store: StoreSettings
    name: str = "seatrial"
