"""What the processes of a step read, as they left it in a folder (see `watched`), in a few words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.batches.telemetry.reader_stats import WAITS_RARELY, Bottleneck, told
from seatrial.batches.telemetry.reading_files import EVERY_S, Reading
from seatrial.errors import Corrupt
from seatrial.stores.documents import from_json

STALE_S = 2.5 * EVERY_S  # a process that has left nothing for so long has ended, or was killed
SHOWN_AFTER_S = 2.0  # of reading: what is over sooner would only flicker
LITTLE_S = 1.0  # of waiting in all: not worth a word


@dataclass(frozen=True, slots=True)
class Left:
    """What a process has left, and how long ago."""

    reading: Reading
    age_s: float


def left_in(folder: Path) -> list[Left]:
    """What the processes have left so far; none where none reads."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, Corrupt):  # another version's, or gone between two looks: not worth an error
            age_s = time.time() - path.stat().st_mtime
            found.append(Left(from_json(Reading, path.read_bytes(), path=str(path)), age_s))
    return found


def live_line(found: Sequence[Left]) -> str:
    """How far the epoch is, what is waited for, and how fast all ranks read; "" where nothing is read now."""
    now = [one.reading for one in found if one.age_s <= STALE_S and one.reading.recent.seconds > 0]
    if sum(one.whole.seconds for one in now) < SHOWN_AFTER_S:
        return ""
    ahead = max((one.whole for one in now), key=lambda stats: (stats.epoch, stats.done))
    rows_per_s = sum(one.recent.rows / one.recent.seconds for one in now)
    bytes_per_s = sum(one.recent.fetched_bytes / one.recent.seconds for one in now)
    return told(ahead.epoch, ahead.done, rows_per_s, bytes_per_s, _limit(now))


def _limit(readings: Sequence[Reading]) -> Bottleneck | None:
    """Ranks wait for the slowest one, and look busy meanwhile: the one that waits most speaks for all."""
    named = [one.recent for one in readings if one.recent.bottleneck is not None]
    return max(named, key=lambda stats: stats.waited_s / stats.seconds).bottleneck if named else None


def waited_line(found: Sequence[Left], step_s: float) -> str:
    """How much of the step's time went to waiting for data, and what for; "" where that was little."""
    waited_s = sum(one.reading.whole.waited_s / one.reading.world for one in found)
    if waited_s < max(LITTLE_S, WAITS_RARELY * step_s):
        return ""
    wire = sum(one.reading.whole.waited_for_wire_s for one in found)
    decode = sum(one.reading.whole.waited_for_decode_s for one in found)
    return f"{waited_s:.1f} s of them waiting for {'decoding' if decode > wire else 'the wire'}"
