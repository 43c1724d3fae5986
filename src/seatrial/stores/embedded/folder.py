"""The folder of an embedded store: which files it has, and the locks by which processes find each other.

Locks are flock(2) on files: the kernel lets go of them when their holder ends, however it ends, so nothing here can be
left behind by kill -9 or a restart of the machine.

- `users.lock`: shared by every command that uses the store; the supervisor takes it alone to end the store.
- `starting.lock`: held while a command looks for the store or starts it, so that two at once start one.
- `supervisor.lock`: held by the supervisor for its life; holds its process id.
- `server.lock`: inherited by the server process; a new server waits for the old one to be gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import Corrupt, StoreError
from seatrial.stores.settings import Credentials

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class EmbeddedFolder:
    """The files of one project's embedded store, all within `folder` (DIR/.seatrial/store)."""

    folder: Path

    @property
    def data(self) -> Path:
        """What the server stores."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server and its supervisor say."""
        return self.folder / "server.log"

    @property
    def server(self) -> Path:
        """The running server's endpoint; there only while it answers."""
        return self.folder / "server.json"

    @property
    def ports(self) -> Path:
        """The ports of the last start, used again when they are free."""
        return self.folder / "ports.json"

    def lock(self, name: str) -> Path:
        """The file of a lock: "users", "starting", "supervisor" or "server"."""
        return self.folder / f"{name}.lock"

    def make(self) -> None:
        """Makes the folder, closed to other users of the machine."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self.data.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the embedded store's folder cannot be made: {error.strerror}.",
                path=str(self.folder),
                hint="Give the project a folder that you may write to.",
            ) from None

    def credentials(self) -> Credentials:
        """The store's own key pair, generated at the first call and kept with mode 0600."""
        keys = self._keys()
        return Credentials(keys["access_key"], keys["secret_key"])

    def inner_key(self) -> str:
        """The key by which the server's own parts know each other."""
        return self._keys()["inner_key"]

    def endpoint(self) -> str | None:
        """Where the server answers, or None while it does not."""
        document = read_json(self.server)
        return None if document is None else str(document["endpoint"])

    def _keys(self) -> dict[str, str]:
        path = self.folder / "credentials.json"
        if not path.exists():
            fresh = {
                "access_key": "seatrial-" + secrets.token_hex(8),
                "secret_key": secrets.token_urlsafe(32),
                "inner_key": secrets.token_urlsafe(32),
            }
            write_json(path, fresh, if_absent=True)
        keys = read_json(path) or {}
        if not {"access_key", "secret_key", "inner_key"} <= keys.keys():
            raise Corrupt("the embedded store's credentials are not complete.", path=str(path), hint=_KEYS_MEND)
        return {key: str(value) for key, value in keys.items()}


_KEYS_MEND = "Restore the file, or delete it: new credentials are made, the data stays."


def write_json(path: Path, value: Mapping[str, object], *, if_absent: bool = False) -> None:
    """Writes a small file whole or not at all, mode 0600."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(value, file)
        if if_absent:
            try:
                os.link(fresh, path)
            except FileExistsError:
                return
        else:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, object] | None:
    """The object that a small file holds; None when there is no such file."""
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Corrupt("the file does not hold a JSON object.", path=str(path), hint="Delete it; it is made again.")
    return document


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """The descriptor that holds the lock, or None when another process has it. Closing it lets go."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise StoreError(
            f"files cannot be locked here: {error.strerror}.",
            path=str(path),
            hint="Put the project on a local disk, or name a store in its profile.",
        ) from None
    return descriptor


def wait_lock(path: Path, *, until: float) -> int | None:
    """Like `try_lock`, again and again until the monotonic time `until`."""
    while (held := try_lock(path)) is None and time.monotonic() < until:
        time.sleep(_POLL_S)
    return held


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock."""
    held = try_lock(path)
    if held is not None:
        os.close(held)
    return held is None


@contextmanager
def holding(descriptor: int) -> Iterator[None]:
    """Lets go of a lock at the end of the block."""
    try:
        yield
    finally:
        os.close(descriptor)
