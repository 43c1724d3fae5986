"""Which bytes a window needs: its column chunks, as ranges of a good size, and places in a buffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import pyarrow.parquet as pq

from seatrial.batches.footers import Held, parse, top_level
from seatrial.batches.manifest import Manifest
from seatrial.batches.wire import DataFile
from seatrial.errors import InputError

RANGE_BYTES = 8 * 2**20  # of one request: obstore and a plain client are fastest from 4 to 8 MiB
GAP_BYTES = 128 * 2**10  # unneeded bytes between two chunks that cost less than another request
FILES_KEPT = 64  # parsed footers; the row groups of a file come at different times
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
    columns: Mapping[str, Held]
    first: int  # its first row in the window
    chunks: Mapping[str, tuple[Chunk, ...]]


@dataclass(frozen=True, slots=True)
class Range:
    """One request: `length` bytes of a file from `start` on, into the window's buffer from `at` on."""

    file: DataFile
    start: int
    length: int
    at: int
    groups: tuple[int, ...]  # positions in the window's list of groups that need some of it


@dataclass(frozen=True, slots=True)
class Layout:
    """A window: its row groups, the requests for them, and the size of the buffer that holds them."""

    groups: tuple[Group, ...]
    ranges: tuple[Range, ...]
    buffer_bytes: int
    plain: frozenset[str] = field(default_factory=frozenset)  # packed columns that are gathered as they came


class Files:
    """A manifest's files, with their footers parsed as they are needed."""

    def __init__(self, manifest: Manifest, names: Mapping[int, str] | None, constant: frozenset[str]) -> None:
        self.manifest = manifest
        self._names = names
        self._constant = constant  # columns whose value may stand in the table's metadata instead of the file
        self.opened = lru_cache(FILES_KEPT)(self._opened)

    def __reduce__(self) -> tuple[object, ...]:
        return Files, (self.manifest, self._names, self._constant)

    def _opened(self, number: int) -> tuple[DataFile, pq.FileMetaData, dict[str, Held]]:
        file = self.manifest.data_file(number)
        metadata = parse(self.manifest.footer(number), file.path)
        return file, metadata, top_level(metadata, self._names)

    def layout(
        self, members: Sequence[int], live: Sequence[int], names: Sequence[str], packed: Sequence[str]
    ) -> Layout:
        """The window of these row groups with so many `live` rows, for the columns `names`."""
        groups: list[Group] = []
        wanted: list[tuple[int, int, int, int]] = []  # file, start, stop, position of the group
        places: list[tuple[int, list[tuple[str, list[tuple[int, int]]]]]] = []
        plain = set(packed)
        for position, member in enumerate(members):
            number = int(self.manifest.file[member])
            _, metadata, columns = self.opened(number)
            group = metadata.row_group(int(self.manifest.index[member]))
            spans = []
            for name in names:
                if name not in columns and name in self._constant:
                    raise InputError(
                        f'column "{name}" is not in the data file, only in the table\'s metadata.',
                        path=self.manifest.data_file(number).path,
                        mend="Write the table again, or leave the column out.",
                    )
                parts = [_span(group.column(leaf)) for leaf in columns[name].leaves] if name in columns else []
                spans.append((name, parts))
                wanted.extend((number, start, stop, position) for start, stop in parts)
            plain -= {name for name in packed if not _is_plain(group, columns.get(name))}
            places.append((member, spans))
        ranges, at = self._ranges(wanted)
        first = 0
        for (member, spans), rows in zip(places, live, strict=True):
            number = int(self.manifest.file[member])
            file, metadata, columns = self.opened(number)
            chunks = {
                name: tuple(Chunk(start, stop - start, _place(at, number, start)) for start, stop in parts)
                for name, parts in spans
            }
            groups.append(Group(member, file, metadata, int(self.manifest.index[member]), columns, first, chunks))
            first += rows
        return Layout(tuple(groups), ranges, sum(one.length for one in ranges), frozenset(plain))

    def _ranges(self, wanted: Sequence[tuple[int, int, int, int]]) -> tuple[tuple[Range, ...], dict[int, list[Range]]]:
        """Neighbouring chunks joined, and what is large cut, in the order of the groups that need them."""
        runs: list[list[tuple[int, int, int, int]]] = []
        ends: list[int] = []
        for number, start, stop, position in sorted(wanted):
            if runs and runs[-1][0][0] == number and start - ends[-1] <= GAP_BYTES:
                runs[-1].append((number, start, stop, position))
                ends[-1] = max(ends[-1], stop)
            else:
                runs.append([(number, start, stop, position)])
                ends.append(stop)
        ranges: list[Range] = []
        by_file: dict[int, list[Range]] = {}
        at = 0
        for run, end in sorted(zip(runs, ends, strict=True), key=lambda one: min(need[3] for need in one[0])):
            number, begin = run[0][0], run[0][1]
            file = self.opened(number)[0]
            pieces = -(-(end - begin) // RANGE_BYTES)
            for piece in range(pieces):
                start = begin + (end - begin) * piece // pieces
                stop = begin + (end - begin) * (piece + 1) // pieces
                needed = tuple(sorted({need[3] for need in run if need[1] < stop and start < need[2]}))
                ranges.append(Range(file, start, stop - start, at + start - begin, needed))
                by_file.setdefault(number, []).append(ranges[-1])
            at += end - begin
        return tuple(ranges), by_file


def _span(chunk: pq.ColumnChunkMetaData) -> tuple[int, int]:
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        start = min(start, chunk.dictionary_page_offset)
    return start, start + chunk.total_compressed_size


def _is_plain(group: pq.RowGroupMetaData, held: Held | None) -> bool:
    if held is None or len(held.leaves) != 1:
        return False
    chunk = group.column(held.leaves[0])
    return (
        chunk.compression == "UNCOMPRESSED"
        and not chunk.has_dictionary_page
        and set(chunk.encodings) <= _PLAIN_ENCODINGS
        and chunk.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
    )


def _place(by_file: Mapping[int, Sequence[Range]], number: int, start: int) -> int:
    for one in by_file[number]:
        if one.start <= start < one.start + one.length:
            return one.at + start - one.start
    raise AssertionError("every chunk lies in a range")
