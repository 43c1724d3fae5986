"""A table as batches of arrays: shuffled, resumable, elastic. Simple and whole in memory; the order is the contract."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from seatrial.batches.decode import Column, decode, needed_mib, packed_columns
from seatrial.batches.order import shuffled, stripe
from seatrial.batches.snapshot import open_snapshot
from seatrial.errors import InputError
from seatrial.stores.documents import from_json
from seatrial.stores.settings import CatalogSettings

Batch = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far an epoch has come: `delivered` rows of its order, over all ranks."""

    table: str  # its digest
    seed: int
    epoch: int
    delivered: int
    format: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a reader; checked when it is made."""

    batch_rows: int
    seed: int
    epoch: int
    rank: int
    world: int
    memory_mib: int

    def __post_init__(self) -> None:
        for name, least in (("batch_rows", 1), ("epoch", 0), ("world", 1), ("rank", 0), ("memory_mib", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}.", mend=f"It is at least {least}.")
        if self.rank >= self.world:
            raise InputError(f"rank is {self.rank} in a world of {self.world}.", mend="Ranks count from 0.")


class Batches(Iterator[Batch]):
    """The batches of one epoch, for one rank: a dict of owned, writable arrays, by column name.

    Numbers, booleans and dates keep their type; text is NumPy's StringDType; a packed column is array[rows, width].
    Every rank gets equally many batches; stripes of the last may be smaller, or empty.
    """

    def __init__(self, rows: int, columns: dict[str, Column], digest: str, plan: Plan, delivered: int) -> None:
        self._rows = rows
        self._columns = columns
        self._digest = digest
        self._plan = plan
        self._delivered = delivered
        self._order = shuffled(rows, digest=digest, seed=plan.seed, epoch=plan.epoch)

    def __next__(self) -> Batch:
        if self._delivered >= self._rows:
            raise StopIteration
        stop = min(self._delivered + self._plan.batch_rows, self._rows)
        first, last = stripe(self._delivered, stop, rank=self._plan.rank, world=self._plan.world)
        positions = self._order[first:last]
        self._delivered = stop
        return {name: column.take(positions) for name, column in self._columns.items()}

    def __len__(self) -> int:
        """How many batches are still to come."""
        return math.ceil((self._rows - self._delivered) / self._plan.batch_rows)

    def cursor(self) -> str:
        """A small JSON of what was delivered, the batch in hand included.

        It speaks for all ranks, so they must have taken equally many batches, as ranks that train together have.
        """
        return json.dumps(
            {
                "format": 1,
                "table": self._digest,
                "seed": self._plan.seed,
                "epoch": self._plan.epoch,
                "delivered": self._delivered,
            }
        )


def open_batches(
    catalog: CatalogSettings,
    identifier: str,
    snapshot_id: int,
    *,
    digest: str,
    columns: Sequence[str] | None,
    plan: Plan,
    cursor: str | None,
) -> Batches:
    """Reads the columns of the snapshot and starts at `cursor`, or at the beginning."""
    with open_snapshot(catalog, identifier, snapshot_id) as snapshot:
        delivered = 0 if cursor is None else _resumed(cursor, digest, snapshot.rows, plan, path=identifier)
        names = snapshot.schema.names if columns is None else snapshot.check_columns(columns)
        packed = packed_columns(snapshot.schema, snapshot.properties, path=identifier)
        fields = [snapshot.schema.field(name) for name in names]
        _check_memory(needed_mib(fields, snapshot.rows, packed, path=identifier), plan, path=identifier)
        table = snapshot.read(names)
    _check_memory(math.ceil(2 * table.nbytes / 2**20), plan, path=identifier)
    decoded = {name: decode(name, table.column(name), packed.get(name), path=identifier) for name in names}
    return Batches(table.num_rows, decoded, digest, plan, delivered)


def _resumed(text: str, digest: str, rows: int, plan: Plan, *, path: str) -> int:
    cursor = from_json(Cursor, text.encode(), path="cursor")
    for name, found, wanted in (
        ("table", cursor.table, digest),
        ("seed", cursor.seed, plan.seed),
        ("epoch", cursor.epoch, plan.epoch),
        ("format", cursor.format, 1),
    ):
        if found != wanted:
            raise InputError(
                f"this cursor is of {name} {found}, not {wanted}.", path=path, mend="Ask for what it was made under."
            )
    if not 0 <= cursor.delivered <= rows:
        raise InputError(f"this cursor has delivered {cursor.delivered} of {rows} rows.", path=path)
    return cursor.delivered


def _check_memory(needed: int, plan: Plan, *, path: str) -> None:
    if needed > plan.memory_mib:
        raise InputError(
            f"these columns take {needed} MiB to shuffle, and memory_mib is {plan.memory_mib}.",
            path=path,
            mend=f"Ask for memory_mib={needed}, or for fewer columns.",
        )
