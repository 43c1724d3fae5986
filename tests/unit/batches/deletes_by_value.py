"""An Iceberg snapshot with an equality delete file, which neither Spark nor pyiceberg writes, and Flink does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, SetSnapshotRefUpdate
from pyiceberg.typedef import Record

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable

SNAPSHOT = 424242


class _Deletes(ManifestWriterV2):  # type: ignore[misc]  # pyiceberg is not read by mypy here
    """pyiceberg writes manifests of data files only."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


def delete_by_value(table: IcebergTable, column: str, values: pa.Array[Any]) -> int:
    """Commits a snapshot that deletes the rows with these values, as Flink's upserts do; returns its id."""
    before = table.current_snapshot()
    assert before is not None
    field = table.schema().find_field(column)
    place = f"{table.location()}/data/deleted-values.parquet"
    kept: Any = {"PARQUET:field_id": str(field.field_id)}
    rows = pa.table([values], schema=pa.schema([pa.field(column, values.type, metadata=kept)]))
    with table.io.new_output(place).create(overwrite=True) as stream:
        pq.write_table(rows, stream)
    file = DataFile.from_args(
        content=DataFileContent.EQUALITY_DELETES,
        file_path=place,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=rows.num_rows,
        file_size_in_bytes=len(table.io.new_input(place)),
        equality_ids=[field.field_id],
    )
    file.spec_id = table.spec().spec_id
    number = table.metadata.last_sequence_number + 1
    manifest = table.io.new_output(f"{table.location()}/metadata/deletes.avro")
    with _Deletes(table.spec(), table.schema(), manifest, SNAPSHOT, "null") as writer:
        writer.add_entry(
            ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=SNAPSHOT, data_file=file)
        )
    listed = table.io.new_output(f"{table.location()}/metadata/snap-{SNAPSHOT}.avro")
    with write_manifest_list(2, listed, SNAPSHOT, before.snapshot_id, number, "null") as manifests:
        manifests.add_manifests([*before.manifests(table.io), writer.to_manifest_file()])
    snapshot = Snapshot(
        snapshot_id=SNAPSHOT,
        parent_snapshot_id=before.snapshot_id,
        sequence_number=number,
        timestamp_ms=before.timestamp_ms + 1,
        manifest_list=listed.location,
        summary=Summary(Operation.DELETE),
        schema_id=table.schema().schema_id,
    )
    table._do_commit(
        updates=(
            AddSnapshotUpdate(snapshot=snapshot),
            SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=SNAPSHOT),
        ),
        requirements=(),
    )
    return SNAPSHOT
