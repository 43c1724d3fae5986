"""A prefix or folder of Parquet files as a table, without a catalog: pinned by a manifest, never "latest"."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow as pa

from seatrial.batches.columns.packed_columns import PACKED_PREFIX
from seatrial.batches.files.footer import parse
from seatrial.batches.files.manifest import Manifest, cache_folder, keep, load, read_manifest
from seatrial.batches.files.table_source import TableSource, source_key
from seatrial.batches.readable_table import ReadableTable
from seatrial.batches.wire.open_wire import S3_SCHEMES, open_wire
from seatrial.batches.wire.wire import Listed
from seatrial.errors import Corrupt, InputError
from seatrial.stores.settings import StoreSettings

if TYPE_CHECKING:
    pass

_RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
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
    place = str(url).rstrip("/")
    settings = store or StoreSettings(place)
    found = _named(place, files) if files is not None else _listed(place, settings)
    if not found:
        raise InputError("there are no Parquet files.", path=place, hint="Name a folder that has some (*.parquet).")
    found = sorted(found, key=lambda file: _order(file.path.removeprefix(place)))
    manifest = _manifest(found, settings)
    pinned = [Listed(one["path"], one["size_bytes"], one["etag"]) for one in manifest.files.drop("footer").to_pylist()]
    schema, properties = _schema(manifest)
    named = [[file.path.removeprefix(place), file.size_bytes, file.etag] for file in pinned]
    content = hashlib.sha256()
    for number in range(len(found)):
        content.update(hashlib.sha256(manifest.footer(number)).digest())
    source = TableSource(
        path=place,
        schema=schema,
        properties=properties,
        digest=hashlib.sha256(json.dumps(named).encode()).hexdigest(),
        # of the footers, not of names and pins: a copy of these files elsewhere trains the same bits
        order_key=content.hexdigest(),
        files=tuple(pinned),
        store=settings,
    )
    keep(manifest, source_key(source), cache_folder())
    return ParquetTable(place, source.digest, schema, properties, int(manifest.rows.sum()), source)


def _named(place: str, files: Sequence[str]) -> list[Listed]:
    return [Listed(f"{place}/{name}") for name in files]


def _listed(place: str, settings: StoreSettings) -> list[Listed]:
    scheme = urlsplit(place).scheme
    if scheme in S3_SCHEMES:
        from seatrial.stores.obstore_objects import open_objects

        bucket, _, prefix = place.partition("://")[2].partition("/")
        objects = open_objects(replace(settings, url=f"s3://{bucket}"))
        listed = objects.list(f"{prefix}/" if prefix else "")
        return [
            Listed(f"s3://{bucket}/{info.key}", info.size_bytes, info.etag)
            for info in listed
            if _is_data(info.key.removeprefix(prefix))
        ]
    if scheme in ("http", "https"):
        raise InputError("a web server lists no files.", path=place, hint="Name them: files=[…].")
    folder = Path(place.removeprefix("file://"))
    if folder.is_file():
        return [Listed(str(folder), folder.stat().st_size)]
    return [
        Listed(str(path), path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file() and _is_data(str(path.relative_to(folder)))
    ]


def _is_data(name: str) -> bool:
    """Spark and others keep notes beside the data, in names that begin with "_" or "."."""
    parts = name.strip("/").split("/")
    return name.endswith((".parquet", ".parq")) and not any(part.startswith(("_", ".")) for part in parts)


def _order(name: str) -> tuple[Any, ...]:
    """Files by name, numbers by value, random parts last."""
    steady = _DIGITS.split(_RANDOM.sub("", name))
    return [(int(part), "") if part.isdigit() else (-1, part) for part in steady], name


def _manifest(files: Sequence[Listed], settings: StoreSettings) -> Manifest:
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
    """The columns of the first file, which the others must have as well, and what it says of packed ones."""
    first: pa.Schema | None = None
    seen: set[int] = set()
    for number in range(len(manifest.files)):
        path = manifest.data_file(number).path
        schema = parse(manifest.footer(number), path).schema.to_arrow_schema()
        first = schema if first is None else first
        for name in first.names:
            if name not in schema.names or schema.field(name).type != first.field(name).type:
                found = schema.field(name).type if name in schema.names else "not there"
                raise InputError(
                    f'column "{name}" is {found}, and {first.field(name).type} in the first file.',
                    path=path,
                    hint="Write the files with one schema, or keep them in an Iceberg table.",
                )
        packed = {key: text for key, text in (schema.metadata or {}).items() if key.startswith(PACKED_PREFIX.encode())}
        seen.add(hash(tuple(sorted(packed.items()))))
        if len(seen) > 1:
            raise InputError(
                "the files say different things of their packed columns.", path=path, hint="Write them anew."
            )
    assert first is not None  # noqa: S101 there is at least one file
    try:
        said = {
            key.decode(): text.decode() for key, text in (first.metadata or {}).items() if key.startswith(b"seatrial.")
        }
    except UnicodeDecodeError:
        raise Corrupt(
            "what the footer says of packed columns is no text.",
            path=manifest.data_file(0).path,
            hint="Write the file again.",
        ) from None
    return first.remove_metadata(), said
