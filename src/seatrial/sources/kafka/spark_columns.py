"""Columns between Spark and Arrow, and records read into rows in Spark's Python workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.sources.kafka.columns import type_name
from seatrial.sources.kafka.json_records import BadRecord, JsonReader, can_be_filled

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

OnBatches = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def spark_schema(schema: pa.Schema) -> StructType:
    """Spark's columns for Arrow's, with what may be null."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema, prefer_timestamp_ntz=True)


def arrow_schema(schema: StructType, identifier: str) -> pa.Schema:
    """Arrow's columns for a table's; `InputError` where records cannot fill one that they must."""
    from pyspark.sql.pandas.types import to_arrow_schema

    converted = to_arrow_schema(schema)
    for field in converted:
        if not can_be_filled(field.type) and not field.nullable:
            raise InputError(
                f'column "{field.name}" is required and has type {type_name(field.type)}, '
                "which JSON records do not fill.",
                path=identifier,
                hint="Name another table.",
            )
    return pa.schema([field for field in converted if can_be_filled(field.type)])


def rows_of(schema: pa.Schema, bad: Any) -> OnBatches:
    """Reads the column `value` into rows of the schema; counts the records that cannot be rows in `bad`."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        reader = JsonReader(schema)
        for batch in batches:
            rows = []
            for value in batch.column("value").to_pylist():
                try:
                    rows.append(reader.read(value))
                except BadRecord:
                    bad.add(1)
            if rows:
                yield pa.RecordBatch.from_pylist(rows, schema=schema)

    return read
