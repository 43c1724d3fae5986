"""What an address names: which files, in which format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.rows.find_files import sources_at
from seatrial.rows.formats import Format, Others, format_of, known_suffixes, unknown_format
from seatrial.rows.row_file import RowFile, address_without_secrets
from seatrial.rows.stream import Rows
from seatrial.stores.settings import StoreSettings


def open_rows(
    address: str | Path,
    *,
    types: Mapping[str, pa.DataType] | None = None,
    others: Others = "inferred",
    store: StoreSettings | None = None,
) -> Rows:
    """The rows of a CSV, JSON lines or Parquet file, a folder of them, s3://…, or an Iceberg …metadata.json.

    `types` says what columns of text formats are read as; `others` what becomes of the rest (Parquet and Iceberg have
    types of their own); `store` how the bucket of s3:// is reached, by the environment without it. What is
    not there, or not readable as what it claims to be, is an `InputError`.
    """
    location = str(address)
    origin = address_without_secrets(location)
    sources = sources_at(location, store)
    if location.endswith(".metadata.json"):
        from seatrial.rows.iceberg_metadata import read_iceberg

        return read_iceberg(origin, sources[0], store)
    chosen, files = _chosen(origin, sources)
    for file in files:
        if file.size_bytes == 0:
            raise InputError("the file is empty.", path=file.path, hint="Write it again.")
    return chosen.read(origin, files, types or {}, others)


def _chosen(origin: str, files: Sequence[RowFile]) -> tuple[Format, tuple[RowFile, ...]]:
    by_format: dict[str, tuple[Format, list[RowFile]]] = {}
    for file in files:
        if (row_format := format_of(file.path)) is not None:
            by_format.setdefault(row_format.name, (row_format, []))[1].append(file)
    if not by_format and len(files) == 1:
        raise unknown_format(files[0].path)
    if not by_format:
        raise InputError(
            f"none of the {len(files)} files has a known extension, {files[0].inside} among them.",
            path=origin,
            hint=f"Known: {known_suffixes()}.",
        )
    if len(by_format) > 1:
        counted = ", ".join(f"{len(of)} {name} ({of[0].inside})" for name, (_, of) in by_format.items())
        raise InputError(
            f"the folder holds files of several formats: {counted}.",
            path=origin,
            hint="Name one file, or a folder with one table in it.",
        )
    _, (chosen, of) = by_format.popitem()
    return chosen, tuple(of)
