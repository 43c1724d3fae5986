"""Rows of a packed column, found among the pages of its chunk and closed up there: the same as a decoder finds."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.batches.columns.packed_pages import close_up, row_runs

SIZES = (1, 2, 3, 4, 8, 12, 16, 40)  # some that NumPy copies as one number, some that it copies as bytes


def chunk_of(
    rows: NDArray[np.uint8], *, prefixed: bool, optional: bool, version: str, page_bytes: int
) -> NDArray[np.uint8]:
    """The column chunk, to the byte, that Arrow writes for these rows."""
    kind: pa.DataType = pa.binary() if prefixed else pa.binary(rows.shape[1])
    schema = pa.schema([pa.field("f", kind, nullable=optional)])
    values: Any = pa.array([row.tobytes() for row in rows], kind)
    file = BytesIO()
    options: Any = {"compression": "none", "use_dictionary": False, "data_page_version": version}
    pq.write_table(pa.table([values], schema=schema), file, data_page_size=page_bytes, write_batch_size=3, **options)
    held = pq.read_metadata(file).row_group(0).column(0)
    start = held.data_page_offset
    found = np.frombuffer(file.getvalue(), np.uint8)[start : start + held.total_compressed_size]
    return found.copy()


SHAPES = st.fixed_dictionaries({"prefixed": st.booleans(), "optional": st.booleans()})


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 40), st.sampled_from(SIZES), SHAPES, st.sampled_from(["1.0", "2.0"]), st.integers(1, 200),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_rows_closed_up_are_the_rows_that_were_written(
    rows: int, row_bytes: int, shape: dict[str, bool], version: str, page_bytes: int, seed: int
) -> None:
    written = np.random.default_rng(seed).integers(0, 256, (rows, row_bytes), np.uint8)
    chunk = chunk_of(written, version=version, page_bytes=page_bytes, **shape)
    runs = row_runs(chunk, rows, row_bytes=row_bytes, **shape)
    assert runs is not None
    assert sum(count for _, count in runs) == rows
    close_up(chunk, runs, row_bytes=row_bytes, prefixed=shape["prefixed"])
    assert (chunk[: rows * row_bytes].reshape(rows, row_bytes) == written).all()


@settings(max_examples=60, deadline=None)
@given(st.data(), SHAPES, st.sampled_from(["1.0", "2.0"]))
def test_whatever_bytes_are_damaged_rows_are_found_whole_or_not_at_all(
    data: st.DataObject, shape: dict[str, bool], version: str
) -> None:
    rows, row_bytes = 20, 8
    written = np.full((rows, row_bytes), data.draw(st.integers(0, 255)), np.uint8)
    chunk = chunk_of(written, version=version, page_bytes=40, **shape)
    for _ in range(data.draw(st.integers(1, 3))):
        chunk[data.draw(st.integers(0, len(chunk) - 1))] = data.draw(st.integers(0, 255))
    before = chunk.copy()
    runs = row_runs(chunk, rows, row_bytes=row_bytes, **shape)
    assert (chunk == before).all()
    if runs is not None:
        assert sum(count for _, count in runs) == rows
        stride = row_bytes + 4 * shape["prefixed"]
        ends = [first + count * stride - 4 * shape["prefixed"] for first, count in runs if count]
        assert all(first >= 0 for first, _ in runs)
        assert all(end <= len(chunk) for end in ends)


@pytest.mark.parametrize("wrong", [0, 7, 9, 2**31, 2**32 - 1])
def test_a_row_of_another_length_is_none_of_them(wrong: int) -> None:
    written = np.arange(80, dtype=np.uint8).reshape(10, 8)
    chunk = chunk_of(written, prefixed=True, optional=False, version="1.0", page_bytes=10_000)
    first = int(row_runs(chunk, 10, row_bytes=8, prefixed=True, optional=False)[0][0])  # type: ignore[index]
    chunk[first + 12 * 4 - 4 : first + 12 * 4] = np.frombuffer(wrong.to_bytes(4, "little"), np.uint8)
    assert row_runs(chunk, 10, row_bytes=8, prefixed=True, optional=False) is None


@pytest.mark.parametrize("rows", [9, 11])
def test_more_or_fewer_rows_than_the_footer_says_are_none(rows: int) -> None:
    chunk = chunk_of(np.ones((10, 8), np.uint8), prefixed=True, optional=True, version="1.0", page_bytes=10_000)
    assert row_runs(chunk, rows, row_bytes=8, prefixed=True, optional=True) is None


def zigzag(value: int) -> bytes:
    value = value << 1 if value >= 0 else (-value << 1) - 1
    found = bytearray()
    while value >= 128:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def v2_header(*, count: int, size: int, definition: int) -> bytes:
    """A page header: type 3, two sizes, and a version 2 header with these numbers."""
    sizes = b"\x15" + zigzag(3) + b"\x15" + zigzag(size) + b"\x15" + zigzag(size)
    inner = b"".join(b"\x15" + zigzag(value) for value in (count, 0, count, 0, definition, 0))
    return sizes + b"\x5c" + inner + b"\x00\x00"


def test_a_header_that_counts_backwards_is_no_page() -> None:
    """Its end would be before its beginning: read on from there, it would come again for ever."""
    length = len(v2_header(count=0, size=-30, definition=-30))
    chunk = np.frombuffer(v2_header(count=0, size=-length, definition=-length) + bytes(64), np.uint8).copy()
    assert len(v2_header(count=0, size=-length, definition=-length)) == length
    assert row_runs(chunk, 4, row_bytes=8, prefixed=False, optional=False) is None
    negative = np.frombuffer(v2_header(count=-2, size=0, definition=16) + bytes(64), np.uint8).copy()
    assert row_runs(negative, 4, row_bytes=8, prefixed=False, optional=False) is None


@pytest.mark.parametrize(
    "data", [b"\x1c" * 5000, b"\x15" + b"\xff" * 200_000, b"\x19\xf1" + b"\xff" * 6 + b"\x7f" + bytes(50), b""]
)
def test_what_is_no_header_at_all_is_told_at_once(data: bytes) -> None:
    """Structs within structs, a number without an end, a list of more items than there are bytes."""
    chunk = np.frombuffer(data, np.uint8).copy()
    assert row_runs(chunk, 4, row_bytes=8, prefixed=False, optional=False) is None
