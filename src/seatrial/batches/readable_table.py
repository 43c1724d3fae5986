"""What every kind of table offers its readers: rows as Arrow, as a pandas frame, and as batches."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from seatrial.batches.plan.window_size import WINDOW_MIB

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from seatrial.batches.columns.array_outputs import Columns, Decode
    from seatrial.batches.files.table_source import TableSource
    from seatrial.batches.reading.reader import Batches
    from seatrial.batches.wire.http_wire import Limits


class ReadableTable(Protocol):
    """A table whose rows can be read; a kind of table says where they lie, and how they are read whole."""

    __slots__ = ()

    def source(self) -> TableSource:
        """The files, columns and pins that a reader needs."""
        ...

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, in an order that depends on the content alone; `columns` in the order given."""
        ...

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
        rank: int | None = None,
        world: int | None = None,
        cursor: str | None = None,
        memory_mib: int = 512,
        window_mib: int = WINDOW_MIB,
        decode: Mapping[str, Decode] | None = None,
        limits: Limits | None = None,
    ) -> Batches:
        """The rows as batches of arrays by name, in an order that (table, seed, epoch, window) alone decide.

        `columns` is a list of columns; or names of arrays, each with a column or with the list of columns that are
        stacked as a matrix. `batch_rows` counts the rows of all ranks; each of `world` ranks gets its stripe of every
        batch. Where neither is named they are RANK and WORLD_SIZE of the environment, as torchrun and a step with
        `workers` have them, else 0 and 1: who reads all rows says `rank=0, world=1`. `cursor` (see `Batches.cursor`)
        goes on where a reader ended, on any world size: every row left comes exactly once. Row groups come in random
        order, and the rows of each `window_mib` of them are mixed. `decode` has functions that make an array of a
        binary value. `limits` say when a request has failed. Raises `InputError` when a window does not fit
        `memory_mib`, when columns hold nulls that their arrays cannot, or are not there.
        """
        from seatrial.batches.plan.distributed_rank import rank_and_world
        from seatrial.batches.plan.epoch_plan import Plan
        from seatrial.batches.reading.reader import open_batches

        rank, world = rank_and_world(rank, world, os.environ)
        plan = Plan(batch_rows, seed, epoch, rank, world, memory_mib, window_mib)
        return open_batches(self.source(), columns=columns, plan=plan, cursor=cursor, decode=decode, limits=limits)
