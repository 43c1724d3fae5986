"""A Parquet file's footer: read in one request, mostly, and asked where its columns lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.batches.wire.wire import DataFile, Listed, Wire, changed
from seatrial.errors import Corrupt, InputError

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
class Held:
    """A column of the table in one file: its name there, and the numbers of its leaf columns."""

    name: str
    leaves: tuple[int, ...]


def read_footer(wire: Wire, file: Listed) -> Footer:
    """The footer; `Corrupt` for what is no Parquet file."""
    tail = wire.tail(file.path, file.size_bytes, FIRST_GUESS_BYTES)
    if file.etag is not None and file.etag != tail.file.etag:
        raise changed(file.path, 0)
    if tail.data[-4:] == ENCRYPTED:
        raise InputError("the file is encrypted.", path=file.path, hint="Write it without Parquet's own encryption.")
    if tail.data[-4:] != MAGIC or len(tail.data) < END_BYTES:
        raise Corrupt("not a Parquet file.", path=file.path, hint="Leave it out, or write it again.")
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
        return pq.read_metadata(pa.BufferReader(MAGIC + bytes(data)))
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"the footer cannot be read: {error}.", path=path, hint="Write the file again.") from None


def top_level(metadata: pq.FileMetaData, names: Mapping[int, str] | None) -> dict[str, Held]:
    """The table's columns in this file, by the table's name for them.

    With `names` (by Iceberg field id) a column is found under whatever name it was written; a file without ids goes by
    name, as a table without them does.
    """
    leaves: dict[str, list[int]] = {}
    for number in range(metadata.num_columns):
        leaves.setdefault(metadata.schema.column(number).path.partition(".")[0], []).append(number)
    ids: dict[str, int] = {}
    if names is not None:
        for field in metadata.schema.to_arrow_schema():
            said = (field.metadata or {}).get(FIELD_ID)
            if said is not None:
                ids[field.name] = int(said)
    if names is None or not ids:
        return {name: Held(name, tuple(held)) for name, held in leaves.items()}
    return {names[ids[name]]: Held(name, tuple(held)) for name, held in leaves.items() if ids.get(name) in names}
