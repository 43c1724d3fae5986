"""What several processes read, in a few words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.batches.telemetry.progress_lines import ExportedSnapshot, live_line, read_snapshots, waited_line
from seatrial.batches.telemetry.reader_stats import Stats
from seatrial.batches.telemetry.stats_exporter import StatsSnapshot

RECENT = Stats(
    epoch=3,
    done=0.415,
    seconds=5.0,
    starting_s=0.0,
    rows=1_000_000,
    batches=250,
    fetched_bytes=800_000_000,
    requests=100,
    waited_s=0.0,
    waited_for_wire_s=0.0,
    waited_for_decode_s=0.0,
    fetching_s=20.0,
    making_s=5.0,
    fetchers=8,
    makers=2,
)


def left(
    *, age_s: float = 0.5, world: int = 1, wire_s: float = 0.0, decode_s: float = 0.0, so_far_s: float = 60
) -> ExportedSnapshot:
    waits: Any = {"waited_s": wire_s + decode_s, "waited_for_wire_s": wire_s, "waited_for_decode_s": decode_s}
    recent = replace(RECENT, **waits)
    return ExportedSnapshot(StatsSnapshot(world, replace(recent, seconds=so_far_s), recent), age_s)


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        ({}, "epoch 3: 41 % read, the trainer is busy, 200k rows/s, 160 MB/s"),
        ({"wire_s": 2.0}, "epoch 3: 41 % read, waiting for the wire, 200k rows/s, 160 MB/s"),
        ({"decode_s": 2.0}, "epoch 3: 41 % read, waiting for decoding, 200k rows/s, 160 MB/s"),
    ],
)
def test_the_line_has_first_how_far_and_why(waits: Any, expected: str) -> None:
    assert live_line([left(**waits)]) == expected


def test_ranks_are_told_together_and_the_one_that_waits_says_what_for() -> None:
    ranks = [left(world=2), left(world=2, wire_s=3.0)]
    assert live_line(ranks) == "epoch 3: 41 % read, waiting for the wire, 400k rows/s, 320 MB/s"


def test_before_the_first_batch_nothing_is_blamed() -> None:
    start = replace(RECENT, rows=0, batches=0, done=0.0, starting_s=5.0)
    assert live_line([ExportedSnapshot(StatsSnapshot(1, start, start), 0.5)]) == "epoch 3: 0 % read, starting, 160 MB/s"


@pytest.mark.parametrize("found", [[], [left(so_far_s=1.0)], [left(age_s=60.0)]], ids=["nothing", "short", "gone"])
def test_nothing_is_said_of_what_would_flicker_or_has_ended(found: list[ExportedSnapshot]) -> None:
    assert live_line(found) == ""


def test_a_step_that_waited_says_how_long_and_for_what() -> None:
    assert waited_line([left(wire_s=19.6)], 63.2) == "19.6 s of them waiting for the wire"
    assert waited_line([left(decode_s=19.6)], 63.2) == "19.6 s of them waiting for decoding"


def test_ranks_that_wait_at_once_wait_once() -> None:
    assert waited_line([left(world=2, wire_s=10.0), left(world=2, wire_s=20.0)], 63.2).startswith("15.0 s")


def test_little_waiting_is_not_worth_a_word() -> None:
    assert waited_line([left(wire_s=0.9)], 1.0) == ""  # under a second
    assert waited_line([left(wire_s=4.0)], 100.0) == ""  # under one part in twenty
    assert waited_line([], 100.0) == ""


def test_what_is_not_a_reading_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1-a.json").write_text("{}")
    (tmp_path / "1-b.draft").write_text("{")
    assert read_snapshots(tmp_path) == []
    assert read_snapshots(tmp_path / "none") == []
