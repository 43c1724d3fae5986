"""The one table of formats, and files whose content is another than their name says."""

from __future__ import annotations

import contextlib
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from seatrial.errors import InputError
from seatrial.pipeline.project.locations import is_rows_file
from seatrial.rows import open_rows
from seatrial.rows.compression import COMPRESSIONS
from seatrial.rows.formats import FORMATS, Format, format_of
from seatrial.rows.row_file import address_without_secrets
from tests.unit.rows.conftest import content

Written = Callable[[str, bytes], Path]
NAMES = [
    f"test{suffix}{compression}"
    for one in FORMATS
    for suffix in one.suffixes
    for compression in ("", *(COMPRESSIONS if one.compressible else ()))
]


@pytest.mark.parametrize("name", [*NAMES, "TEST.CSV", "a.b.Parquet"])
def test_what_is_read_is_what_a_project_may_name(name: str) -> None:
    assert format_of(name) is not None
    assert is_rows_file(name)


@pytest.mark.parametrize("name", ["features.test", "test", "test.gz", "test.parquet.gz", "test.foo.gz"])
def test_other_names_are_no_files_of_rows(name: str) -> None:
    assert format_of(name) is None
    assert not is_rows_file(name)


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_what_a_format_writes_it_reads(one: Format, tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    for suffix in one.suffixes:
        stream = io.BytesIO()
        with contextlib.ExitStack() as closing:
            one.write(stream, closing).write_table(table)
        (tmp_path / f"r{suffix}").write_bytes(stream.getvalue())
        assert content(open_rows(tmp_path / f"r{suffix}")) == table.to_pydict()


def test_an_unknown_extension_is_told_with_those_there_are(written: Written) -> None:
    with pytest.raises(InputError, match=r'unknown file extension "\.foo". Known: \.csv, \.tsv'):
        open_rows(written("r.foo", b"a\n"))
    with pytest.raises(InputError, match='"part-00000" has no file extension'):
        open_rows(written("part-00000", b"a\n"))


TEXT = "name,y\n" + "".join(f"n{i},{i % 2}\n" for i in range(20))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (TEXT.encode("utf-16"), "UTF-16"),
        (TEXT.encode("utf-16-le"), "UTF-16"),
        (TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (gzip.compress(TEXT.encode(), mtime=0), "gzip"),
        (bytes(pa.compress(TEXT.encode(), "zstd", asbytes=True)), "zstd"),
        (b"PK\x03\x04" + bytes(60), "Excel"),
        (b"PAR1" + bytes(60), "Parquet"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_bytes_that_are_no_text_are_named(written: Written, data: bytes, word: str, suffix: str) -> None:
    with pytest.raises(InputError) as caught:
        open_rows(written(f"r{suffix}", data))
    assert word in str(caught.value)
    assert "CP1252" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "s3://lake/t.csv?sig=hidden",
        "s3://lake?sig=hidden",
        "s3://lake/t.csv#hidden",
        "s3://key:hid?den@lake/t.csv",
        "https://example.org/t.csv?sig=hidden&more=1",
    ],
)
def test_secrets_in_an_address_are_not_repeated(address: str) -> None:
    with pytest.raises(InputError) as caught:
        open_rows(address)
    assert not any(part in str(caught.value) for part in ("hidden", "hid?den", "sig"))


def test_signs_in_the_name_of_a_local_file_are_its_own() -> None:
    assert address_without_secrets("here/a?b#c@d.csv") == "here/a?b#c@d.csv"
    assert address_without_secrets("s3://lake/a@b.csv") == "s3://lake/a@b.csv"
