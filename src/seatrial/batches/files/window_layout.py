"""Which bytes a window needs: its column chunks, as ranges of a good size, and places in a buffer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seatrial.batches.files.footer import ColumnIds, FileColumn, parse, top_level
from seatrial.batches.files.manifest import Manifest
from seatrial.batches.wire.wire import DataFile
from seatrial.errors import Corrupt

RANGE_BYTES = 8 * 2**20  # of one request, about: obstore and a plain client are fastest from 4 to 8 MiB
GAP_BYTES = 128 * 2**10  # unneeded bytes between two chunks that cost less than another request
FILES_KEPT = 64  # parsed footers; the row groups of a file come at different times
PADDING_BYTES = 100  # more than the header of a dictionary page takes
_PARQUET_MR = re.compile(r"parquet-mr(?:\s+version\s+(\d+)(?:\.(\d+))?(?:\.(\d+))?)?")
_SIZES_RIGHT_SINCE = (1, 2, 9)
_PLAIN_ENCODINGS = {"PLAIN", "RLE", "BIT_PACKED"}  # the last two are those of levels, where there is no dictionary


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column chunk: from byte `start` of its file, and from byte `at` of the window's buffer."""

    start: int
    length: int
    at: int


@dataclass(frozen=True, slots=True)
class Group:
    """A row group of a window: its first row there, and where its chunks are."""

    number: int  # in the manifest
    file: DataFile
    metadata: pq.FileMetaData
    index: int  # in its file
    columns: Mapping[str, FileColumn]
    first: int  # its first row in the window
    chunks: Mapping[str, tuple[Chunk, ...]]
    constants: Mapping[str, Any]  # values, as Arrow scalars, of columns that the file does not hold


@dataclass(frozen=True, slots=True)
class Range:
    """One request: bytes of a file from `start` on, into the window's buffer."""

    file: DataFile
    start: int
    length: int
    places: tuple[tuple[int, int], ...]  # where they go, in their order: from which byte of the buffer, and how many
    groups: tuple[int, ...]  # positions in the window's list of groups that need some of it

    def parts(self, buffer: NDArray[np.uint8]) -> list[memoryview]:
        """The parts of the buffer that are to be filled."""
        return [buffer.data[at : at + length] for at, length in self.places]


@dataclass(frozen=True, slots=True)
class Layout:
    """A window: its row groups, the requests for them, and the size of the buffer that holds them."""

    groups: tuple[Group, ...]
    ranges: tuple[Range, ...]
    buffer_bytes: int
    plain: frozenset[str] = field(default_factory=frozenset)  # packed columns whose rows are gathered from the buffer


class _ChunkNeed(NamedTuple):
    """A column chunk that a row group of the window needs."""

    file: int
    start: int
    stop: int
    group: int  # its position in the window
    align: int
    padding: int  # bytes at its end that may be another chunk's


class Files:
    """A manifest's files, with their footers parsed as they are needed."""

    def __init__(self, manifest: Manifest, ids: ColumnIds | None, constants: Mapping[str, pa.Array[Any]]) -> None:
        self.manifest = manifest
        self._ids = ids
        self._constants = constants  # values that stand outside of the files, one a file
        self.opened = lru_cache(FILES_KEPT)(self._opened)

    def __reduce__(self) -> tuple[object, ...]:
        return Files, (self.manifest, self._ids, self._constants)

    def _opened(self, number: int) -> tuple[DataFile, pq.FileMetaData, dict[str, FileColumn]]:
        file = self.manifest.data_file(number)
        metadata = parse(self.manifest.footer(number), file.path)
        columns = top_level(metadata, self._ids, file.path)
        if self._ids is None:  # names of folders count more than what the file says; Iceberg's metadata counts less
            columns = {name: held for name, held in columns.items() if name not in self._constants}
        return file, metadata, columns

    def layout(
        self, members: Sequence[int], live: Sequence[int], names: Sequence[str], packed: Mapping[str, int]
    ) -> Layout:
        """The window of these row groups with so many `live` rows, for the columns `names`.

        `packed` has the packed ones with the bytes of a row: each of their chunks begins at a multiple of it.
        """
        groups: list[Group] = []
        needs: list[_ChunkNeed] = []
        places: list[tuple[int, list[tuple[str, list[tuple[int, int]]]]]] = []
        plain = set(packed)
        for position, member in enumerate(members):
            number = int(self.manifest.file[member])
            file, metadata, columns = self.opened(number)
            padding = _padding(metadata)
            group = metadata.row_group(int(self.manifest.index[member]))
            spans = []
            for name in names:
                leaves = columns[name].leaves if name in columns else ()
                parts = [_span(group.column(leaf), file, padding) for leaf in leaves]
                spans.append((name, parts))
                needs.extend(
                    _ChunkNeed(number, start, stop, position, packed.get(name, 1), padding) for start, stop in parts
                )
            plain -= {name for name in packed if not _is_plain(group, columns.get(name))}
            places.append((member, spans))
        ranges, slots, buffer_bytes = self._ranges(needs)
        first = 0
        for (member, spans), rows in zip(places, live, strict=True):
            number = int(self.manifest.file[member])
            file, metadata, columns = self.opened(number)
            chunks = {
                name: tuple(Chunk(start, stop - start, slots[number, start]) for start, stop in parts)
                for name, parts in spans
            }
            index = int(self.manifest.index[member])
            constants = {name: self._constants[name][number] for name in names if name in self._constants}
            groups.append(Group(member, file, metadata, index, columns, first, chunks, constants))
            first += rows
        return Layout(tuple(groups), ranges, buffer_bytes, frozenset(plain))

    def _ranges(self, needs: Sequence[_ChunkNeed]) -> tuple[tuple[Range, ...], dict[tuple[int, int], int], int]:
        """The requests, in the order of the groups that need them; where each chunk goes; the size of the buffer.

        Neighbouring chunks are joined, and what is large is cut.
        """
        runs: list[list[_ChunkNeed]] = []
        ends: list[int] = []
        for need in sorted(needs):
            last = runs[-1][-1] if runs and runs[-1][0].file == need.file else None
            # What follows a padded chunk may begin within the padding, and is fetched apart.
            padded = last is not None and last.start < need.start < ends[-1] <= need.start + last.padding
            if last is not None and not padded and need.start - ends[-1] <= GAP_BYTES:
                runs[-1].append(need)
                ends[-1] = max(ends[-1], need.stop)
            else:
                runs.append([need])
                ends.append(need.stop)
        ranges: list[Range] = []
        slots: dict[tuple[int, int], int] = {}
        at = GAP_BYTES  # what nobody needs goes before it, all to the same place: gaps take no more room than one
        for run, end in sorted(zip(runs, ends, strict=True), key=lambda pair: min(need.group for need in pair[0])):
            begin = reached = run[0].start
            turns: list[tuple[int, int]] = []  # from this byte of the file on, from that byte of the buffer on
            for need in run:
                if need.start < reached:
                    raise Corrupt(
                        f"the footer has two column chunks at byte {need.start:,}.",
                        path=self.manifest.data_file(need.file).path,
                        hint="Write the file again.",
                    )
                if need.start > reached:
                    turns.append((reached, 0))
                at += -at % need.align
                if not turns or at - turns[-1][1] != need.start - turns[-1][0]:
                    turns.append((need.start, at))
                slots[need.file, need.start] = at
                at += need.stop - need.start
                reached = need.stop
            file = self.opened(run[0].file)[0]
            pieces = max(round((end - begin) / RANGE_BYTES), 1)  # nine MiB are one: stores read in pieces of their own
            for piece in range(pieces):
                start = begin + (end - begin) * piece // pieces
                stop = begin + (end - begin) * (piece + 1) // pieces
                needed = tuple(sorted({need.group for need in run if need.start < stop and start < need.stop}))
                ranges.append(Range(file, start, stop - start, _places(turns, start, stop), needed))
        return tuple(ranges), slots, at


def _places(turns: Sequence[tuple[int, int]], start: int, stop: int) -> tuple[tuple[int, int], ...]:
    """Where the bytes of a file from `start` to `stop` go in the buffer."""
    places = []
    for (begin, slot), (end, _) in pairwise([*turns, (stop, 0)]):
        first, last = max(begin, start), min(end, stop)
        if first < last:
            places.append((slot + first - begin, last - first))
    return tuple(places)


def _span(chunk: pq.ColumnChunkMetaData, file: DataFile, padding: int) -> tuple[int, int]:
    """The bytes of a column chunk, as pyarrow reads them."""
    start = chunk.data_page_offset
    dictionary = chunk.dictionary_page_offset if chunk.has_dictionary_page else None
    if dictionary is not None and 0 < dictionary < start:  # older writers say 0 where they mean none
        start = dictionary
    stop = start + chunk.total_compressed_size
    if not 0 <= start <= stop <= file.size_bytes:
        raise Corrupt(
            f"the footer has a column chunk from byte {start:,} to {stop:,} of a file of {file.size_bytes:,} bytes.",
            path=file.path,
            hint="Write the file again.",
        )
    return start, min(stop + padding, file.size_bytes)


def _padding(metadata: pq.FileMetaData) -> int:
    """Bytes to read beyond a chunk: parquet-mr before 1.2.9 left a dictionary page's header out of its size.

    PARQUET-816; pyarrow adds as much.
    """
    writer = _PARQUET_MR.match(metadata.created_by or "")
    if writer is None:
        return 0
    version = tuple(int(part or 0) for part in writer.groups())
    return PADDING_BYTES if version < _SIZES_RIGHT_SINCE else 0


def _is_plain(group: pq.RowGroupMetaData, held: FileColumn | None) -> bool:
    if held is None or len(held.leaves) != 1:
        return False
    chunk = group.column(held.leaves[0])
    return (
        chunk.compression == "UNCOMPRESSED"
        and not chunk.has_dictionary_page
        and set(chunk.encodings) <= _PLAIN_ENCODINGS
        and chunk.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
    )
