"""What an address names: which files, in which format; and the reading of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet

from seatrial.batches.rows.stream import TABLE_ROWS, Rows


def open_rows(
    address: str | Path,
    *,
    types: Mapping[str, pa.DataType] | None = None,
    others: Literal["inferred", "text"] = "inferred",
) -> Rows:
    """The rows of a CSV, JSON lines or Parquet file, a folder of them, s3://…, or an Iceberg …metadata.json.

    `types` says what columns of text formats are read as; `others` what becomes of the rest (Parquet and Iceberg have
    types of their own). What is not there, or not readable as what it claims to be, is an `InputError`.
    """
    del types, others
    origin = str(address)
    with pyarrow.parquet.ParquetFile(origin) as file:
        schema, count = file.schema_arrow, file.metadata.num_rows

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        with pyarrow.parquet.ParquetFile(origin) as file:
            for batch in file.iter_batches(batch_size=TABLE_ROWS, columns=list(columns)):
                yield pa.Table.from_batches([batch])

    return Rows(origin, schema, count, read)
