"""A prefix or folder of Parquet files as a table, without a catalog: pinned by a manifest, never "latest"."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from seatrial.batches.columns.packed_columns import PACKED_PREFIX
from seatrial.batches.files.footer import parse
from seatrial.batches.files.manifest import Manifest, cache_folder, keep, load, read_manifest
from seatrial.batches.files.table_source import TableSource, source_key
from seatrial.batches.readable_table import ReadableTable
from seatrial.batches.wire.open_wire import S3_SCHEMES, open_wire
from seatrial.batches.wire.wire import ListedFile
from seatrial.errors import Corrupt, InputError
from seatrial.rows.formats import PARQUET, is_parquet
from seatrial.rows.hive_partitions import partition_keys
from seatrial.rows.parquet_footer import arrow_schema
from seatrial.rows.row_file import HIDDEN
from seatrial.stores.settings import StoreSettings

_RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHOWN_OTHERS = 3  # names of files that are left out
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class ParquetTable(ReadableTable):
    """Parquet files as they were when the table was opened: a file that changed since is an error, not a mix.

    `digest` names the files and their pins. Every method raises `ObjectChanged` or `ObjectMissing` when a file is no
    longer the one that was pinned, and `StoreError` when the store fails.
    """

    url: str
    digest: str
    schema: pa.Schema
    properties: Mapping[str, str]
    rows: int
    _source: TableSource = field(repr=False)

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, in the order of the files; `columns` in the order given."""
        from seatrial.batches.reading.whole_table import read_whole

        return read_whole(self._source, columns)

    def source(self) -> TableSource:
        """See `ReadableTable.source`."""
        return self._source


def parquet_table(
    url: str | Path, *, store: StoreSettings | None = None, files: Sequence[str] | None = None
) -> ParquetTable:
    """The Parquet files under a local folder, an s3:// prefix, or (named by `files`, relative) an http(s):// prefix.

    `store` has the endpoint and the credentials of s3://. What the footers' metadata says of packed columns
    (`seatrial.packed.<column>`) counts as the table's properties. Raises `InputError` when there are no files, or their
    columns differ.
    """
    example = 'For example parquet_table("https://host/lake", files=["a.parquet"]).'
    if not str(url):
        raise InputError('url must be a folder, a prefix or a file, got "".', hint=example)
    if isinstance(files, str):
        raise InputError(f'files must be a list of names, got "{files}".', hint=example)
    place = str(url).rstrip("/") or "/"
    settings = store or StoreSettings(place)
    listed = _by_names(place, files) if files is not None else _listed(place, settings)
    if not listed:
        raise InputError(
            "the folder does not hold any Parquet files.",
            path=place,
            hint=f"Name a folder that has some ({', '.join(PARQUET.suffixes)}).",
        )
    listed = sorted(listed, key=lambda file: _order(file.path.removeprefix(place)))
    manifest = _manifest(listed, settings)
    pinned = [
        ListedFile(entry["path"], entry["size_bytes"], entry["etag"])
        for entry in manifest.files.drop("footer").to_pylist()
    ]
    keys = partition_keys([(file.path, file.path.removeprefix(place)) for file in pinned])
    stored, properties = _schema(manifest)
    schema = keys.added_to(keys.taken_from(stored))
    identity = [[file.path.removeprefix(place), file.size_bytes, file.etag] for file in pinned]
    content = hashlib.sha256()
    for number in range(len(listed)):
        content.update(hashlib.sha256(manifest.footer(number)).digest())
    source = TableSource(
        path=place,
        schema=schema,
        properties=properties,
        digest=hashlib.sha256(json.dumps(identity).encode()).hexdigest(),
        # of the footers, not of names and pins: a copy of these files elsewhere trains the same bits
        order_key=content.hexdigest(),
        files=tuple(pinned),
        store=settings,
        constants={
            name: pa.array([value.as_py() for value in values], values[0].type) for name, values in keys.values.items()
        },
    )
    keep(manifest, source_key(source), cache_folder())
    return ParquetTable(place, source.digest, schema, properties, int(manifest.rows.sum()), source)


def _by_names(place: str, files: Sequence[str]) -> list[ListedFile]:
    return [ListedFile(f"{place}/{name}") for name in files]


def _listed(place: str, settings: StoreSettings) -> list[ListedFile]:
    scheme = urlsplit(place).scheme
    if scheme in S3_SCHEMES:
        from seatrial.stores.obstore_objects import open_objects

        bucket, _, prefix = place.partition("://")[2].partition("/")
        objects = open_objects(replace(settings, url=f"s3://{bucket}"))
        below = f"{prefix}/" if prefix else ""
        objects_below = [info for info in objects.list(below) if not _is_hidden(info.key.removeprefix(below))]
        _tell_others(place, [info.key.removeprefix(below) for info in objects_below])
        return [
            ListedFile(f"s3://{bucket}/{info.key}", info.size_bytes, info.etag)
            for info in objects_below
            if is_parquet(info.key)
        ]
    if scheme in ("http", "https"):
        raise InputError("a web server does not list its files.", path=place, hint="Name them: files=[…].")
    folder = Path(place.removeprefix("file://"))
    if folder.is_file():
        return [ListedFile(str(folder), folder.stat().st_size)]
    inside = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    visible = {name: path for name, path in inside.items() if not _is_hidden(name)}
    _tell_others(place, sorted(visible))
    return [ListedFile(str(path), path.stat().st_size) for name, path in visible.items() if is_parquet(name)]


def _is_hidden(name: str) -> bool:
    """Spark and others keep notes beside the data, in names that begin with "_" or "."."""
    return any(part.startswith(HIDDEN) for part in name.split("/"))


def _tell_others(place: str, names: Sequence[str]) -> None:
    """Warns of files that are left out because their names are not those of Parquet files."""
    others = [name for name in names if not is_parquet(name)]
    if others and len(others) < len(names):
        more = f" and {len(others) - SHOWN_OTHERS} more" if len(others) > SHOWN_OTHERS else ""
        warnings.warn(
            f"{place}: left out, because of the file extension: {', '.join(others[:SHOWN_OTHERS])}{more}."
            f" A table has the files named {', '.join(PARQUET.suffixes)}.",
            stacklevel=4,
        )


def _order(name: str) -> tuple[Any, ...]:
    """Files by name, numbers by value, random parts last."""
    steady = _DIGITS.split(_RANDOM.sub("", name))
    return [(int(part), "") if part.isdigit() else (-1, part) for part in steady], name


def _manifest(files: Sequence[ListedFile], settings: StoreSettings) -> Manifest:
    key = hashlib.sha256(
        json.dumps([settings.endpoint, [[file.path, file.size_bytes, file.etag] for file in files]]).encode()
    ).hexdigest()
    manifest = load(key, cache_folder()) if all(file.etag is not None for file in files) else None
    if manifest is None:
        wire = open_wire(files[0].path, settings)
        try:
            manifest = read_manifest(wire, files, None)
        finally:
            wire.close()
        if all(file.etag is not None for file in files):
            keep(manifest, key, cache_folder())
    return manifest


def _schema(manifest: Manifest) -> tuple[pa.Schema, dict[str, str]]:
    """The columns that every file has, and what the files say of packed ones."""
    first: pa.Schema | None = None
    packed_texts: set[int] = set()
    first_path = manifest.data_file(0).path
    for number in range(len(manifest.files)):
        path = manifest.data_file(number).path
        schema = arrow_schema(parse(manifest.footer(number), path))
        first = schema if first is None else first
        _check_same_columns(first, schema, first_path=first_path, path=path)
        packed = {key: text for key, text in (schema.metadata or {}).items() if key.startswith(PACKED_PREFIX.encode())}
        packed_texts.add(hash(tuple(sorted(packed.items()))))
        if len(packed_texts) > 1:
            raise InputError(
                f"the file describes its packed columns otherwise than {first_path}.",
                path=path,
                hint="Write the files with one codec.",
            )
    assert first is not None  # noqa: S101 there is at least one file
    try:
        properties = {
            key.decode(): text.decode() for key, text in (first.metadata or {}).items() if key.startswith(b"seatrial.")
        }
    except UnicodeDecodeError:
        raise Corrupt(
            "the footer's property of packed columns is not UTF-8.", path=first_path, hint="Write the file again."
        ) from None
    return first.remove_metadata(), properties


def _check_same_columns(first: pa.Schema, schema: pa.Schema, *, first_path: str, path: str) -> None:
    hint = "Write the files with one schema, or keep them in an Iceberg table."
    here, there = Counter(schema.names), Counter(first.names)
    if here != there:
        name = next(name for name in [*first.names, *schema.names] if here[name] != there[name])
        lacking, having = (path, first_path) if here[name] < there[name] else (first_path, path)
        raise InputError(f'the file lacks the column "{name}", which {having} has.', path=lacking, hint=hint)
    for column in schema:
        if here[column.name] == 1 and column.type != first.field(column.name).type:
            raise InputError(
                f'column "{column.name}" is {column.type}, and {first.field(column.name).type} in {first_path}.',
                path=path,
                hint=hint,
            )
