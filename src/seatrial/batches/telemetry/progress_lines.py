"""How far the processes of a step have read, in a few words, from the snapshots that they export."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.batches.telemetry.reader_stats import WAITS_RARELY, Bottleneck, progress_line
from seatrial.batches.telemetry.stats_exporter import EXPORT_INTERVAL_S, StatsSnapshot
from seatrial.errors import Corrupt
from seatrial.stores.documents import from_json

STALE_S = 2.5 * EXPORT_INTERVAL_S  # a process that has exported nothing for so long has ended, or was killed
SHOWN_AFTER_S = 2.0  # of reading: what is over sooner would only flicker
LITTLE_S = 1.0  # of waiting in all: not worth a word


@dataclass(frozen=True, slots=True)
class ExportedSnapshot:
    """A snapshot that a process has exported, and how long ago."""

    snapshot: StatsSnapshot
    age_s: float


def read_snapshots(folder: Path) -> list[ExportedSnapshot]:
    """What the processes have exported so far; none where none reads."""
    snapshots = []
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, Corrupt):  # another version's, or gone between two looks: not worth an error
            age_s = time.time() - path.stat().st_mtime
            snapshots.append(ExportedSnapshot(from_json(StatsSnapshot, path.read_bytes(), path=str(path)), age_s))
    return snapshots


def live_line(exported: Sequence[ExportedSnapshot]) -> str:
    """How far the epoch is, what is waited for, and how fast all ranks read; "" where nothing is read now."""
    now = [item.snapshot for item in exported if item.age_s <= STALE_S and item.snapshot.recent.seconds > 0]
    if sum(item.whole.seconds for item in now) < SHOWN_AFTER_S:
        return ""
    ahead = max((item.whole for item in now), key=lambda stats: (stats.epoch, stats.done))
    rows_per_s = sum(item.recent.rows / item.recent.seconds for item in now)
    bytes_per_s = sum(item.recent.fetched_bytes / item.recent.seconds for item in now)
    return progress_line(ahead.epoch, ahead.done, rows_per_s, bytes_per_s, _limit(now))


def _limit(snapshots: Sequence[StatsSnapshot]) -> Bottleneck | None:
    """Ranks wait for the slowest one, and look busy meanwhile: the one that waits most speaks for all."""
    limited = [item.recent for item in snapshots if item.recent.bottleneck is not None]
    return max(limited, key=lambda stats: stats.waited_s / stats.seconds).bottleneck if limited else None


def waited_line(exported: Sequence[ExportedSnapshot], step_s: float) -> str:
    """How much of the step's time went to waiting for data, and what for; "" where that was little."""
    waited_s = sum(item.snapshot.whole.waited_s / item.snapshot.world for item in exported)
    if waited_s < max(LITTLE_S, WAITS_RARELY * step_s):
        return ""
    wire = sum(item.snapshot.whole.waited_for_wire_s for item in exported)
    decode = sum(item.snapshot.whole.waited_for_decode_s for item in exported)
    return f"{waited_s:.1f} s of them waiting for {'decoding' if decode > wire else 'the wire'}"
