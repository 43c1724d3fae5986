"""Files of delimited text that were cut off within quotes, or lost one."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import InputError
from seatrial.rows import open_rows
from seatrial.rows.quotes import QuoteCheck, UnclosedQuote
from tests.unit.rows.conftest import content, whole

Written = Callable[[str, bytes], Path]


def checked(data: bytes, delimiter: str, step: int) -> int | None:
    """The line of an unclosed quote, read so many bytes at a time."""
    check = QuoteCheck(io.BytesIO(data), delimiter)
    try:
        while check.read(step):
            pass
    except UnclosedQuote as error:
        return error.line
    return None


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t"), (".csv.gz", ";"), (".csv", "|")])
@pytest.mark.parametrize("all_known", [False, True])
def test_a_file_cut_off_within_quotes_is_refused_with_the_line(
    written: Written, suffix: str, delimiter: str, all_known: bool
) -> None:
    lines = [f"n{i}{delimiter}{chr(34) if i == 70 else ''}{i % 2}" for i in range(200)]
    data = ("\n".join([f"name{delimiter}y", *lines]) + "\n").encode()
    path = written(f"r{suffix}", gzip.compress(data) if suffix.endswith(".gz") else data)
    with pytest.raises(InputError, match="quote that opens on this line") as caught:
        whole(open_rows(path, others="text" if all_known else "inferred"))
    assert caught.value.line == 72


def test_a_quote_closed_by_another_values_quote_is_refused(written: Written) -> None:
    path = written("r.csv", b'a,b\nx,"1\ny,"2"\nz,3\n')
    with pytest.raises(InputError, match="quote that opens on this line") as caught:
        whole(open_rows(path))
    assert caught.value.line == 2


def test_an_unclosed_quote_before_more_than_a_block_is_named(written: Written) -> None:
    path = written("r.csv", b'a,b\nx,"1\n' + b"y,2\n" * 600_000)
    with pytest.raises(InputError, match="quote that opens on this line") as caught:
        whole(open_rows(path))
    assert caught.value.line == 2


def test_quotes_that_close_or_open_nothing_are_read(written: Written) -> None:
    path = written("r.csv", b'a,b\n"line\nbreak","say ""so"""\n5" pipe,""\n')
    assert content(open_rows(path)) == {"a": ["line\nbreak", '5" pipe'], "b": ['say "so"', ""]}


VALUES = st.text(st.sampled_from('ab",\n '), max_size=6)


@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=5), step=st.integers(1, 9))
def test_well_written_quotes_always_close(rows: list[tuple[str, str]], step: int) -> None:
    quoted = [",".join('"' + value.replace('"', '""') + '"' for value in row) for row in rows]
    text = "\n".join(quoted)
    assert checked(text.encode(), ",", step) is None
    assert checked(text.encode()[:-1], ",", step) is not None


@given(data=st.text(st.sampled_from('a",\n'), max_size=24), step=st.integers(1, 7))
def test_the_answer_does_not_depend_on_how_much_is_read_at_once(data: str, step: int) -> None:
    assert checked(data.encode(), ",", step) == checked(data.encode(), ",", 1000)
