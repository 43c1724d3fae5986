"""One snapshot of an Iceberg table, opened: its files in a fixed order, its schema, its properties."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.batches.files.footer import ColumnIds
from seatrial.batches.files.table_source import TableSource, check_columns
from seatrial.batches.wire.wire import ListedFile
from seatrial.errors import Corrupt, InputError, TableGone
from seatrial.rows.iceberg_metadata import unreadable_metadata
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings, StoreSettings
from seatrial.stores.table_metadata import SNAPSHOT_PREFIX

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table as IcebergTable

AGAIN = "Make it again: run the step that wrote it with --no-cache."
_RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # UUIDs in the names of files


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What reading needs. Rows have a fixed order: data files as `_place` says, rows as they stand in each file."""

    identifier: str
    schema: pa.Schema
    properties: Mapping[str, str]
    rows: int
    _table: IcebergTable
    _columns: Schema
    _tasks: tuple[Any, ...]
    _store: StoreSettings

    def read(self, columns: Sequence[str] | None) -> pa.Table:
        """The rows in their order, with `columns` in the order given (None: all)."""
        from pyiceberg.io.pyarrow import ArrowScan

        names = self.check_columns(self.schema.names if columns is None else columns)
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
                "a data file of this snapshot is not there any more.", path=self.identifier, hint=AGAIN
            ) from error
        except (pa.ArrowException, OSError, ValueError) as error:
            problem = str(error).partition("\n")[0].removesuffix(".")
            raise Corrupt(
                f"the snapshot's data files cannot be read: {problem}.",
                path=self.identifier,
                hint="Read it with batches(), which names the file, and write that file again.",
            ) from error
        if read.num_rows != self.rows:
            raise Corrupt(
                f"the snapshot's data files hold {read.num_rows} rows, and its metadata says {self.rows}.",
                path=self.identifier,
                hint=AGAIN,
            )
        return read.select(names).cast(pa.schema([self.schema.field(name) for name in names]))

    def check_columns(self, columns: Sequence[str]) -> list[str]:
        """The columns as a list; an `InputError` for one that is not there, or asked for twice."""
        return check_columns(self.schema, columns, path=self.identifier)

    def source(self, digest: str) -> TableSource:
        """The snapshot as batches read it; `InputError` for files that are not Parquet."""
        for task in self._tasks:
            if task.file.file_format.value != "PARQUET":
                raise InputError(
                    f"batches read Parquet, and this data file is {task.file.file_format.value}.",
                    path=task.file.file_path,
                    hint="Write the table as Parquet.",
                )
        return TableSource(
            path=self.identifier,
            schema=self.schema,
            properties=self.properties,
            digest=digest,
            order_key=digest,
            files=tuple(ListedFile(task.file.file_path, task.file.file_size_in_bytes) for task in self._tasks),
            store=self._store,
            ids=self._ids(),
            constants=self._constants(),
            deleted=self._deleted(),
        )

    def _ids(self) -> ColumnIds:
        mapping = self._table.name_mapping()
        mapped = None if mapping is None else {name: entry.field_id for entry in mapping.root for name in entry.names}
        return ColumnIds({field.field_id: field.name for field in self._columns.fields}, mapped)

    def _constants(self) -> dict[str, pa.Array[Any]]:
        """By column, the value that each data file leaves to the table's metadata; null where it leaves none.

        Those of identity partitions (Iceberg spec, "Column projection"), and defaults of columns that were added later.
        """
        values: dict[str, list[Any]] = {
            field.name: [getattr(field, "initial_default", None)] * len(self._tasks) for field in self._columns.fields
        }
        for number, task in enumerate(self._tasks):
            for position, part in enumerate(self._table.specs()[task.file.spec_id].fields):
                name = self._columns.find_column_name(part.source_id)
                if name in values and str(part.transform) == "identity":
                    values[name][number] = task.file.partition[position]
        return {
            name: _constant_array(by_file, self.schema.field(name), self.identifier)
            for name, by_file in values.items()
            if any(value is not None for value in by_file)
        }

    def _deleted(self) -> dict[str, NDArray[np.int64]]:
        """Positions of deleted rows by data file, ascending."""
        from pyiceberg.io.pyarrow import _read_all_delete_files  # nothing public reads them without the rows

        positions_by_file = _read_all_delete_files(self._table.io, self._tasks)
        return {
            path: np.unique(np.concatenate([positions.to_numpy() for positions in parts])).astype(np.int64)
            for path, parts in positions_by_file.items()
        }


@contextmanager
def open_snapshot(catalog: CatalogSettings, identifier: str, snapshot_id: int) -> Iterator[Snapshot]:
    """The snapshot; `TableGone` when it has expired, or the table was dropped."""
    with open_catalog(catalog) as opened:
        from pyiceberg.exceptions import NoSuchTableError, ValidationError
        from pyiceberg.io.pyarrow import schema_to_pyarrow

        try:
            table = opened.load_table(identifier)
            snapshot = table.snapshot_by_id(snapshot_id)
            if snapshot is None:
                raise TableGone(f"snapshot {snapshot_id} has expired.", path=identifier, hint=AGAIN)
            scan = table.scan(snapshot_id=snapshot_id)
            tasks = tuple(sorted(scan.plan_files(), key=lambda task: _place(task.file)))
            columns = scan.projection()
            rows = _count(scan, tasks)
        except NoSuchTableError:
            raise TableGone("the table does not exist.", path=identifier, hint=AGAIN) from None
        except ValidationError as error:
            raise unreadable_metadata(error, identifier) from None
        except (NotImplementedError, ValueError) as error:  # pyiceberg's, for deletes that it does not read
            if "equality delete" not in str(error):
                raise
            raise InputError(
                "the snapshot has equality deletes, which pyiceberg cannot read.",
                path=identifier,
                hint="Compact the table in Spark: CALL system.rewrite_data_files, with delete-file-threshold 1.",
            ) from None
        except FileNotFoundError as error:
            raise TableGone("the table's metadata is not there any more.", path=identifier, hint=AGAIN) from error
        # A table's properties are those of today; what a step wrote into the snapshot's summary belongs to the rows.
        summary = snapshot.summary.additional_properties if snapshot.summary is not None else {}
        pinned = {key: value for key, value in summary.items() if key.startswith(SNAPSHOT_PREFIX)}
        yield Snapshot(
            identifier=identifier,
            schema=pa.schema([_plain(field) for field in schema_to_pyarrow(columns, include_field_ids=False)]),
            properties={**table.properties, **pinned},
            rows=rows,
            _table=table,
            _columns=columns,
            _tasks=tasks,
            _store=catalog.store,
        )


def _constant_array(values: list[Any], field: pa.Field[Any], path: str) -> pa.Array[Any]:
    try:
        array: pa.Array[Any] = pa.array(values, field.type)
    except (pa.ArrowException, TypeError):
        raise InputError(
            f'the values of partition column "{field.name}" ({field.type}) cannot be read from the metadata.',
            path=path,
            hint="Leave the column out (columns=[…]).",
        ) from None
    return array


def _place(file: Any) -> tuple[Any, ...]:
    """Where a data file comes among the others of its snapshot: by what the same step gives in any store.

    Partition, the numbers in its name (a writer's partition and file count; UUIDs left out), then what Iceberg says of
    its content: files that agree in all of this can change places without changing a number. Spark numbers its tasks
    anew each time, but the partition's number stands before that.
    """
    name = str(file.file_path).rpartition("/")[2]
    numbers = tuple(int(digits) for digits in re.findall(r"\d+", _RANDOM.sub("", name)))
    bounds = tuple(
        tuple(value for _, value in sorted((statistics or {}).items()))
        for statistics in (file.lower_bounds, file.upper_bounds, file.null_value_counts, file.column_sizes)
    )
    partition = repr(tuple(file.partition[position] for position in range(len(file.partition))))
    return partition, numbers, int(file.record_count), int(file.file_size_in_bytes), bounds, str(file.file_path)


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
