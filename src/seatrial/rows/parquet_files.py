"""Parquet: a file, or a folder of files with the same columns, those in names of folders (hive) included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from seatrial.errors import InputError
from seatrial.rows.hive_partitions import folder_keys
from seatrial.rows.parquet_footer import INT96_UNIT, arrow_schema, encrypted, is_missing_list, leaves_of, missing_list
from seatrial.rows.plain_types import plain_schema
from seatrial.rows.row_file import RowFile
from seatrial.rows.stream import TABLE_ROWS, Rows

# The columns of a row group are read in pieces, so that a file of one huge row group stays bounded too: together as
# much as this, and each as much as a request to a store is worth, or as little as a page needs.
BUFFERS_BYTES = 64 * 2**20
BUFFER_BYTES = (2**18, 2**23)
FOOTERS_AT_ONCE = 8


def read_parquet(origin: str, sources: Sequence[RowFile]) -> Rows:
    """The rows of one or several files, in the order of their names.

    Files may order their columns differently, and hold narrower numbers than others; a column that one of them lacks,
    or has as something else, is an `InputError` that names both files.
    """
    with ThreadPoolExecutor(min(FOOTERS_AT_ONCE, len(sources)), "seatrial-footers") as threads:
        footers = list(threads.map(_footer, sources))
    keys = folder_keys(sources)
    schema = keys.added_to(_common(sources, [keys.taken_from(footer[0]) for footer in footers]))

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        selection = pa.schema([schema.field(name) for name in columns])
        for position, source in enumerate(sources):
            for table in _tables(source, keys.stored(columns)):
                yield keys.put_into(table, columns, position).cast(selection)

    return Rows(origin, schema, sum(footer[1] for footer in footers), read)


def _footer(source: RowFile) -> tuple[pa.Schema, int]:
    try:
        with source.open() as stream, pyarrow.parquet.ParquetFile(stream) as file:
            schema, rows = plain_schema(arrow_schema(file.metadata)), file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(source, error) from None
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise InputError(
                f"two columns are named {name!r}.", path=source.path, hint="Give each column a name of its own."
            )
    return schema, rows


def _tables(source: RowFile, columns: Sequence[str]) -> Iterator[pa.Table]:
    least, most = BUFFER_BYTES
    buffer = min(max(BUFFERS_BYTES // max(len(columns), 1), least), most)
    try:
        with (
            source.open() as stream,
            pyarrow.parquet.ParquetFile(
                stream, buffer_size=buffer, pre_buffer=False, coerce_int96_timestamp_unit=INT96_UNIT
            ) as file,
        ):
            names = set(columns)
            chosen = [held for held in leaves_of(file.metadata, source.path) if held[0] in names]
            leaves = [leaf for _, held in chosen for leaf in held]
            read = 0
            # By number: to pyarrow the name a.b is a field of the struct a as well.
            for batch in file.reader.iter_batches(
                TABLE_ROWS, row_groups=list(range(file.num_row_groups)), column_indices=leaves, use_threads=True
            ):
                table = pa.Table.from_batches([batch])
                _check_text(table, source)
                read += table.num_rows
                yield table
            if read != file.metadata.num_rows:
                raise InputError(
                    f"the file holds {read} rows, and its footer says {file.metadata.num_rows}.",
                    path=source.path,
                    hint="Write the file again.",
                )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(source, error) from None


def _check_text(table: pa.Table, source: RowFile) -> None:
    """`InputError` for text that is not UTF-8, which Arrow passes on and Python does not read."""
    for field, column in zip(table.schema, table.columns, strict=True):
        values: Any = field.type
        values = values.value_type if isinstance(values, pa.DictionaryType) else values
        if not (pa.types.is_string(values) or pa.types.is_large_string(values) or pa.types.is_string_view(values)):
            continue
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise
            raise InputError(
                f"column {field.name!r} holds text that is not UTF-8.",
                path=source.path,
                hint="Write the column again as UTF-8, or as binary.",
            ) from None


# pyarrow's words for an encrypted footer, and for encrypted columns (25.0.1); names in its errors may hold "crypt" too.
_ENCRYPTED = ("no decryption found", "Cannot decrypt")


def _unreadable(source: RowFile, error: Exception) -> InputError:
    if any(words in str(error) for words in _ENCRYPTED):
        return encrypted(source.path)
    if is_missing_list(error):
        return missing_list(source.path)
    text = str(error).splitlines()[0].removesuffix(".")
    if "magic bytes" in text or "smaller than the minimum file footer" in text:
        text = "it does not begin and end as Parquet does"
    return InputError(
        f"the file cannot be read as Parquet: {text}.", path=source.path, hint="Write the file again, or copy it again."
    )


def _common(sources: Sequence[RowFile], schemas: Sequence[pa.Schema]) -> pa.Schema:
    common = schemas[0]
    for source, schema in zip(sources, schemas, strict=True):
        lacks, more = set(common.names) - set(schema.names), set(schema.names) - set(common.names)
        if lacks or more:
            lacking, having = (source, sources[0]) if lacks else (sources[0], source)
            raise InputError(
                f"the file lacks the column {min(lacks or more)!r}, which {having.path} has.",
                path=lacking.path,
                hint="Write the files with the same columns, or name those that have them.",
            )
        common = pa.schema([_wider(field, schema.field(field.name), source, sources[0]) for field in common])
    return common


def _wider(earlier: pa.Field[Any], later: pa.Field[Any], source: RowFile, first: RowFile) -> pa.Field[Any]:
    if earlier.type == later.type:
        return pa.field(earlier.name, earlier.type)
    plain = [kind.value_type if isinstance(kind, pa.DictionaryType) else kind for kind in (earlier.type, later.type)]
    try:
        unified = pa.unify_schemas([pa.schema([(earlier.name, kind)]) for kind in plain], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        raise InputError(
            f"column {earlier.name!r} is {later.type} here, and {earlier.type} in {first.path}.",
            path=source.path,
            hint="Write the files with the same types.",
        ) from None
    return unified.field(0)
