"""What the readers of a process do, left in a file once a second for whoever started the process.

The readers of a step run in its process, in a DataLoader's worker, or in a rank of torchrun. All of these inherit the
environment variable that names a folder, and each keeps a file of its own there. Without the variable nothing is done.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seatrial.batches.telemetry.reader_stats import Clock, Stats
from seatrial.stores.documents import to_json

FOLDER = "SEATRIAL_READINGS"
EVERY_S = 1.0
RECENT_S = 5.0  # eight ranges of 8 MiB come together, every 5 s from a wire of 13 MB/s: shorter would jump


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process has read, one reader after the other, and what of it in the last seconds."""

    world: int  # ranks that read in step; this process is one of them
    whole: Stats
    recent: Stats


class Reader(Protocol):
    """Whose `Stats` are looked at."""

    def stats(self) -> Stats:
        """What it has done."""
        ...


class Watcher:
    """Follows the readers of one process. Its thread ends when nothing was read for a while, or with the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._lock = threading.RLock()  # a collection of garbage in here may end a reader
        # Weak, and strong while it is looked at: who forgets a reader ends it, but not under its own clock's lock.
        self._readers: dict[Clock, weakref.ref[Reader]] = {}
        self._world = 1
        self._ended: Stats | None = None
        self._looks: deque[tuple[float, Stats]] = deque()
        self._thread: threading.Thread | None = None

    def begin(self, clock: Clock, reader: Reader, *, world: int) -> None:
        """The reader has started."""
        with self._lock:
            self._readers[clock] = weakref.ref(reader)
            self._world = world
            if not self._looks:
                self._looks.append((time.monotonic(), clock.read()))
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="seatrial-watcher", daemon=True)
                self._thread.start()

    def end(self, clock: Clock) -> None:
        """The reader has ended, and its clock stands still."""
        with self._lock:
            if self._readers.pop(clock, None) is not None:
                last = clock.read()
                self._ended = last if self._ended is None else last.after(self._ended)
                self.look()  # its process may be gone within the second

    def look(self) -> bool:
        """Keeps what was read until now; whether there was anything to read lately."""
        with self._lock:
            known = [] if self._ended is None else [self._ended]
            for reader in [reference() for reference in self._readers.values()]:
                if reader is None:  # forgotten, and about to end
                    return True
                known.append(reader.stats())
            whole = known[0]
            for later in known[1:]:
                whole = later.after(whole)
            now = time.monotonic()
            self._looks.append((now, whole))
            while self._looks[1][0] <= now - RECENT_S:
                self._looks.popleft()
            recent = whole.since(self._looks[0][1])
            self._write(Reading(self._world, whole, recent))
            return bool(self._readers) or recent.seconds > 0

    def _follow(self) -> None:
        while True:
            time.sleep(EVERY_S)
            with self._lock:
                if not self.look():
                    self._thread = None
                    return

    def _write(self, reading: Reading) -> None:
        draft = self._path.with_suffix(".draft")
        with suppress(OSError):  # a full disk, say: the step fails of it where it matters
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(to_json(reading))
            draft.replace(self._path)


_watchers: dict[tuple[int, str], Watcher] = {}  # by process, for a fork inherits what has no thread there, and folder


def watcher() -> Watcher | None:
    """That of this process; None where nobody wants to know."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return None
    mine = (os.getpid(), folder)
    return _watchers.get(mine) or _watchers.setdefault(mine, Watcher(Path(folder)))
