"""An Iceberg table by its metadata file: the snapshot that is current in it, and will always be."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.rows.row_file import RowFile
from seatrial.rows.stream import Rows
from seatrial.stores.settings import StoreSettings

_TIMEOUT_S = "20"
# pyiceberg's words for types of Iceberg format version 3; names and paths in its errors may hold such a word too.
_NEWER_TYPE = re.compile(r"(?:Unsupported field type: '|Could not parse )(variant|geometry|geography)\b")


def read_iceberg(origin: str, source: RowFile, store: StoreSettings | None = None) -> Rows:
    """The rows of the snapshot; rows that were deleted by position are left out, deletions by value are refused.

    `store` says how its files at s3:// are reached; without it the environment does. Data files come by path,
    and rows as they stand in each, so that the order depends on the snapshot alone.
    """
    with _explained(source):
        from pyiceberg.io.pyarrow import ArrowScan, _read_all_delete_files, schema_to_pyarrow
        from pyiceberg.table import StaticTable

        table = StaticTable.from_metadata(source.path, _properties(store))
        scan = table.scan()
        tasks = sorted(scan.plan_files(), key=lambda task: str(task.file.file_path))
        projected = scan.projection()
        schema = pa.schema([_plain(field) for field in schema_to_pyarrow(projected, include_field_ids=False)])

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        from pyiceberg.expressions import AlwaysTrue

        selection = pa.schema([schema.field(name) for name in columns])
        with _explained(source):
            scan = ArrowScan(table.metadata, table.io, projected.select(*columns), AlwaysTrue())
            deleted = _read_all_delete_files(table.io, tasks)
            # The public to_record_batches holds every row of all data files that it works on.
            for batch in scan._record_batches_from_scan_tasks_and_deletes(tasks, deleted):
                yield pa.Table.from_batches([batch]).select(list(columns)).cast(selection)

    whole = not any(task.delete_files for task in tasks)
    return Rows(origin, schema, sum(int(task.file.record_count) for task in tasks) if whole else None, read)


def _properties(store: StoreSettings | None) -> dict[str, str]:
    if store is not None:
        from seatrial.stores.catalog import file_io_properties

        return file_io_properties(store)
    environment = os.environ
    properties = {
        "s3.endpoint": environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"),
        "s3.access-key-id": environment.get("AWS_ACCESS_KEY_ID"),
        "s3.secret-access-key": environment.get("AWS_SECRET_ACCESS_KEY"),
        "s3.session-token": environment.get("AWS_SESSION_TOKEN"),
        "s3.region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1",
        "s3.connect-timeout": _TIMEOUT_S,
        "s3.request-timeout": _TIMEOUT_S,
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
    }
    return {key: value for key, value in properties.items() if value}


def _plain(field: pa.Field[Any]) -> pa.Field[Any]:
    large = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
    return pa.field(field.name, large.get(field.type, field.type))


def unreadable_metadata(error: Exception, path: str) -> InputError:
    """The error of metadata that pyiceberg does not parse: types of a newer Iceberg, mostly."""
    newer = _NEWER_TYPE.search(str(error))
    if newer is None:
        return InputError(
            "the table's metadata cannot be read by pyiceberg.",
            path=path,
            hint="Write it with Iceberg's format version 2, or give the table's rows as Parquet.",
        )
    return InputError(
        f"the table has a column of type {newer[1]}, which pyiceberg does not read.",
        path=path,
        hint="Write the table without that column, or the column as text.",
    )


@contextmanager
def _explained(source: RowFile) -> Iterator[None]:
    try:
        from pyiceberg.exceptions import ValidationError

        yield
    except ImportError:
        raise InputError(
            "reading Iceberg needs pyiceberg, which is not installed.",
            path=source.path,
            hint='Install it with pip install "seatrial[spark]", or give the table as Parquet.',
        ) from None
    except FileNotFoundError:
        raise InputError(
            "a file that this metadata names is not there.",
            path=source.path,
            hint="Its snapshot has expired, or the table was moved: name the newest metadata file.",
        ) from None
    # What pyiceberg raises for a table that it does not read.
    except (ValidationError, ValueError, KeyError, NotImplementedError) as error:
        if _NEWER_TYPE.search(str(error)):
            raise unreadable_metadata(error, source.path) from None
        if "equality" in str(error).lower():
            raise InputError(
                "rows of this snapshot were deleted by value (equality deletes), which only the writer's engine reads.",
                path=source.path,
                hint="Compact the table there (rewrite_data_files), and name its newest metadata file.",
            ) from None
        raise InputError(
            "the file is not metadata of an Iceberg table that can be read.",
            path=source.path,
            hint="Name a file from the table's metadata folder.",
        ) from None
    except OSError:  # its text may hold what was sent to the store
        raise InputError(
            "the table's files cannot be read.",
            path=source.path,
            hint="Check AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and who may read the folder.",
        ) from None
