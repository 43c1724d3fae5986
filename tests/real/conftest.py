"""Real servers for the tests of this folder: each on free ports of 127.0.0.1, ended by its own process id.

`store` is a fresh prefix on each object store in turn, `catalog` a fresh catalog of each kind on each of them;
`seaweed_store`, `minio_store` and `sqlite_catalog` are single ones, for tests where one is enough.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.stores.embedded.certificates import make_certificates
from seatrial.stores.embedded.lease import embedded_store, stop
from seatrial.stores.settings import CatalogSettings, Credentials, StoreSettings

# A run of a small project takes 10 s on idle cores, and took 130 s on two that eight others shared; a test has several.
TEST_TIMEOUT_S = 1200.0
START_TIMEOUT_S = 60.0
BUCKET = "lake"
INITDB_OPTIONS = ("-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync")
POSTGRES_OPTIONS = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")


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
    program = os.environ.get("SEATRIAL_TEST_MINIO") or shutil.which("minio")
    if not program or not Path(program).is_file():
        pytest.skip("no MinIO: set SEATRIAL_TEST_MINIO to its program, or put `minio` on PATH")
    folder = tmp_path_factory.mktemp("minio")
    (folder / BUCKET).mkdir()
    port, console = free_port(), free_port()
    secrets = Credentials("seatrial-tests", uuid.uuid4().hex)
    with running(
        [program, "server", str(folder), "--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}"],
        port,
        environment={
            "MINIO_ROOT_USER": secrets.access_key,
            "MINIO_ROOT_PASSWORD": secrets.secret_key,
            "MINIO_BROWSER": "off",
            "HOME": str(folder),
        },
    ):
        yield StoreSettings(f"s3://{BUCKET}/tests", f"http://127.0.0.1:{port}", secrets)


@pytest.fixture(scope="session")
def tls_minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """MinIO with a certificate of a private authority; the settings name that authority."""
    program = os.environ.get("SEATRIAL_TEST_MINIO") or shutil.which("minio")
    if not program or not Path(program).is_file():
        pytest.skip("no MinIO: set SEATRIAL_TEST_MINIO to its program, or put `minio` on PATH")
    folder, certificates = tmp_path_factory.mktemp("minio-tls"), tmp_path_factory.mktemp("certificates")
    (folder / BUCKET).mkdir()
    made = make_certificates(certificates, "127.0.0.1")
    shutil.copy(made.certificate, certificates / "public.crt")
    shutil.copy(made.key, certificates / "private.key")
    port, console = free_port(), free_port()
    secrets = Credentials("seatrial-tests", uuid.uuid4().hex)
    with running(
        [
            *(program, "server", str(folder), "--address", f"127.0.0.1:{port}"),
            *("--console-address", f"127.0.0.1:{console}", "--certs-dir", str(certificates)),
        ],
        port,
        environment={
            "MINIO_ROOT_USER": secrets.access_key,
            "MINIO_ROOT_PASSWORD": secrets.secret_key,
            "MINIO_BROWSER": "off",
            "HOME": str(folder),
        },
    ):
        yield StoreSettings(f"s3://{BUCKET}/tests", f"https://127.0.0.1:{port}", secrets, ca=made.authority)


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
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server: put `initdb` on PATH, or install the package postgresql")
    # initdb and the server refuse to run as root, and pytest's own folders are closed to other users
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="seatrial-postgres-"))
    try:
        password = uuid.uuid4().hex
        (folder / "password").write_text(password)
        as_user: list[str] = []
        if user is not None:
            as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        subprocess.run(
            [
                *as_user,
                *(str(programs / "initdb"), "-D", str(folder / "data"), "-U", "seatrial"),
                *(f"--pwfile={folder / 'password'}", *INITDB_OPTIONS),
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            timeout=START_TIMEOUT_S,
        )
        port = free_port()
        with running(
            [*as_user, str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port), *POSTGRES_OPTIONS],
            port,
            end_with=signal.SIGINT,  # "fast": it does not wait for its clients
        ):
            yield f"postgresql://seatrial:{password}@127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder)


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str],
    port: int,
    *,
    environment: dict[str, str] | None = None,
    end_with: signal.Signals = signal.SIGTERM,
) -> Iterator[None]:
    """A server for the time of the block, from the moment its port answers."""
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            until = time.monotonic() + START_TIMEOUT_S
            while not _answers(port):
                if server.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    pytest.fail(f"{command[0]} did not start: {log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.1)
            yield
        finally:
            server.send_signal(end_with)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _postgres_programs() -> Path | None:
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    if shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL does not run as root, and there is no setpriv to become somebody else")
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
