from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seatrial.rows import s3_files
from seatrial.stores.store_url import Bucket

DATA = bytes(range(256)) * 8
META = {"path": "key", "size": len(DATA), "e_tag": '"1"'}


class Store:
    """Answers ranges of the data, and remembers them."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def get(self, key: str, *, options: dict[str, Any]) -> Store:
        assert options["if_match"] == META["e_tag"]
        self.asked.append(options["range"])
        return self

    def bytes(self) -> bytes:
        start, end = self.asked[-1]
        return DATA[start:end]


@given(st.lists(st.tuples(st.sampled_from(["read", "seek"]), st.integers(0, 2500)), max_size=30), st.integers(1, 700))
def test_ranges_are_read_as_a_file_is(steps: list[tuple[str, int]], ahead: int) -> None:
    before, s3_files.AHEAD_BYTES = s3_files.AHEAD_BYTES, ahead
    try:
        ranges, plain = s3_files._Ranges(Store(), Bucket("b", "", None), META), io.BytesIO(DATA)
        for step, number in steps:
            if step == "seek":
                assert ranges.seek(number) == plain.seek(number)
            else:
                assert ranges.read(number) == plain.read(number)
            assert ranges.tell() == plain.tell()
    finally:
        s3_files.AHEAD_BYTES = before


def test_reading_on_takes_few_requests_and_reading_here_and_there_no_more_than_is_asked() -> None:
    store = Store()
    ranges = s3_files._Ranges(store, Bucket("b", "", None), META)
    while ranges.read(100):
        pass
    assert store.asked == [(0, 100), (100, len(DATA))]
    store.asked.clear()
    other = s3_files._Ranges(store, Bucket("b", "", None), META)
    for start in (1000, 10, 2000):
        other.seek(start)
        other.read(10)
    assert store.asked == [(1000, 1010), (10, 20), (2000, 2010)]
