"""Files with rows, written table by table: text with a delimiter, JSON lines and Parquet."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet


class DelimitedWriter:
    """CSV and its kin; the first table's schema is that of all."""

    def __init__(self, stream: IO[bytes], closing: ExitStack, *, delimiter: str) -> None:
        self._stream, self._closing, self._delimiter = stream, closing, delimiter
        self._writer: Any = None

    def write_table(self, table: pa.Table) -> None:
        """See `RowWriter.write_table`."""
        if self._writer is None:
            options = pyarrow.csv.WriteOptions(delimiter=self._delimiter)
            opened = pyarrow.csv.CSVWriter(self._stream, table.schema, write_options=options)
            self._writer = self._closing.enter_context(opened)
        self._writer.write_table(table)


class ParquetWriter:
    """Parquet; the first table's schema is that of all."""

    def __init__(self, stream: IO[bytes], closing: ExitStack) -> None:
        self._stream, self._closing = stream, closing
        self._writer: Any = None

    def write_table(self, table: pa.Table) -> None:
        """See `RowWriter.write_table`."""
        if self._writer is None:
            opened = pyarrow.parquet.ParquetWriter(self._stream, table.schema)
            self._writer = self._closing.enter_context(opened)
        self._writer.write_table(table)


class JsonLinesWriter:
    """JSON, one object a line."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write_table(self, table: pa.Table) -> None:
        """See `RowWriter.write_table`."""
        for position, field in enumerate(table.schema):
            if pa.types.is_floating(field.type):  # JSON has no word for NaN and infinities but null
                values = table.column(position)
                finite = pc.if_else(pc.is_finite(values), values, None)
                table = table.set_column(position, field.name, finite)
        for row in table.to_pylist():
            self._stream.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")
