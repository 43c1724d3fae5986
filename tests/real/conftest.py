"""Real servers for the tests of this folder: each on free ports of 127.0.0.1, ended by its own process id.

`store` is a fresh prefix on each object store in turn, `catalog` a fresh catalog of each kind on each of them;
`seaweed_store`, `minio_store` and `sqlite_catalog` are single ones, for tests where one is enough.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.stores.embedded.certificates import make_certificates
from seatrial.stores.embedded.lease import embedded_store, stop
from seatrial.stores.settings import CatalogSettings, StoreSettings
from tests.servers import BUCKET, minio_server, postgres_server

# A run of a small project takes 10 s on idle cores, and took 130 s on two that eight others shared; a test has several.
TEST_TIMEOUT_S = 1200.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.real)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """The embedded store, as every laptop has it."""
    state = tmp_path_factory.mktemp("seaweed") / ".seatrial"
    with embedded_store(state, "tests") as settings:
        yield settings
    stop(state)


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """MinIO, the reference for every other S3 endpoint."""
    with minio_server(tmp_path_factory.mktemp("minio")) as settings:
        yield settings


@pytest.fixture(scope="session")
def tls_minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """MinIO with a certificate of a private authority; the settings name that authority."""
    certificates = tmp_path_factory.mktemp("certificates")
    made = make_certificates(certificates, "127.0.0.1")
    shutil.copy(made.certificate, certificates / "public.crt")
    shutil.copy(made.key, certificates / "private.key")
    with minio_server(tmp_path_factory.mktemp("minio-tls"), certificates=certificates) as settings:
        yield replace(settings, ca=made.authority)


@pytest.fixture
def seaweed_store(seaweed: StoreSettings) -> StoreSettings:
    return fresh_prefix(seaweed)


@pytest.fixture
def minio_store(minio: StoreSettings) -> StoreSettings:
    return fresh_prefix(minio)


@pytest.fixture(params=["seaweed", "minio"])
def store(request: pytest.FixtureRequest) -> StoreSettings:
    settings: StoreSettings = request.getfixturevalue(request.param)
    return fresh_prefix(settings)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server; its URI without a database, with the user and the password in it."""
    with postgres_server() as uri:
        yield uri


@pytest.fixture
def postgres_database(postgres: str) -> str:
    """The URI of a fresh database."""
    psycopg2 = pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    name = f"test_{uuid.uuid4().hex[:12]}"
    connection = psycopg2.connect(f"{postgres}/postgres")
    try:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    finally:
        connection.close()
    return f"{postgres}/{name}"


@pytest.fixture
def sqlite_catalog(seaweed_store: StoreSettings, tmp_path: Path) -> CatalogSettings:
    return catalog_settings(f"sqlite:///{tmp_path / 'catalog.db'}", seaweed_store)


@pytest.fixture(params=["sqlite", "postgres"])
def catalog(request: pytest.FixtureRequest, store: StoreSettings, tmp_path: Path) -> CatalogSettings:
    if request.param == "sqlite":
        return catalog_settings(f"sqlite:///{tmp_path / 'catalog.db'}", store)
    return catalog_settings(request.getfixturevalue("postgres_database"), store)


def catalog_settings(uri: str, store: StoreSettings) -> CatalogSettings:
    return CatalogSettings(uri=uri, warehouse=f"{store.url}/warehouse", store=store)


def fresh_prefix(store: StoreSettings) -> StoreSettings:
    return replace(store, url=f"s3://{BUCKET}/t-{uuid.uuid4().hex[:12]}")
