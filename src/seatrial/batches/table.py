"""A table at one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.stores.settings import CatalogSettings

WINDOW_MIB = 64  # of row groups, all columns, before compression: what is mixed at once

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from seatrial.batches.outputs import Columns, Decode
    from seatrial.batches.reader import Batches


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

    def batches(
        self,
        *,
        columns: Columns = None,
        batch_rows: int = 4096,
        seed: int = 7,
        epoch: int = 0,
        rank: int = 0,
        world: int = 1,
        cursor: str | None = None,
        memory_mib: int = 512,
        window_mib: int = WINDOW_MIB,
        decode: Mapping[str, Decode] | None = None,
    ) -> Batches:
        """The rows as batches of arrays by name, in an order that (table, seed, epoch, window) alone decide.

        `columns` is a list of columns; or names of arrays, each with a column or with the list of columns that are
        stacked as a matrix. `batch_rows` counts the rows of all ranks; each of `world` ranks gets its stripe of every
        batch. `cursor` (see `Batches.cursor`) goes on where a reader ended, on any world size: every row left comes
        exactly once. Row groups come in random order, and the rows of each `window_mib` of them are mixed. `decode`
        has functions that make an array of a binary value. Raises `InputError` when a window does not fit
        `memory_mib`, when columns hold nulls that their arrays cannot, or are not there.
        """
        from seatrial.batches.plan import Plan
        from seatrial.batches.reader import open_batches
        from seatrial.batches.snapshot import open_snapshot

        plan = Plan(batch_rows, seed, epoch, rank, world, memory_mib, window_mib)
        with open_snapshot(self.catalog, self.identifier, self.snapshot_id) as snapshot:
            source = snapshot.source(self.digest)
        return open_batches(source, columns=columns, plan=plan, cursor=cursor, decode=decode)
