"""The table catalog: one SQLite file on a laptop, PostgreSQL where several machines share it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seatrial.errors import StoreError
from seatrial.stores.s3_connection import s3_connection
from seatrial.stores.s3_refusal import CLOCK, EXPIRED, REGION, S3Refusal, read_refusal, refusal_error
from seatrial.stores.settings import CatalogSettings, StoreSettings
from seatrial.stores.store_url import Folder, parse_store_url

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

CONNECT_TIMEOUT_S = 10
BUSY_TIMEOUT_S = 60  # how long a SQLite writer waits for the others; commits take milliseconds
_ATTEMPTS = 3


@contextmanager
def open_catalog(settings: CatalogSettings, *, namespace: str | None = None) -> Iterator[Catalog]:
    """The catalog, with `namespace` made if it is not there; a failure within the block is told as a `StoreError`."""
    try:
        from pyiceberg.catalog.sql import SqlCatalog
        from pyiceberg.exceptions import NamespaceAlreadyExistsError
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise StoreError(
            f"tables need the module {error.name}, which is not installed.",
            hint='Install it with pip install "seatrial[spark]".',
        ) from None
    with catalog_failures(settings):
        properties = {
            "uri": _connection_uri(settings),
            "warehouse": settings.warehouse,
            "pool_pre_ping": "true",
            **file_io_properties(settings.store),
        }
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                catalog = SqlCatalog(settings.name, **properties)
                if namespace is not None and not catalog.namespace_exists(namespace):
                    catalog.create_namespace(namespace)
                break
            except NamespaceAlreadyExistsError:  # somebody else made it meanwhile
                break
            except SQLAlchemyError:  # two that make a new catalog's tables at once: one of them loses, and looks again
                if attempt == _ATTEMPTS:
                    raise
        try:
            yield catalog
        finally:
            catalog.close()


def file_io_properties(store: StoreSettings) -> dict[str, str]:
    """How pyiceberg reads and writes the store's objects, through pyarrow."""
    if isinstance(parse_store_url(store), Folder):
        return {"py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"}
    from seatrial.stores.table_files import FILE_IO, s3_properties

    return {"py-io-impl": FILE_IO, **s3_properties(s3_connection(store, os.environ))}


@contextmanager
def catalog_failures(settings: CatalogSettings) -> Iterator[None]:
    """Tells what goes wrong in the block between us, the catalog and the store, without a secret.

    Errors of pyiceberg itself (no such table, a commit that lost a race) pass: they mean something to the caller.
    """
    from sqlalchemy.exc import SQLAlchemyError

    where = catalog_place(settings.uri)
    try:
        yield
    except SQLAlchemyError as error:
        raise _catalog_failure(str(error), where) from None
    except ModuleNotFoundError as error:
        if error.name != "psycopg2":
            raise
        raise StoreError(
            "a PostgreSQL catalog needs psycopg2, which is not installed.",
            path=where,
            hint='Install it with pip install "seatrial[postgres]".',
        ) from None
    except FileNotFoundError:
        raise
    except OSError as error:  # pyarrow's filesystem raises these
        raise _file_failure(str(error), settings) from None


def catalog_place(uri: str) -> str:
    """The catalog's URI without user and password."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _connection_uri(settings: CatalogSettings) -> str:
    parts = urlsplit(settings.uri)
    where = catalog_place(settings.uri)
    if parts.scheme == "sqlite":
        path = Path(parts.path.removeprefix("/"))
        if not path.is_absolute():
            raise StoreError(
                "the catalog's file is an absolute path.", path=where, hint='Write "sqlite:////folder/x.db".'
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the catalog's folder cannot be made: {error.strerror}.", path=where, hint="Name another."
            ) from None
        return _with_query(settings.uri, "timeout", BUSY_TIMEOUT_S)
    if parts.scheme in ("postgresql", "postgresql+psycopg2"):
        # SQLAlchemy 2.1 takes psycopg 3 unless told; the extra `postgres` installs psycopg2
        uri = settings.uri.replace("postgresql://", "postgresql+psycopg2://", 1)
        return _with_query(uri, "connect_timeout", CONNECT_TIMEOUT_S)
    raise StoreError(
        "the address is not of a catalog that Seatrial can open.",
        path=where,
        hint='Write "sqlite:////folder/catalog.db" or "postgresql://user:password@host/database".',
    )


def _with_query(uri: str, key: str, value: int) -> str:
    query = urlsplit(uri).query
    return uri if f"{key}=" in query else f"{uri}{'&' if query else '?'}{key}={value}"


def _catalog_failure(text: str, where: str) -> StoreError:
    words = text.lower()
    if "password authentication failed" in words or "no password supplied" in words:
        return StoreError("the catalog refused the user or the password.", path=where, hint="Check both.")
    if "database" in words and "does not exist" in words:
        return StoreError("the database does not exist.", path=where, hint="Make it, or correct the catalog's URI.")
    if "unable to open database file" in words or "readonly database" in words:
        return StoreError("the catalog's file cannot be written.", path=where, hint="Change its owner, mode or place.")
    if "not a database" in words or "malformed" in words:
        return StoreError("the catalog's file is damaged.", path=where, hint="Restore it from a copy.")
    if "database is locked" in words:
        return StoreError(
            f"another process has held the catalog for {BUSY_TIMEOUT_S} s.", path=where, hint="End it, then run again."
        )
    if "disk is full" in words or "no space left" in words or "could not extend file" in words:
        return StoreError("the catalog's disk is full.", path=where, hint="Free space there, then run again.")
    if any(sign in words for sign in ("refused", "could not translate", "timeout expired", "closed the connection")):
        return StoreError(
            "the catalog does not answer.", path=where, hint="Start it, or correct its URI; then run again."
        )
    return StoreError("the catalog failed.", path=where, hint="Look at its log; then run again.")


def _file_failure(text: str, settings: CatalogSettings) -> StoreError:
    where = settings.store.endpoint or settings.store.url
    words = text.lower()
    # Arrow writes the codes that it knows as REQUEST_TIME_TOO_SKEWED, and others as they came.
    plain = words.replace("_", "")
    if error_code := next((code for code in sorted(CLOCK | EXPIRED | REGION) if code.lower() in plain), None):
        return refusal_error(S3Refusal(error_code, read_refusal(text).region), where, path=settings.warehouse)
    if "access denied" in words or "access_denied" in words or "http response code: 403" in words:
        return StoreError(
            f"the store at {where} refused the credentials.",
            path=settings.warehouse,
            hint="Check the access key, its secret and what they may do in this bucket.",
        )
    if "certificate" in words or "ssl peer" in words:
        return StoreError(
            f"the certificate of the store at {where} is not trusted.",
            path=settings.warehouse,
            hint='Name the authority that signed it: `ca = "file:ca.pem"` of the store, or AWS_CA_BUNDLE.',
        )
    if "network_connection" in words or "couldn't connect" in words or "timeout" in words:
        return StoreError(
            f"the store at {where} does not answer.", path=settings.warehouse, hint="Start it, or correct `endpoint`."
        )
    if "no_such_bucket" in words or "bucket does not exist" in words:
        return StoreError(
            f"the bucket does not exist at {where}.",
            path=settings.warehouse,
            hint="Make it, or correct the store's `url`.",
        )
    if "no space left" in words:
        return StoreError("the disk is full.", path=settings.warehouse, hint="Free space there, then run again.")
    return StoreError(f"the store at {where} failed.", path=settings.warehouse, hint="Look at its log; then run again.")
