"""A table at one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.stores.settings import CatalogSettings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Table:
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
        from seatrial.batches.snapshot import open_snapshot

        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            return snapshot.rows

    @property
    def schema(self) -> pa.Schema:
        """The snapshot's columns and their Arrow types, as `to_arrow` gives them."""
        from seatrial.batches.snapshot import open_snapshot

        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            return snapshot.schema

    @property
    def properties(self) -> Mapping[str, str]:
        """The table's properties, and over them those that were written with the snapshot ("seatrial.…")."""
        from seatrial.batches.snapshot import open_snapshot

        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            return snapshot.properties

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, in an order that depends on the snapshot alone; `columns` in the order given."""
        from seatrial.batches.snapshot import open_snapshot

        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            return snapshot.read(columns)

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """All rows as a pandas DataFrame."""
        return self.to_arrow(columns).to_pandas()
