"""An Arrow table written as one snapshot of an Iceberg table, without Spark: what a `python` step returns."""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from seatrial.errors import StepFailed
from seatrial.prepare.tables import ATTEMPTS, FIRST_PAUSE_S, WRITE
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings

if TYPE_CHECKING:
    from pyiceberg.table import Table


def write_arrow_table(
    settings: CatalogSettings, rows: pa.Table, identifier: str, *, tag: str, properties: Mapping[str, str]
) -> int:
    """Overwrites the table (made if absent) with `rows`; returns the id of its snapshot, tagged `seatrial-<tag>`.

    Raises `StepFailed` when other writers keep it from committing.
    """
    with open_catalog(settings, namespace=identifier.rpartition(".")[0]) as catalog:
        from pyiceberg.exceptions import CommitFailedException, ValidationException

        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
            try:
                table = catalog.create_table_if_not_exists(identifier, schema=rows.schema)
                snapshot = _overwrite(table, rows, properties)
                if snapshot is not None:
                    _pin(catalog.load_table(identifier), snapshot, f"seatrial-{tag}")
                    return snapshot
            except (CommitFailedException, ValidationException):  # another writer was first
                continue
    raise StepFailed(
        f"other writers kept the table from being written, {ATTEMPTS} times.", path=identifier, hint="Run again."
    )


def _overwrite(table: Table, rows: pa.Table, properties: Mapping[str, str]) -> int | None:
    """The id of the snapshot that this call wrote; None when another writer changed the schema under it."""
    if _types(table.schema().as_arrow()) != _types(rows.schema):
        # All columns anew, in a commit of its own: snapshots made before keep the schema they were written under.
        with table.transaction() as transaction:
            with transaction.update_schema(allow_incompatible_changes=True) as columns:
                for field in table.schema().fields:
                    columns.delete_column(field.name)
            with transaction.update_schema(allow_incompatible_changes=True) as columns:
                columns.union_by_name(rows.schema)
    name = str(uuid.uuid4())
    with warnings.catch_warnings(), table.transaction() as transaction:
        warnings.filterwarnings("ignore", message="Delete operation did not match any records")
        transaction.set_properties(dict(properties))
        transaction.overwrite(rows, snapshot_properties={**properties, WRITE: name})
    for snapshot in reversed(table.metadata.snapshots):  # the append comes after the delete
        if snapshot.summary is not None and snapshot.summary.additional_properties.get(WRITE) == name:
            written = table.schemas()[snapshot.schema_id if snapshot.schema_id is not None else 0].as_arrow()
            return int(snapshot.snapshot_id) if _types(written) == _types(rows.schema) else None
    raise StepFailed("the snapshot just written is not in the table.", path=table.name()[-1], hint="Run again.")


def _types(schema: pa.Schema) -> dict[str, str]:
    """Names and types, the large forms being the plain ones: Iceberg knows no difference."""
    return {field.name: str(field.type).removeprefix("large_") for field in schema}


def _pin(table: Table, snapshot: int, name: str) -> None:
    taken = table.refs().get(name)
    if taken is not None and taken.snapshot_id == snapshot:
        return
    full = name if taken is None else f"{name}-{snapshot}"
    table.manage_snapshots().create_tag(snapshot, full).commit()
