"""The sampled rows of one release, from the files that its servers wrote; what else lies there is named."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from seatrial.errors import InputError, StoreError, field
from seatrial.models.signature import Signature
from seatrial.rows.row_file import RowFile
from seatrial.serve.formats.records import PREDICTED
from seatrial.serve.sampling.sampled_row import OWN_COLUMNS, RELEASE, SHARE, TIME, sample_types
from seatrial.serve.sampling.sampler import FILE_ROWS, QUEUE_BYTES

SUFFIX = ".parquet"
FILE_BYTES = 2 * QUEUE_BYTES  # a server holds half as much before it writes
TEXT_BYTES = 4 * QUEUE_BYTES  # of one file's texts, once each row has its own
LAST_TIME_US = 253_402_300_800_000_000  # the year 10000
MOST_ROWS = 5_000_000  # labels are joined in memory
MOST_BYTES = 2 * 10**9  # of all rows, decoded: held twice while labels are joined, and one column's texts end at 2^31
_DAY = re.compile(r"(.*/)?(\d{4}-\d\d)-\d\d")  # the folder of a file, as servers name it


class _NotOurs(Exception):
    """A file that no server of this release wrote; the message says why."""


@dataclass(frozen=True, slots=True)
class SampledRows:
    """Rows of one release as its servers wrote them: own columns, the inputs that every file has, answers.

    `complete` are those of files that have every input, with all of them. `shares` are those that were drawn, as the
    files say, with None for files that do not say; `other_files` lie in folders of other releases, `skipped` were not
    written by servers of this one: name and reason. Of these `unread` are Parquet in the release's own folder.
    """

    table: pa.Table
    complete: pa.Table
    kept: tuple[str, ...]  # inputs, in the order of the signature
    dropped: tuple[str, ...]  # inputs that a file lacks
    shares: tuple[float | None, ...]
    files: int
    other_files: int
    other_rows: int
    skipped: tuple[tuple[str, str], ...]
    unread: int
    uneven: tuple[str, ...]  # inputs that some files have and others lack


def read_samples(files: Sequence[RowFile], signature: Signature, *, title: tuple[str, int], digest: str) -> SampledRows:
    """The rows of release `digest` in these files. `title` is its name and version, after which servers name folders.

    Where a folder of that name is among them, no other is read. A store that does not answer is its own error: rows
    that are missing for that reason would go unnoticed.
    """
    folder = f"{title[0]}/{title[1]}/"
    own = [file for file in files if f"/{folder}" in f"/{file.path}"]
    chosen = own or list(files)
    parts: list[pa.Table] = []
    shares: dict[float | None, None] = {}
    skipped: list[tuple[str, str]] = []
    other_rows = rows = decoded = 0
    for file in chosen:
        try:
            table, share = _read(file, signature)
        except _NotOurs as error:
            skipped.append((file.path, str(error)))
            continue
        mine = table.filter(pc.equal(table[RELEASE], pa.scalar(f"sha256:{digest}")))
        other_rows += table.num_rows - mine.num_rows
        if mine.num_rows:
            parts.append(mine)
            shares[share] = None
        rows += mine.num_rows
        decoded += mine.nbytes
        if rows > MOST_ROWS or decoded > MOST_BYTES:
            limit = f"{MOST_ROWS:,} sampled rows" if rows > MOST_ROWS else f"{MOST_BYTES / 1e9:g} GB of sampled rows"
            raise InputError(f"there are more than {limit}.", path=file.path, hint=_fewer(file))
    inputs = tuple(column.name for column in signature.inputs)
    held = [{name for name in inputs if name in part.column_names} for part in parts]
    kept = tuple(name for name in inputs if all(name in names for names in held))
    dropped = tuple(name for name in inputs if name not in kept) if parts else ()
    table = _joined(parts, signature, kept)
    complete = table
    if dropped:
        every = [part for part, names in zip(parts, held, strict=True) if len(names) == len(inputs)]
        complete = _joined(every, signature, inputs)
    return SampledRows(
        table,
        complete,
        kept,
        dropped,
        tuple(shares),
        len(parts),
        len(files) - len(chosen),
        other_rows,
        tuple(skipped),
        unread=sum(name.endswith(SUFFIX) for name, _ in skipped) if own else 0,
        uneven=tuple(name for name in dropped if any(name in names for names in held)),
    )


def _fewer(file: RowFile) -> str:
    """How to name fewer files than those that this one is among: servers write NAME/VERSION/DATE/TIME-….parquet."""
    folder = file.path.rpartition("/")[0]
    day = _DAY.fullmatch(folder)
    if day is None:
        return f"Name a folder of fewer files: {field('on')} FOLDER."
    days, hours = (shlex.quote(pattern) for pattern in (f"{day[1] or ''}{day[2]}-*", f"{folder}/12*"))
    return (
        f"Name fewer: the days of a month, {field('on')} {days}; a day, {field('on')} {shlex.quote(folder)}; an hour, "
        f"{field('on')} {hours}."
    )


def _joined(parts: Sequence[pa.Table], signature: Signature, inputs: Sequence[str]) -> pa.Table:
    schema = pa.schema(list(sample_types(signature, inputs).items()))
    if not parts:
        return schema.empty_table()
    return pa.concat_tables([part.select(schema.names).cast(schema) for part in parts]).combine_chunks()


def _read(file: RowFile, signature: Signature) -> tuple[pa.Table, float | None]:
    """The file's rows and the share that it says; `_NotOurs` for what no server of ours writes, before it is read."""
    if not file.path.endswith(SUFFIX):
        raise _NotOurs("it is not Parquet")
    if file.size_bytes > FILE_BYTES:
        raise _NotOurs(f"it has {file.size_bytes:,} bytes, a server writes {FILE_BYTES:,} at most")
    try:
        with file.open() as stream:
            metadata = pyarrow.parquet.read_metadata(stream)
            schema = metadata.schema.to_arrow_schema()
        types = _types(schema, signature)
        _check_size(metadata)
        texts = [name for name, kind in types.items() if pa.types.is_string(kind)]
        # Texts stay in their dictionaries until it is known how long they are together: a small file can hold one text
        # of megabytes for each of its rows.
        with file.open() as stream:
            table = pyarrow.parquet.ParquetFile(stream, read_dictionary=texts).read(list(types))
        for name in texts:
            _check_texts(name, table[name])
        table = table.cast(pa.schema(list(types.items())))
        table.validate(full=True)
        _check_own(table)
    except MemoryError:  # Arrow's own is one of these
        raise InputError("there is not enough memory to read the samples.", path=file.path, hint=_fewer(file)) from None
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # what a file holds has no number
            raise StoreError(
                f"the samples cannot be read: {os.strerror(error.errno).lower()}.",
                path=file.path,
                hint="Correct that, and run again: rows that are missing would go unnoticed.",
            ) from None
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise _NotOurs(f"it cannot be read: {reason:.100}") from None
    if signature.task != "regression":
        unknown = set(pc.unique(table[PREDICTED]).to_pylist()) - {None, *signature.classes}
        if unknown:
            raise _NotOurs(f"it answers {min(map(str, unknown))!r:.40}, which is none of the model's classes")
    return table, _share(schema.metadata or {})


def _types(schema: pa.Schema, signature: Signature) -> dict[str, pa.DataType]:
    """The columns of a sample that the file has; all of them but inputs must be there, each with its type."""
    expected = sample_types(signature, [column.name for column in signature.inputs])
    inputs = {column.name for column in signature.inputs} - set(OWN_COLUMNS)
    types: dict[str, pa.DataType] = {}
    for name, kind in expected.items():
        places = schema.get_all_field_indices(name)
        if not places and name in inputs:
            continue
        if len(places) != 1:
            raise _NotOurs(f"it does not have one column {name!r}")
        if schema.field(name).type != kind:
            raise _NotOurs(f"its column {name!r} holds {schema.field(name).type}, and not {kind}")
        types[name] = kind
    return types


def _check_size(metadata: Any) -> None:
    if metadata.num_rows > FILE_ROWS:
        raise _NotOurs(f"it has {metadata.num_rows:,} rows, a server writes {FILE_ROWS:,} at most")
    groups = range(metadata.num_row_groups)
    inflated = sum(metadata.row_group(group).total_byte_size for group in groups)
    if inflated > 2 * TEXT_BYTES:
        raise _NotOurs(f"it inflates to {inflated:,} bytes")


def _check_texts(name: str, column: pa.ChunkedArray[Any]) -> None:
    for chunk in column.chunks:
        values: Any = chunk
        lengths = pc.binary_length(values.dictionary)
        total = pc.sum(pc.cast(lengths.take(values.indices), pa.int64())).as_py() or 0
        if total > TEXT_BYTES:
            raise _NotOurs(f"the texts of its column {name!r} have {total:,} bytes")


def _check_own(table: pa.Table) -> None:
    """`_NotOurs` where a row lacks its id, place, time or release, or has a time that no calendar of Python's has."""
    for name in OWN_COLUMNS:
        if table[name].null_count:
            raise _NotOurs(f"its column {name!r} lacks values")
    bounds = pc.min_max(table[TIME].cast(pa.int64()))
    if table.num_rows and not 0 <= bounds["min"].as_py() <= bounds["max"].as_py() < LAST_TIME_US:
        raise _NotOurs("its times are not those of a clock")


def _share(metadata: Mapping[bytes, bytes]) -> float | None:
    text = metadata.get(SHARE.encode())
    try:
        share = None if text is None else float(text)
    except ValueError:
        return None
    return share if share is not None and 0 < share <= 1 else None


def skipped_words(skipped: Sequence[tuple[str, str]]) -> str:
    """Why files were left out: the first of each reason's kind, and how many."""
    counts = Counter(reason for _, reason in skipped)
    first = {reason: name for name, reason in reversed(skipped)}
    shown = [
        f"{first[reason]}{f' and {count - 1} more' if count > 1 else ''}: {reason}"
        for reason, count in counts.most_common(3)
    ]
    return "; ".join(shown) + (f"; and {len(counts) - 3} other reasons" if len(counts) > 3 else "")
