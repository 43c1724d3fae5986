"""The process that owns an embedded store's server: starts it, watches for users, and ends it.

Run as `python -P -m seatrial.stores.embedded.supervisor FOLDER IDLE_S`. The process that is started so returns once the
store answers (status 0) or could not be started (status 1); its child lives on in a session of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from seatrial.stores.embedded import seaweedfs
from seatrial.stores.embedded.certificates import make_certificates
from seatrial.stores.embedded.folder import EmbeddedFolder, holding, read_json, try_lock, wait_lock, write_json
from seatrial.stores.settings import StoreSettings

ATTEMPTS = 3  # a port can be taken between choosing it and starting on it
OLD_SERVER_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
LARGEST_LOG_BYTES = 2**20
_POLL_S = 0.5
_READY = b"+"


def main(arguments: list[str]) -> int:
    """Starts the supervisor as a process of its own and waits until the store answers."""
    folder = EmbeddedFolder(Path(arguments[0]))
    idle_s = float(arguments[1])
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        os.setsid()
        status = 1
        try:
            status = _supervise(folder, idle_s, writer)
        finally:
            os._exit(status)  # the parent's buffers and exit handlers are not this process's to run
    os.close(writer)
    with os.fdopen(reader, "rb") as ready_pipe:
        return 0 if ready_pipe.read(1) == _READY else 1


def _supervise(folder: EmbeddedFolder, idle_s: float, writer: int) -> int:
    own = try_lock(folder.lock("supervisor"))
    if own is None:  # another one is there, and whoever asked will find it
        os.write(writer, _READY)
        return 0
    os.ftruncate(own, 0)
    os.pwrite(own, str(os.getpid()).encode(), 0)
    stopping = _StopSignals()
    with holding(own):
        folder.server.unlink(missing_ok=True)
        if folder.log.exists() and folder.log.stat().st_size > LARGEST_LOG_BYTES:
            folder.log.replace(folder.log.with_suffix(".old.log"))
        server_lock = wait_lock(folder.lock("server"), until=time.monotonic() + OLD_SERVER_TIMEOUT_S)
        if server_lock is None:
            folder.log.write_text("the server of an earlier start does not end\n")
            return 1
        sockets = Path(tempfile.mkdtemp(prefix="seatrial-"))
        try:
            with holding(server_lock):
                server = _start(folder, sockets, server_lock)
            if server is None:
                return 1
            try:
                os.write(writer, _READY)
                os.close(writer)
                users = _watch(folder, server, idle_s, stopping)
            finally:
                folder.server.unlink(missing_ok=True)
                _end(server)
                seaweedfs.remove_sockets(read_json(folder.ports) or {})
            if users is not None:
                os.close(users)
        finally:
            shutil.rmtree(sockets, ignore_errors=True)
    return 0


class _StopSignals:
    """Whether this process was asked to end."""

    def __init__(self) -> None:
        self.requested = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True


def _start(folder: EmbeddedFolder, sockets: Path, server_lock: int) -> subprocess.Popen[bytes] | None:
    credentials = folder.credentials()
    certificate = make_certificates(sockets, seaweedfs.HOST)
    environment = seaweedfs.weed_environment(credentials, folder.inner_key(), certificate)
    weed = seaweedfs.find_weed()
    for attempt in range(ATTEMPTS):
        ports = seaweedfs.free_ports(read_json(folder.ports) if attempt == 0 else None)
        (folder.data / "mini.options").unlink(missing_ok=True)  # the server's own copy of earlier options
        server = seaweedfs.start_weed(
            seaweedfs.weed_command(weed, folder.data, sockets, ports), environment, folder.log, server_lock
        )
        endpoint = f"http://{seaweedfs.HOST}:{ports['s3']}"
        try:
            ready = seaweedfs.wait_until_ready(server, StoreSettings(f"s3://{seaweedfs.BUCKET}", endpoint, credentials))
        except BaseException:
            _end(server)
            raise
        if ready:
            write_json(folder.ports, ports)
            write_json(folder.server, {"endpoint": endpoint, "server_pid": server.pid, "supervisor_pid": os.getpid()})
            return server
        _end(server)
    return None


def _watch(
    folder: EmbeddedFolder, server: subprocess.Popen[bytes], idle_s: float, stopping: _StopSignals
) -> int | None:
    """Returns when the store is to end; with the users' lock, where it is because nobody uses it."""
    users = folder.lock("users")
    last_used = time.time()
    while server.poll() is None and not stopping.requested:
        alone = try_lock(users)
        if alone is None:
            last_used = time.time()
        else:
            # users touch the file when they come and go, so that those between two looks count too
            last_used = max(last_used, users.stat().st_mtime)
            if time.time() - last_used >= idle_s:
                return alone
            os.close(alone)
        time.sleep(min(_POLL_S, idle_s / 4))
    return None


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
