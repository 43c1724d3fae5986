"""Where the bytes of a window go: each chunk is in the buffer where it is looked for, and requests have a size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.batches.columns.buffers import STEP_BYTES
from seatrial.batches.files import window_layout as layouts
from seatrial.batches.files.window_layout import Chunk, Files, Layout
from seatrial.batches.parquet_table import parquet_table
from seatrial.batches.reading.reader import OpenEpoch
from seatrial.batches.reading.window import window_bytes
from seatrial.batches.wire.wire import FolderWire

ROWS = 60
ROW_BYTES = 40_000
RANGE_BYTES, GAP_BYTES = 2000, 300  # as the real ones, for chunks of some hundred bytes


@contextmanager
def small_ranges() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "RANGE_BYTES", RANGE_BYTES)
        patch.setattr(layouts, "GAP_BYTES", GAP_BYTES)
        yield


def opened_in(folder: Path, widths: dict[str, int], *, files: int, group_rows: int, needed: list[str]) -> OpenEpoch:
    """A table of packed columns of these widths in bytes, and of ordinary ones where the width is 0."""
    rng = np.random.default_rng(7)
    for number in range(files):
        columns: dict[str, Any] = {}
        for name, width in widths.items():
            values = rng.integers(0, 256, (ROWS, max(width, 1)), np.uint8)
            columns[name] = pa.array([row.tobytes() for row in values], pa.binary()) if width else rng.random(ROWS)
        said = {
            f"seatrial.packed.{name}": f'{{"dtype": "uint8", "width": {width}}}'
            for name, width in widths.items()
            if width
        }
        options: Any = {"compression": "none", "use_dictionary": False}
        pq.write_table(
            pa.table(columns).replace_schema_metadata(said),
            folder / f"{number}.parquet", row_group_size=group_rows, **options,
        )  # fmt: skip
    return parquet_table(folder).batches(columns=needed).opened


def whole_window(opened: OpenEpoch, packed: dict[str, int], names: list[str]) -> Layout:
    members = opened.epoch.members(0)
    files: Files = opened.files
    return files.layout(members.tolist(), opened.live[members].tolist(), names, packed)


@pytest.mark.simulation
@settings(max_examples=40, deadline=None)
@given(
    widths=st.lists(st.sampled_from([0, 0, 1, 7, 12, 40, 160]), min_size=1, max_size=8),
    data=st.data(),
    files=st.integers(1, 3),
    group_rows=st.integers(7, ROWS),
)
def test_every_byte_of_every_chunk_comes_to_its_place(
    widths: list[int], data: st.DataObject, files: int, group_rows: int
) -> None:
    of = {f"c{number}": width for number, width in enumerate(widths)}
    needed = data.draw(st.lists(st.sampled_from(list(of)), min_size=1, unique=True))
    packed = {name: of[name] for name in needed if of[name]}
    with TemporaryDirectory() as folder, small_ranges():
        opened = opened_in(Path(folder), of, files=files, group_rows=group_rows, needed=needed)
        layout = whole_window(opened, packed, needed)
        buffer = np.zeros(layout.buffer_bytes, np.uint8)
        wire = FolderWire()
        for one in layout.ranges:
            assert sum(length for _, length in one.places) == one.length
            wire.read(one.file, one.start, one.parts(buffer))
        places: list[tuple[int, int]] = []
        for position, group in enumerate(layout.groups):
            whole = Path(group.file.path).read_bytes()
            for name, chunks in group.chunks.items():
                for chunk in chunks:
                    there = buffer[chunk.at : chunk.at + chunk.length].tobytes()
                    assert there == whole[chunk.start : chunk.start + chunk.length]
                    assert chunk.at % packed.get(name, 1) == 0
                    assert position in {group for one in reading(layout, group.file, chunk) for group in one.groups}
                    places.append((chunk.at, chunk.at + chunk.length))
        assert apart(places)
        taken = [(at, at + length) for one in layout.ranges for at, length in one.places]
        assert apart([(start, stop) for start, stop in taken if start >= GAP_BYTES])
        assert all(stop <= GAP_BYTES for start, stop in taken if start < GAP_BYTES)
        for file in {one.file for one in layout.ranges}:
            assert apart([(one.start, one.start + one.length) for one in layout.ranges if one.file == file])
        # what is cut, is cut into pieces that are the size asked for, but for the rounding of their number
        assert all(one.length <= 1.5 * RANGE_BYTES + 1 for one in layout.ranges)
        assert layout.plain == frozenset(packed)


def reading(layout: Layout, file: Any, chunk: Chunk) -> list[Any]:
    """The ranges that have bytes of a chunk; each must name its group, or it is decoded before they are there."""
    found = [
        one
        for one in layout.ranges
        if one.file == file and one.start < chunk.start + chunk.length and chunk.start < one.start + one.length
    ]
    assert found
    return found


def apart(spans: list[tuple[int, int]]) -> bool:
    ordered = sorted(spans)
    return all(stop <= start for (_, stop), (start, _) in pairwise(ordered))


def test_bytes_that_nobody_asked_for_take_the_room_of_one_gap(tmp_path: Path) -> None:
    of = dict.fromkeys((f"c{number}" for number in range(40)), 0)
    needed = list(of)[::2]
    opened = opened_in(tmp_path, of, files=3, group_rows=ROWS, needed=needed)
    layout = whole_window(opened, {}, needed)
    chunks = sum(chunk.length for group in layout.groups for held in group.chunks.values() for chunk in held)
    assert layout.buffer_bytes <= chunks + layouts.GAP_BYTES
    assert sum(one.length for one in layout.ranges) > 1.5 * chunks  # they come all the same: fewer requests


def test_a_window_takes_no_more_than_its_memory_was_reckoned_with(tmp_path: Path) -> None:
    """Long rows in groups of one: the room that lets each chunk begin at a row is as large as what is read."""
    widths = {"a": ROW_BYTES, "b": ROW_BYTES}
    opened = opened_in(tmp_path, widths, files=2, group_rows=1, needed=["a", "b"])
    layout = whole_window(opened, widths, ["a", "b"])
    taken = window_bytes(layout, opened.epoch.rows, opened.outputs) + opened.memory.decoded_bytes[0]
    assert layout.buffer_bytes - sum(one.length for one in layout.ranges) > STEP_BYTES
    assert taken + STEP_BYTES <= opened.memory.window_bytes  # buffers are rounded up to a step
