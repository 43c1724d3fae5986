"""Exports what the readers of a process do to a file, once a second, for whoever started the process.

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

FOLDER_VARIABLE = "SEATRIAL_TELEMETRY"
EXPORT_INTERVAL_S = 1.0
RECENT_S = 5.0  # eight ranges of 8 MiB come together, every 5 s from a wire of 13 MB/s: shorter would jump


@dataclass(frozen=True, slots=True)
class StatsSnapshot:
    """What a process has read, one reader after the other, and what of it in the last seconds."""

    world: int  # ranks that read in step; this process is one of them
    whole: Stats
    recent: Stats


class Reader(Protocol):
    """Whose `Stats` are looked at."""

    def stats(self) -> Stats:
        """What it has done."""
        ...


class StatsExporter:
    """Follows the readers of one process. Its thread ends when nothing was read for a while, or with the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._lock = threading.RLock()  # a collection of garbage in here may end a reader
        # Weak, and strong while it is looked at: who forgets a reader ends it, but not under its own clock's lock.
        self._readers: dict[Clock, weakref.ref[Reader]] = {}
        self._world = 1
        self._ended: Stats | None = None
        self._samples: deque[tuple[float, Stats]] = deque()
        self._thread: threading.Thread | None = None

    def begin(self, clock: Clock, reader: Reader, *, world: int) -> None:
        """The reader has started."""
        with self._lock:
            self._readers[clock] = weakref.ref(reader)
            self._world = world
            if not self._samples:
                self._samples.append((time.monotonic(), clock.read()))
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="seatrial-telemetry", daemon=True)
                self._thread.start()

    def end(self, clock: Clock) -> None:
        """The reader has ended, and its clock stands still."""
        with self._lock:
            if self._readers.pop(clock, None) is not None:
                last = clock.read()
                self._ended = last if self._ended is None else last.after(self._ended)
                self.export()  # its process may be gone within the second

    def export(self) -> bool:
        """Keeps what was read until now; whether there was anything to read lately."""
        with self._lock:
            parts = [] if self._ended is None else [self._ended]
            for reader in [reference() for reference in self._readers.values()]:
                if reader is None:  # forgotten, and about to end
                    return True
                parts.append(reader.stats())
            whole = parts[0]
            for later in parts[1:]:
                whole = later.after(whole)
            now = time.monotonic()
            self._samples.append((now, whole))
            while self._samples[1][0] <= now - RECENT_S:
                self._samples.popleft()
            recent = whole.since(self._samples[0][1])
            self._write(StatsSnapshot(self._world, whole, recent))
            return bool(self._readers) or recent.seconds > 0

    def _follow(self) -> None:
        while True:
            time.sleep(EXPORT_INTERVAL_S)
            with self._lock:
                if not self.export():
                    self._thread = None
                    return

    def _write(self, snapshot: StatsSnapshot) -> None:
        draft = self._path.with_suffix(".draft")
        with suppress(OSError):  # a full disk, say: the step fails of it where it matters
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(to_json(snapshot))
            draft.replace(self._path)


# By process, for a fork inherits what has no thread there, and by folder.
_exporters: dict[tuple[int, str], StatsExporter] = {}


def process_exporter() -> StatsExporter | None:
    """The exporter of this process; None where no folder is named."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        return None
    mine = (os.getpid(), folder)
    return _exporters.get(mine) or _exporters.setdefault(mine, StatsExporter(Path(folder)))
