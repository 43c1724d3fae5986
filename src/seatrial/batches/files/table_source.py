"""A table as its reader needs it, whether Iceberg keeps its books or not."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.batches.files.footer import ColumnIds
from seatrial.batches.files.manifest import Manifest, keep, load, make_manifest, read_manifest
from seatrial.batches.wire.open_wire import open_wire
from seatrial.batches.wire.wire import ListedFile
from seatrial.errors import InputError
from seatrial.stores.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class TableSource:
    """Files in an order that the table's content decides, their columns, and rows that do not count.

    `order_key` decides the order of an epoch; `digest` names the table in cursors and errors.
    """

    path: str  # of errors: the table's identifier or URL
    schema: pa.Schema
    properties: Mapping[str, str]
    digest: str
    order_key: str
    files: tuple[ListedFile, ...]
    store: StoreSettings
    ids: ColumnIds | None = None  # of a table that knows its columns by Iceberg field id
    # Values that stand in the table's metadata or in names of folders, one a file: those of partition columns.
    constants: Mapping[str, pa.Array[Any]] = field(default_factory=dict)
    deleted: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)  # positions by file, ascending

    def check_columns(self, columns: Sequence[str]) -> list[str]:
        """The columns as a list; an `InputError` for one that is not there, or asked for twice."""
        return check_columns(self.schema, columns, path=self.path)


def check_columns(schema: pa.Schema, columns: Sequence[str], *, path: str) -> list[str]:
    """The columns as a list; an `InputError` for one that is not there, is there twice, or is asked for twice."""
    columns = columns if isinstance(columns, str) or not isinstance(columns, Iterable) else list(columns)
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise InputError(
            f"columns must be a list of names, got {columns!r}.", path=path, hint='For example columns=["age"].'
        )
    there = Counter(schema.names)
    chosen: set[str] = set()
    for name in columns:
        if name not in there:
            close = difflib.get_close_matches(name, schema.names, n=1)
            hint = f'Did you mean "{close[0]}"?' if close else f"It has: {', '.join(schema.names)}."
            raise InputError(f'the table does not have a column "{name}".', path=path, hint=hint)
        if there[name] > 1:
            raise InputError(
                f'{there[name]} columns are named "{name}".',
                path=path,
                hint="Name the other columns (columns=[…]), or write the files with different names.",
            )
        if name in chosen:
            raise InputError(f'column "{name}" is named twice.', path=path, hint="Name it once.")
        chosen.add(name)
    return list(columns)


def source_key(source: TableSource) -> str:
    """Under which its manifest is kept."""
    files = [[file.path, file.size_bytes, file.etag] for file in source.files]
    ids = source.ids
    identity = [files, [] if ids is None else [sorted(ids.names.items()), sorted((ids.mapped or {}).items())]]
    identity.append(source.store.endpoint)
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def manifest_of(source: TableSource, folder: Path) -> Manifest:
    """The manifest of the source's files: kept in `folder` from an earlier opening, or read from their footers."""
    key = source_key(source)
    manifest = load(key, folder)
    if manifest is None:
        if not source.files:
            return make_manifest((), source.ids)
        wire = open_wire(source.files[0].path, source.store)
        try:
            manifest = read_manifest(wire, source.files, source.ids)
        finally:
            wire.close()
        keep(manifest, key, folder)
    return manifest


def deleted_rows(source: TableSource, manifest: Manifest) -> dict[int, NDArray[np.bool_]]:
    """By row group, which of its rows stay; only row groups with deleted rows are there."""
    live_masks: dict[int, NDArray[np.bool_]] = {}
    if not source.deleted:
        return live_masks
    paths = manifest.files["path"].to_pylist()
    firsts: dict[int, int] = {}
    for group, (file, rows) in enumerate(zip(manifest.file.tolist(), manifest.rows.tolist(), strict=True)):
        first = firsts.get(file, 0)
        firsts[file] = first + rows
        positions = source.deleted.get(paths[file])
        if positions is None:
            continue
        inside = positions[np.searchsorted(positions, first) : np.searchsorted(positions, first + rows)]
        if len(inside):
            live_mask = np.ones(rows, np.bool_)
            live_mask[inside - first] = False
            live_masks[group] = live_mask
    return live_masks
