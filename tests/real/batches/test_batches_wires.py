"""Several parts of a buffer from one request: each is filled with its own bytes, and nothing else is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.batches.wire.http_wire import HttpWire, Limits
from seatrial.batches.wire.wire import FolderWire, Wire
from seatrial.errors import ObjectChanged
from tests.real.batches.faulty_server import FaultyServer, serving

SIZE = 3000
DATA = np.random.default_rng(7).integers(0, 256, SIZE, np.uint8).tobytes()
GUARD = 3  # bytes between two parts, which belong to neither
LIMITS = Limits(silence_s=0.05, failures=20, pause_s=0.0001, longest_pause_s=0.001)
LENGTHS = st.lists(st.integers(1, 400), min_size=1, max_size=7)


def read_in_parts(wire: Wire, path: str, start: int, lengths: list[int]) -> None:
    """Reads, and compares every byte of the buffer with what is to be there."""
    file = wire.tail(path, None, 8).file
    buffer = np.zeros(sum(lengths) + GUARD * (len(lengths) + 1), np.uint8)
    expected, parts, at, of = buffer.copy(), [], GUARD, start
    for length in lengths:
        parts.append(buffer.data[at : at + length])
        expected[at : at + length] = np.frombuffer(DATA[of : of + length], np.uint8)
        at, of = at + length + GUARD, of + length
    wire.read(file, start, parts)
    assert buffer.tobytes() == expected.tobytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("parts")
    (place / "a").write_bytes(DATA)
    return place


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[FaultyServer]:
    with serving(folder, stall_s=0.1) as found:
        yield found


@given(LENGTHS, st.integers(0, 200), st.integers(1, 500))
def test_a_local_file_fills_all_parts_however_little_the_system_gives_at_once(
    folder: Path, lengths: list[int], start: int, most: int
) -> None:
    whole = os.preadv
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "preadv", lambda descriptor, into, at: whole(descriptor, [into[0][:most]], at))
        read_in_parts(FolderWire(), str(folder / "a"), start, lengths)


@settings(max_examples=30, deadline=None)
@given(LENGTHS, st.integers(0, 200), st.lists(st.sampled_from(["503", "cut off", "reset in the body"]), max_size=8))
def test_what_came_before_a_fault_is_kept_and_the_rest_comes_into_the_parts_that_are_left(
    server: FaultyServer, lengths: list[int], start: int, faults: list[str]
) -> None:
    server.plan = lambda number: None
    wire = HttpWire(lambda path, *, fresh=False: path, LIMITS)
    path = f"{server.url}/a"
    wire.tail(path, None, 8)
    left = [None, *faults]  # the first is the tail's
    server.plan = lambda number: left.pop(0) if left else None
    try:
        read_in_parts(wire, path, start, lengths)
    finally:
        wire.close()


@pytest.mark.parametrize("lengths", [[100, 100], [50, 50, 100], [1] * 64, [63, 1, 64]])
@pytest.mark.parametrize("fault", ["cut off", "reset in the body", "stall"])
def test_a_fault_at_the_border_of_two_parts_costs_no_byte(server: FaultyServer, lengths: list[int], fault: str) -> None:
    """Half of what is asked for comes, each time: it ends where a part does."""
    left: list[str | None] = [None, fault, fault]
    server.plan = lambda number: left.pop(0) if left else None
    wire = HttpWire(lambda path, *, fresh=False: path, LIMITS)
    try:
        read_in_parts(wire, f"{server.url}/a", 10, lengths)
    finally:
        wire.close()
    assert not left


def test_a_local_file_that_ends_within_the_second_part_is_another_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA)
    wire = FolderWire()
    file = wire.tail(str(tmp_path / "a"), None, 8).file
    os.truncate(tmp_path / "a", 150)
    parts = [memoryview(bytearray(100)), memoryview(bytearray(100))]
    with pytest.raises(ObjectChanged, match=r"\(at byte 150\)"):
        wire.read(file, 0, parts)
