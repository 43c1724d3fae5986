"""One snapshot of an Iceberg table, opened: its files in a fixed order, its schema, its properties."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seatrial.errors import InputError, TableGone
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table as IcebergTable

PROPERTY_PREFIX = "seatrial."
AGAIN = "Make it again: run the step that wrote it with --no-cache."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What reading needs. Rows have a fixed order: data files by path, rows as they stand in each file."""

    identifier: str
    schema: pa.Schema
    properties: Mapping[str, str]
    rows: int
    _table: IcebergTable
    _columns: Schema
    _tasks: tuple[Any, ...]

    def read(self, columns: Sequence[str] | None) -> pa.Table:
        """The rows in their order, with `columns` in the order given (None: all)."""
        from pyiceberg.io.pyarrow import ArrowScan

        names = self.schema.names if columns is None else self.check_columns(columns)
        scan = ArrowScan(
            table_metadata=self._table.metadata,
            io=self._table.io,
            projected_schema=self._columns.select(*names),
            row_filter=_always_true(),
        )
        try:
            read: pa.Table = scan.to_table(self._tasks)
        except FileNotFoundError as error:
            raise TableGone(
                "a data file of this snapshot is not there any more.", path=self.identifier, mend=AGAIN
            ) from error
        return read.select(names).cast(pa.schema([self.schema.field(name) for name in names]))

    def check_columns(self, columns: Sequence[str]) -> list[str]:
        """The columns as a list; an `InputError` for one that is not there, or asked for twice."""
        for position, name in enumerate(columns):
            if name not in self.schema.names:
                close = difflib.get_close_matches(name, self.schema.names, n=1)
                hint = f'Did you mean "{close[0]}"?' if close else f"It has: {', '.join(self.schema.names)}."
                raise InputError(f'no column "{name}".', path=self.identifier, mend=hint)
            if name in columns[:position]:
                raise InputError(f'column "{name}" is asked for twice.', path=self.identifier, mend="Name it once.")
        return list(columns)


@contextmanager
def open_snapshot(catalog: CatalogSettings, identifier: str, snapshot_id: int) -> Iterator[Snapshot]:
    """The snapshot; `TableGone` when it has expired, or the table was dropped."""
    with open_catalog(catalog) as opened:
        from pyiceberg.exceptions import NoSuchTableError
        from pyiceberg.io.pyarrow import schema_to_pyarrow

        try:
            table = opened.load_table(identifier)
            snapshot = table.snapshot_by_id(snapshot_id)
            if snapshot is None:
                raise TableGone(f"snapshot {snapshot_id} has expired.", path=identifier, mend=AGAIN)
            scan = table.scan(snapshot_id=snapshot_id)
            tasks = tuple(sorted(scan.plan_files(), key=lambda task: str(task.file.file_path)))
            columns = scan.projection()
            rows = _count(scan, tasks)
        except NoSuchTableError:
            raise TableGone("there is no such table.", path=identifier, mend=AGAIN) from None
        except FileNotFoundError as error:
            raise TableGone("the table's metadata is not there any more.", path=identifier, mend=AGAIN) from error
        # A table's properties are those of today; what a step wrote into the snapshot's summary belongs to the rows.
        summary = snapshot.summary.additional_properties if snapshot.summary is not None else {}
        pinned = {key: value for key, value in summary.items() if key.startswith(PROPERTY_PREFIX)}
        yield Snapshot(
            identifier=identifier,
            schema=pa.schema([_plain(field) for field in schema_to_pyarrow(columns, include_field_ids=False)]),
            properties={**table.properties, **pinned},
            rows=rows,
            _table=table,
            _columns=columns,
            _tasks=tasks,
        )


def _count(scan: Any, tasks: Sequence[Any]) -> int:
    if any(task.delete_files for task in tasks):
        return int(scan.count())
    return sum(int(task.file.record_count) for task in tasks)


def _plain(field: pa.Field[Any]) -> pa.Field[Any]:
    # pyiceberg gives the large types for an empty table and the plain ones for rows: one answer is better
    if pa.types.is_large_string(field.type):
        return pa.field(field.name, pa.string(), nullable=field.nullable)
    if pa.types.is_large_binary(field.type):
        return pa.field(field.name, pa.binary(), nullable=field.nullable)
    return pa.field(field.name, field.type, nullable=field.nullable)


def _always_true() -> Any:
    from pyiceberg.expressions import AlwaysTrue

    return AlwaysTrue()
