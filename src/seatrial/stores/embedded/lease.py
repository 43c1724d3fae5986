"""The store that a project on a laptop has without asking: one S3 server a project, started when it is needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import StoreError
from seatrial.stores.embedded.folder import EmbeddedFolder, holding, is_locked, try_lock, wait_lock
from seatrial.stores.embedded.seaweedfs import BUCKET, find_weed
from seatrial.stores.settings import StoreSettings

IDLE_S = 60.0
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0
_POLL_S = 0.05
_LOG_LINES = 5


@dataclass(frozen=True, slots=True)
class EmbeddedStatus:
    """What the embedded store is doing. `endpoint` and `pid` (of its supervisor) are None while it does not run."""

    folder: str
    endpoint: str | None
    pid: int | None
    in_use: bool


@contextmanager
def embedded_store(state: Path, name: str, *, idle_s: float = IDLE_S) -> Iterator[StoreSettings]:
    """The store of the project `name` whose state folder (DIR/.seatrial) is `state`, held while the block runs.

    The first user starts it; it ends `idle_s` seconds after the last one left. A user that is killed has left.
    """
    folder = _folder(state)
    folder.make()
    find_weed()  # a missing program is said here, not in the supervisor's log
    lease = _come(folder, idle_s)
    try:
        endpoint = folder.endpoint()
        if endpoint is None:  # it was stopped in this very moment
            raise StoreError("the embedded store was stopped.", path=str(folder.folder), hint="Run the command again.")
        os.utime(lease)
        yield StoreSettings(f"s3://{BUCKET}/{name}", endpoint, folder.credentials())
    finally:
        with holding(lease):
            os.utime(lease)


def status(state: Path) -> EmbeddedStatus:
    """What the store of this state folder is doing; starts nothing."""
    folder = _folder(state)
    if not folder.folder.is_dir() or not is_locked(folder.lock("supervisor")):
        return EmbeddedStatus(str(folder.folder), None, None, in_use=False)
    return EmbeddedStatus(str(folder.folder), folder.endpoint(), _supervisor(folder), is_locked(folder.lock("users")))


def stop(state: Path) -> bool:
    """Ends the store, whoever uses it; False when it did not run. What was written stays."""
    folder = _folder(state)
    if not folder.folder.is_dir() or not is_locked(folder.lock("supervisor")):
        return False
    supervisor = _supervisor(folder)
    if supervisor is not None:
        os.kill(supervisor, signal.SIGTERM)
    ended = wait_lock(folder.lock("supervisor"), until=time.monotonic() + STOP_TIMEOUT_S)
    if ended is None:
        raise StoreError(f"the embedded store did not end within {STOP_TIMEOUT_S:g} s.", path=str(folder.log))
    os.close(ended)
    return True


def _folder(state: Path) -> EmbeddedFolder:
    return EmbeddedFolder(state.absolute() / "store")


def _supervisor(folder: EmbeddedFolder) -> int | None:
    # The lock's holder wrote its number into the file, so while it is held the number is that process's.
    text = folder.lock("supervisor").read_text()
    return int(text) if text.isdigit() else None


def _come(folder: EmbeddedFolder, idle_s: float) -> int:
    """A lease on a store that answers."""
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        starting = wait_lock(folder.lock("starting"), until=until)
        if starting is None:
            break
        with holding(starting):
            lease = try_lock(folder.lock("users"), shared=True)
            if lease is None:  # it is ending; or its supervisor is just looking whether anybody is there
                time.sleep(_POLL_S)
                continue
            try:
                if _answers(folder, until):
                    return lease
                _start(folder, idle_s)
                if _answers(folder, until):
                    return lease
            except BaseException:
                os.close(lease)
                raise
            os.close(lease)
    raise StoreError(
        f"the embedded store could not be had within {START_TIMEOUT_S:g} s.",
        path=str(folder.log),
        hint="Look at its log; `seatrial store stop` ends it.",
    )


def _answers(folder: EmbeddedFolder, until: float) -> bool:
    """Whether there is a supervisor whose server answers; waits for one that is just starting, or ending."""
    while time.monotonic() < until and is_locked(folder.lock("supervisor")):
        if folder.endpoint() is not None:
            return True
        time.sleep(_POLL_S)
    return False


def _start(folder: EmbeddedFolder, idle_s: float) -> None:
    # -P: the working folder is a project's, and its modules must not stand in for the standard library's
    with folder.log.open("ab") as log:
        started = subprocess.run(
            [sys.executable, "-P", "-m", "seatrial.stores.embedded.supervisor", str(folder.folder), repr(idle_s)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder.folder,
            check=False,
            timeout=START_TIMEOUT_S,
        )
    if started.returncode != 0:
        log_end = "".join(f"\n  {line}" for line in _last_lines(folder.log))
        raise StoreError(
            f"the embedded store did not start.{log_end}",
            path=str(folder.log),
            hint="\nIf the disk is full, free space there; the whole log is in this file.",
        )


def _last_lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
