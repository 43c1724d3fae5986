"""The formats of files with rows: one row of a table each, whoever reads or writes such files.

`seatrial try`, `seatrial.toml` and `seatrial predict` go by this table. Readers and writers are imported when a file of
their format is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Literal, Protocol

from seatrial.errors import InputError
from seatrial.rows.compression import COMPRESSIONS, compression_of

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.rows.row_file import RowFile
    from seatrial.rows.stream import Rows

Others = Literal["inferred", "text"]  # what columns of text formats become whose type nobody gave


class RowWriter(Protocol):
    """Writes tables of one schema, one after the other."""

    def write_table(self, table: pa.Table) -> None:
        """Writes the rows of a table behind those before."""
        ...


Reader = Callable[[str, "Sequence[RowFile]", "Mapping[str, pa.DataType]", Others], "Rows"]
Writer = Callable[[IO[bytes], ExitStack], RowWriter]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the suffixes of its files, whether they may be compressed as a whole, and who reads and writes them."""

    name: str
    suffixes: tuple[str, ...]
    compressible: bool
    read: Reader
    write: Writer


def _read_delimited(origin: str, files: Sequence[RowFile], types: Mapping[str, pa.DataType], others: Others) -> Rows:
    from seatrial.rows.delimited import read_delimited

    return read_delimited(origin, files, types=types, others=others)


def _read_json_lines(
    origin: str,
    files: Sequence[RowFile],
    types: Mapping[str, pa.DataType],
    others: Others,  # noqa: ARG001 JSON has types of its own
) -> Rows:
    from seatrial.rows.json_lines import read_json_lines

    return read_json_lines(origin, files, types=types)


def _read_parquet(
    origin: str,
    files: Sequence[RowFile],
    types: Mapping[str, pa.DataType],  # noqa: ARG001 Parquet has types of its own
    others: Others,  # noqa: ARG001
) -> Rows:
    from seatrial.rows.parquet_files import read_parquet

    return read_parquet(origin, files)


def _write_csv(stream: IO[bytes], closing: ExitStack) -> RowWriter:
    from seatrial.rows.writers import delimited_writer

    return delimited_writer(stream, closing, delimiter=",")


def _write_tsv(stream: IO[bytes], closing: ExitStack) -> RowWriter:
    from seatrial.rows.writers import delimited_writer

    return delimited_writer(stream, closing, delimiter="\t")


def _write_json_lines(stream: IO[bytes], closing: ExitStack) -> RowWriter:  # noqa: ARG001 nothing is left to close
    from seatrial.rows.writers import JsonLinesWriter

    return JsonLinesWriter(stream)


def _write_parquet(stream: IO[bytes], closing: ExitStack) -> RowWriter:
    from seatrial.rows.writers import parquet_writer

    return parquet_writer(stream, closing)


CSV = Format("csv", (".csv",), compressible=True, read=_read_delimited, write=_write_csv)
TSV = Format("tsv", (".tsv",), compressible=True, read=_read_delimited, write=_write_tsv)
JSON_LINES = Format(
    "jsonl",
    (".jsonl", ".ndjson", ".json"),  # .json is what Spark calls JSON lines
    compressible=True,
    read=_read_json_lines,
    write=_write_json_lines,
)
PARQUET = Format(
    "parquet",
    (".parquet", ".parq", ".pq"),
    compressible=False,  # it compresses for itself
    read=_read_parquet,
    write=_write_parquet,
)
FORMATS = (CSV, TSV, JSON_LINES, PARQUET)
_BY_SUFFIX = {suffix: row_format for row_format in FORMATS for suffix in row_format.suffixes}


def format_of(path: str) -> Format | None:
    """The format that a file's extension names, whichever case it has; None for an unknown one."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    if not suffixes or suffixes[-1] not in COMPRESSIONS:
        return _BY_SUFFIX.get(suffixes[-1]) if suffixes else None
    inner = _BY_SUFFIX.get(suffixes[-2]) if len(suffixes) > 1 else None
    return inner if inner is not None and inner.compressible else None


def is_parquet(path: str) -> bool:
    """Whether the file's extension is one of Parquet's."""
    return format_of(path) is PARQUET


def known_suffixes() -> str:
    """The extensions of all formats, for people."""
    return f"{', '.join(_BY_SUFFIX)}; text formats also with {' or '.join(COMPRESSIONS)}"


def unknown_format(path: str) -> InputError:
    """The error of a file whose extension is not in the table."""
    name = PurePosixPath(path).name
    suffix = "".join(PurePosixPath(name).suffixes[-2:]) if compression_of(name) else PurePosixPath(name).suffix
    problem = f'unknown file extension "{suffix}".' if suffix else f'"{name}" has no file extension.'
    return InputError(f"{problem} Known: {known_suffixes()}.", path=path, hint="Rename the file after its format.")
