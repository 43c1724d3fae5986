"""A table at one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.batches.readable_table import ReadableTable
from seatrial.stores.settings import CatalogSettings

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.batches.files.table_source import TableSource


@dataclass(frozen=True, slots=True)
class Table(ReadableTable):
    """An Iceberg table at one snapshot: never "latest".

    `digest` names the content by how it came to be (producing step key and output name); `snapshot_id` only locates it.
    Every method raises `TableGone` when the snapshot has expired or the table was dropped, and `StoreError` when the
    catalog or the store fails.
    """

    identifier: str  # "census.features_train"
    snapshot_id: int
    digest: str
    catalog: CatalogSettings

    @property
    def rows(self) -> int:
        """How many rows the snapshot has."""
        from seatrial.batches.files.iceberg_snapshot import open_snapshot

        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            return snapshot.rows

    @property
    def schema(self) -> pa.Schema:
        """The snapshot's columns and their Arrow types, as `to_arrow` gives them."""
        from seatrial.batches.files.iceberg_snapshot import open_snapshot

        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            return snapshot.schema

    @property
    def properties(self) -> Mapping[str, str]:
        """The table's properties, and over them those that were written with the snapshot ("seatrial.…")."""
        from seatrial.batches.files.iceberg_snapshot import open_snapshot

        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            return snapshot.properties

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, in an order that depends on the snapshot alone; `columns` in the order given."""
        from seatrial.batches.files.iceberg_snapshot import open_snapshot

        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            return snapshot.read(columns)

    def source(self) -> TableSource:
        """See `ReadableTable.source`."""
        from seatrial.batches.files.iceberg_snapshot import open_snapshot

        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            return snapshot.source(self.digest)
