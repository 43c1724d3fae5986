"""Servers that answer ranges in a way of their own: every row, or an error that says what is wrong with the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.batches.parquet_table import parquet_table
from seatrial.errors import StoreError
from tests.real.batches.odd_server import answering
from tests.real.batches.packed_files import COLUMNS, ids_of
from tests.real.batches.test_batches_faults import QUICK

Lake = tuple[Path, list[str], int]


@pytest.mark.parametrize("kind", ["right", "short answers", "long answers", "weak ETag", "only a time"])
def test_what_is_unusual_and_right_is_read(lake: Lake, kind: str) -> None:
    folder, files, rows = lake
    with answering(folder, kind) as (_, url):
        batches = parquet_table(url, files=files).batches(columns=COLUMNS, window_mib=1, limits=QUICK)
        assert sorted(one for batch in batches for one in ids_of(batch)) == list(range(rows))


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("ignores Range", r"\.parquet: the server answers bytes from 0 where [\d,]+ was asked for.*honours Range"),
        ("another place", r"\.parquet: the server answers bytes from [\d,]+ where [\d,]+ was asked for.*honours Range"),
        ("no Content-Range", r"\.parquet: the server's answer does not say which bytes it holds"),
        ("redirects", r"\.parquet: the store redirects elsewhere \(status 302"),
    ],
)
def test_a_server_that_answers_with_other_bytes_is_an_error_that_names_it(lake: Lake, kind: str, told: str) -> None:
    folder, files, _ = lake
    with answering(folder, "right") as (server, url):
        table = parquet_table(url, files=files)
        server.kind = kind
        with pytest.raises(StoreError, match=told):
            list(table.batches(columns=COLUMNS, limits=QUICK))


def test_a_server_without_anything_that_pins_a_file_is_refused(lake: Lake) -> None:
    folder, files, _ = lake
    with (
        answering(folder, "no pin") as (_, url),
        pytest.raises(StoreError, match="neither an ETag nor a time of change"),
    ):
        parquet_table(url, files=files)
