"""Files with rows, written table by table: text with a delimiter, JSON lines and Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet


class ArrowWriter:
    """One of Arrow's writers, opened with the first table's schema, which is that of all."""

    def __init__(self, open_writer: Callable[[pa.Schema], Any], closing: ExitStack) -> None:
        self._open_writer, self._closing = open_writer, closing
        self._writer: Any = None

    def write_table(self, table: pa.Table) -> None:
        """See `RowWriter.write_table`."""
        if self._writer is None:
            self._writer = self._closing.enter_context(self._open_writer(table.schema))
        self._writer.write_table(table)


def delimited_writer(stream: IO[bytes], closing: ExitStack, *, delimiter: str) -> ArrowWriter:
    """CSV and its kin."""
    options = pyarrow.csv.WriteOptions(delimiter=delimiter)
    return ArrowWriter(lambda schema: pyarrow.csv.CSVWriter(stream, schema, write_options=options), closing)


def parquet_writer(stream: IO[bytes], closing: ExitStack) -> ArrowWriter:
    """Parquet."""
    return ArrowWriter(lambda schema: pyarrow.parquet.ParquetWriter(stream, schema), closing)


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
