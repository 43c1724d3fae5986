"""Parquet: a file, or a folder of files with the same columns, those in names of folders (hive) included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet

from seatrial.batches.rows.source import Source
from seatrial.batches.rows.stream import TABLE_ROWS, Rows
from seatrial.errors import InputError

# The columns of a row group are read in pieces, so that a file of one huge row group stays bounded too: together as
# much as this, and each as much as a request to a store is worth, or as little as a page needs.
BUFFERS_BYTES = 64 * 2**20
BUFFER_BYTES = (2**18, 2**23)
FOOTERS_AT_ONCE = 8
_NULL = "__HIVE_DEFAULT_PARTITION__"


def read_parquet(origin: str, sources: Sequence[Source]) -> Rows:
    """The rows of one or several files, in the order of their names.

    Files may order their columns differently, and hold narrower numbers than others; a column that one of them lacks,
    or has as something else, is an `InputError` that names both files.
    """
    with ThreadPoolExecutor(min(FOOTERS_AT_ONCE, len(sources)), "seatrial-footers") as threads:
        footers = list(threads.map(_footer, sources))
    keys = _keys(sources)
    schema = _common(sources, [_without(footer[0], keys) for footer in footers])
    for name, values in keys.items():
        schema = schema.append(pa.field(name, values[0].type if values else pa.string()))

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        wanted = pa.schema([schema.field(name) for name in columns])
        for position, source in enumerate(sources):
            stored = [name for name in columns if name not in keys]
            for table in _tables(source, stored):
                for name in columns:
                    if name in keys:
                        table = table.append_column(name, pa.repeat(keys[name][position], table.num_rows))
                yield table.select(list(columns)).cast(wanted)

    return Rows(origin, schema, sum(footer[1] for footer in footers), read)


def _footer(source: Source) -> tuple[pa.Schema, int]:
    try:
        with source.open() as stream, pyarrow.parquet.ParquetFile(stream) as file:
            schema, rows = file.schema_arrow.remove_metadata(), file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(source, error) from None
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise InputError(
                f"two columns are named {name!r}.", path=source.path, mend="Give each column a name of its own."
            )
    return schema, rows


def _tables(source: Source, columns: Sequence[str]) -> Iterator[pa.Table]:
    least, most = BUFFER_BYTES
    buffer = min(max(BUFFERS_BYTES // max(len(columns), 1), least), most)
    try:
        with (
            source.open() as stream,
            pyarrow.parquet.ParquetFile(stream, buffer_size=buffer, pre_buffer=False) as file,
        ):
            for batch in file.iter_batches(batch_size=TABLE_ROWS, columns=list(columns)):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(source, error) from None


def _unreadable(source: Source, error: Exception) -> InputError:
    text = str(error).splitlines()[0].removesuffix(".")
    if "magic bytes" in text or "smaller than the minimum file footer" in text:
        text = "it does not begin and end as Parquet does"
    return InputError(
        f"cannot be read as parquet: {text}.", path=source.path, mend="Write the file again, or copy it again."
    )


def _keys(sources: Sequence[Source]) -> dict[str, list[Any]]:
    """The values of `key=value` folders, one a file; whole numbers where all are, texts otherwise."""
    found = [
        {
            unquote(name): None if value == _NULL else unquote(value)
            for part in source.inside.split("/")[:-1]
            for name, equals, value in [part.partition("=")]
            if equals
        }
        for source in sources
    ]
    for source, keys in zip(sources, found, strict=True):
        if keys.keys() != found[0].keys():
            raise InputError(
                f"its folders name the keys {sorted(keys)}, those of {sources[0].path} name {sorted(found[0])}.",
                path=source.path,
                mend="Name a folder that holds one table.",
            )
    return {name: _typed([keys[name] for keys in found]) for name in found[0]}


def _typed(values: list[str | None]) -> list[Any]:
    texts = pa.array(values, pa.string())
    try:
        return list(texts.cast(pa.int64()))
    except pa.ArrowInvalid:
        return list(texts)


def _without(schema: pa.Schema, keys: dict[str, list[Any]]) -> pa.Schema:
    # Some writers keep the key in the file as well; the folder's name is what every reader of hive tables goes by.
    return pa.schema([field for field in schema if field.name not in keys])


def _common(sources: Sequence[Source], schemas: Sequence[pa.Schema]) -> pa.Schema:
    common = schemas[0]
    for source, schema in zip(sources, schemas, strict=True):
        lacks, more = set(common.names) - set(schema.names), set(schema.names) - set(common.names)
        if lacks or more:
            lacking, having = (source, sources[0]) if lacks else (sources[0], source)
            raise InputError(
                f"it lacks the column {min(lacks or more)!r}, which {having.path} has.",
                path=lacking.path,
                mend="Write the files with the same columns, or name those that have them.",
            )
        common = pa.schema([_wider(field, schema.field(field.name), source, sources[0]) for field in common])
    return common


def _wider(one: pa.Field[Any], other: pa.Field[Any], source: Source, first: Source) -> pa.Field[Any]:
    if one.type == other.type:
        return pa.field(one.name, one.type)
    plain = [kind.value_type if isinstance(kind, pa.DictionaryType) else kind for kind in (one.type, other.type)]
    try:
        unified = pa.unify_schemas([pa.schema([(one.name, kind)]) for kind in plain], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        raise InputError(
            f"column {one.name!r} is {other.type} here, and {one.type} in {first.path}.",
            path=source.path,
            mend="Write the files with the same types.",
        ) from None
    return unified.field(0)
