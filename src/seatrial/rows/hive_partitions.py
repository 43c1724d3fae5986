"""Columns that stand in the names of folders (`year=2025/…`, as Hive has them), and not in the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.rows.row_file import RowFile

_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class FolderKeys:
    """The keys, and for each its value at each file. Of a key that the files hold too, the folder's value counts."""

    values: Mapping[str, Sequence[Any]]  # Arrow scalars

    def stored(self, columns: Sequence[str]) -> list[str]:
        """Those of the columns that are in the files."""
        return [name for name in columns if name not in self.values]

    def taken_from(self, schema: pa.Schema) -> pa.Schema:
        """The columns of a file that are no keys."""
        return pa.schema([field for field in schema if field.name not in self.values])

    def added_to(self, schema: pa.Schema) -> pa.Schema:
        """The table's columns: those of the files, then the keys."""
        return pa.schema([*schema, *(pa.field(name, values[0].type) for name, values in self.values.items())])

    def put_into(self, table: pa.Table, columns: Sequence[str], position: int) -> pa.Table:
        """`columns` of the rows of the file at that position, which `table` holds but for the keys."""
        for name in columns:
            if name in self.values:
                if name in table.column_names:
                    table = table.drop_columns([name])
                table = table.append_column(name, pa.repeat(self.values[name][position], table.num_rows))
        return table.select(list(columns))


def folder_keys(sources: Sequence[RowFile]) -> FolderKeys:
    """The keys of files that were found under one address; see `partition_keys`."""
    return partition_keys([(source.path, source.inside) for source in sources])


def partition_keys(files: Sequence[tuple[str, str]]) -> FolderKeys:
    """The keys in the names of folders, for files given by their path and that within the folder that was asked for.

    Whole numbers where all of a key's values are such, texts otherwise. Files with different keys are not one table: an
    `InputError`.
    """
    keys_of = [
        {
            unquote(name): None if value == _NULL else unquote(value)
            for part in inside.split("/")[:-1]
            for name, equals, value in [part.partition("=")]
            if equals and name
        }
        for _, inside in files
    ]
    for (path, _), keys in zip(files, keys_of, strict=True):
        if keys.keys() != keys_of[0].keys():
            raise InputError(
                f"the file's folders name the keys {sorted(keys)}, those of {files[0][0]} name {sorted(keys_of[0])}.",
                path=path,
                hint="Name a folder that holds one table.",
            )
    return FolderKeys({name: _typed([keys[name] for keys in keys_of]) for name in keys_of[0]})


def _typed(values: list[str | None]) -> list[Any]:
    texts = pa.array(values, pa.string())
    try:
        return list(texts.cast(pa.int64()))
    except pa.ArrowInvalid:
        return list(texts)
