from __future__ import annotations

import time

from seatrial.serve.formats.request_columns import unknown_name

NAMES = [f"column {place}" for place in range(50)]


def test_a_name_that_is_close_is_suggested() -> None:
    assert "Did you mean 'column 7'?" in str(unknown_name("input", "colum 7", NAMES, path="inputs[0].name"))


def test_a_hint_has_few_names_and_says_how_many_more_there_are() -> None:
    message = str(unknown_name("input", "?", NAMES, path="inputs[0].name"))
    assert "column 19 and 30 more." in message
    assert "column 20" not in message


def test_a_long_name_is_cut_and_compared_with_none() -> None:
    begun = time.perf_counter()
    message = str(unknown_name("input", "column 7" * 500_000, NAMES * 20, path="inputs[0].name"))
    assert time.perf_counter() - begun < 1
    assert len(message) < 600
