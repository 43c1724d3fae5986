"""A Parquet file's footer: read in one request, mostly, and asked where its columns lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.batches.wire.wire import DataFile, ListedFile, Wire, changed
from seatrial.errors import Corrupt, InputError
from seatrial.rows.parquet_footer import arrow_schema, check_plaintext, encrypted, leaves_of

FIRST_GUESS_BYTES = 64 * 2**10  # of the file's end; holds the footer of some hundred columns
END_BYTES = 8  # the footer's length, and the magic word
MAGIC, ENCRYPTED = b"PAR1", b"PARE"
FIELD_ID = b"PARQUET:field_id"


@dataclass(frozen=True, slots=True)
class Footer:
    """A file as it was when its footer was read, and the footer's bytes."""

    file: DataFile
    data: bytes

    def parsed(self) -> pq.FileMetaData:
        """What it says."""
        return parse(memoryview(self.data), self.file.path)


@dataclass(frozen=True, slots=True)
class ColumnIds:
    """How a table that knows its columns by Iceberg field id finds them in a file.

    `mapped` is the table's name mapping: the ids of columns by their names in files that have none themselves.
    """

    names: Mapping[int, str]
    mapped: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of the table in one file: its name there, and the numbers of its leaf columns."""

    name: str
    leaves: tuple[int, ...]


def read_footer(wire: Wire, file: ListedFile) -> Footer:
    """The footer; `Corrupt` for what is no Parquet file."""
    tail = wire.tail(file.path, file.size_bytes, FIRST_GUESS_BYTES)
    if file.etag is not None and file.etag != tail.file.etag:
        raise changed(file.path, 0)
    if tail.data[-4:] == ENCRYPTED:
        raise encrypted(file.path)
    if tail.data[-4:] != MAGIC or len(tail.data) < END_BYTES:
        raise Corrupt("the file is not a Parquet file.", path=file.path, hint="Leave it out, or write it again.")
    length = int.from_bytes(tail.data[-END_BYTES:-4], "little") + END_BYTES
    if length > tail.file.size_bytes:
        raise Corrupt("the footer is longer than the file.", path=file.path, hint="Write it again.")
    if length > len(tail.data):
        rest = bytearray(length)
        wire.read(tail.file, tail.file.size_bytes - length, [memoryview(rest)])
        return Footer(tail.file, bytes(rest))
    return Footer(tail.file, tail.data[-length:])


def parse(data: memoryview, path: str) -> pq.FileMetaData:
    """What a footer says."""
    try:
        metadata = pq.read_metadata(pa.BufferReader(MAGIC + bytes(data)))
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"the footer cannot be read: {error}.", path=path, hint="Write the file again.") from None
    check_plaintext(metadata, len(data) - END_BYTES, path)
    return metadata


def top_level(metadata: pq.FileMetaData, ids: ColumnIds | None, path: str) -> dict[str, FileColumn]:
    """The table's columns in this file, by the table's name for them.

    With `ids` a column is found by its Iceberg field id under whatever name it was written; in a file without ids, by
    the table's name mapping; `InputError` where there is none, for a column may have been renamed since.
    """
    columns = {name: FileColumn(name, leaves) for name, leaves in leaves_of(metadata, path)}
    if ids is None:
        return columns
    own = {
        field.name: int(written)
        for field in arrow_schema(metadata)
        if (written := (field.metadata or {}).get(FIELD_ID)) is not None
    }
    if not own:
        if ids.mapped is None:
            raise InputError(
                "columns are found by Iceberg field id or by the table's name mapping, but the file lacks ids and the"
                " table lacks a mapping.",
                path=path,
                hint="Set the table's property schema.name-mapping.default, or write the file through Iceberg.",
            )
        own = dict(ids.mapped)
    return {ids.names[own[name]]: held for name, held in columns.items() if own.get(name) in ids.names}
