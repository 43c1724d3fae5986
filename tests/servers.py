"""Real servers for tests: each on free ports, of 127.0.0.1 unless told otherwise, ended by its own process id."""

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from seatrial.stores.settings import Credentials, StoreSettings

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 240.0  # of what takes seconds on idle cores
BUCKET = "lake"
INITDB_OPTIONS = ("-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync")


@contextmanager
def minio_server(folder: Path, *, address: str = LOOPBACK, certificates: Path | None = None) -> Iterator[StoreSettings]:
    """MinIO over a folder, with TLS where there is a folder of certificates; skips where the program is not."""
    program = os.environ.get("SEATRIAL_TEST_MINIO") or shutil.which("minio")
    if not program or not Path(program).is_file():
        pytest.skip("no MinIO: set SEATRIAL_TEST_MINIO to its program, or put `minio` on PATH")
    (folder / BUCKET).mkdir()
    port, console = free_port(address), free_port()
    secrets = Credentials("seatrial-tests", uuid.uuid4().hex)
    command = [program, "server", str(folder), "--address", f"{address}:{port}"]
    command += ["--console-address", f"{LOOPBACK}:{console}"]
    with running(
        command if certificates is None else [*command, "--certs-dir", str(certificates)],
        port,
        address=address,
        environment={
            "MINIO_ROOT_USER": secrets.access_key,
            "MINIO_ROOT_PASSWORD": secrets.secret_key,
            "MINIO_BROWSER": "off",
            "HOME": str(folder),
        },
    ):
        scheme = "http" if certificates is None else "https"
        yield StoreSettings(f"s3://{BUCKET}/tests", f"{scheme}://{address}:{port}", secrets)


@contextmanager
def postgres_server(*, address: str = LOOPBACK, networks: Sequence[str] = ()) -> Iterator[str]:
    """PostgreSQL, for clients of this machine and of `networks`; its URI without a database, with user and password."""
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
        with (folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.writelines(f"host all all {network} scram-sha-256\n" for network in networks)
        port = free_port(address)
        with running(
            [
                *as_user,
                str(programs / "postgres"),
                "-D",
                str(folder / "data"),
                "-p",
                str(port),
                "-c",
                f"listen_addresses={address}",
                *("-c", "unix_socket_directories=", "-c", "fsync=off"),
            ],
            port,
            address=address,
            end_with=signal.SIGINT,  # "fast": it does not wait for its clients
        ):
            ready = [str(programs / "pg_isready"), "-q", "-h", address, "-p", str(port)]
            until = time.monotonic() + START_TIMEOUT_S  # its port answers before it takes anybody in
            while subprocess.run(ready, check=False).returncode != 0 and time.monotonic() < until:
                time.sleep(0.1)
            yield f"postgresql://seatrial:{password}@{address}:{port}"
    finally:
        shutil.rmtree(folder)


def free_port(address: str = LOOPBACK) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str],
    port: int,
    *,
    address: str = LOOPBACK,
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
            while not _answers(address, port):
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


def _answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


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
