"""What an address names: which files, in which format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.rows.compressed import COMPRESSIONS
from seatrial.rows.delimited import read_delimited
from seatrial.rows.find_files import sources_at
from seatrial.rows.row_file import RowFile, shown
from seatrial.rows.stream import Rows

Format = Literal["csv", "jsonl", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",  # what Spark calls JSON lines
    ".parquet": "parquet",
}


def open_rows(
    address: str | Path,
    *,
    types: Mapping[str, pa.DataType] | None = None,
    others: Literal["inferred", "text"] = "inferred",
) -> Rows:
    """The rows of a CSV, JSON lines or Parquet file, a folder of them, s3://…, or an Iceberg …metadata.json.

    `types` says what columns of text formats are read as; `others` what becomes of the rest (Parquet and Iceberg have
    types of their own). What is not there, or not readable as what it claims to be, is an `InputError`.
    """
    named = str(address)
    origin = shown(named)
    found = sources_at(named)
    if named.endswith(".metadata.json"):
        from seatrial.rows.iceberg_metadata import read_iceberg

        return read_iceberg(origin, found[0])
    kind, sources = _chosen(origin, found)
    for source in sources:
        if source.size_bytes == 0:
            raise InputError("the file is empty.", path=source.path, hint="Write it again.")
    if kind == "csv":
        return read_delimited(origin, sources, types=types or {}, others=others)
    if kind == "jsonl":
        from seatrial.rows.json_lines import read_json_lines

        return read_json_lines(origin, sources, types=types or {})
    from seatrial.rows.parquet_files import read_parquet

    return read_parquet(origin, sources)


def format_of(path: str) -> Format | None:
    """The format that a file's suffix names; None: none that there is."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
        found = SUFFIXES.get(suffixes[-1]) if suffixes else None
        return None if found == "parquet" else found  # that compresses for itself
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def _chosen(origin: str, sources: Sequence[RowFile]) -> tuple[Format, tuple[RowFile, ...]]:
    by_format: dict[Format, list[RowFile]] = {}
    for source in sources:
        if (kind := format_of(source.path)) is not None:
            by_format.setdefault(kind, []).append(source)
    if not by_format:
        named = sources[0].path if len(sources) == 1 else f"{origin}: {sources[0].path} and {len(sources) - 1} more"
        raise InputError(
            "the suffix names no format." if len(sources) == 1 else "no file's suffix names a format.",
            path=named,
            hint=f"Use {', '.join(SUFFIXES)}; text may be {' or '.join(COMPRESSIONS)}.",
        )
    if len(by_format) > 1:
        counted = ", ".join(f"{len(files)} {kind} ({files[0].inside})" for kind, files in by_format.items())
        raise InputError(
            f"the folder holds files of several formats: {counted}.",
            path=origin,
            hint="Name one file, or a folder with one table in it.",
        )
    kind, found = by_format.popitem()
    return kind, tuple(found)
