"""Rows with the answers beside them, as a CSV, JSON lines or Parquet file."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from seatrial.errors import InputError
from seatrial.models.predictor import Predictor
from seatrial.models.signature import Kind, Signature
from seatrial.rows.compression import compression_of
from seatrial.rows.formats import CSV_WRITER, RowWriter, format_of, unknown_format

PREDICTED = "predicted"

# An integer is read as any number is: one that is not whole is the model's to refuse, by its row.
_ARROW_TYPES: dict[Kind, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.float64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
}


def row_types(signature: Signature) -> dict[str, pa.DataType]:
    """What the model's columns are read as where a file has no types of its own."""
    return {column.name: _ARROW_TYPES[column.kind] for column in signature.inputs}


def answer_rows(
    predictor: Predictor, tables: Iterable[pa.Table], *, schema: pa.Schema, source: str, target: Path | None
) -> int:
    """Writes every row with its answers to `target` (None: CSV to standard output); returns their number.

    The rows keep their columns and order; `predicted` follows, and `probability=CLASS` for each class, or the `lower`
    and `upper` of an interval. A target is there whole, or as it was before. `source` names the rows in an
    `InputError`: about a target that cannot be written, and rows that the model cannot take. Without rows there are
    still columns.
    """
    with _writer(target) as writer:
        rows = 0
        for table in tables:
            _write(writer, _answered(predictor, table, source), target)
            rows += table.num_rows
        if rows == 0:
            _write(writer, _answered(predictor, schema.empty_table(), source), target)
    return rows


def _answered(predictor: Predictor, table: pa.Table, source: str) -> pa.Table:
    answers = predictor.predict(table)
    columns: dict[str, Any] = {PREDICTED: answers.labels}
    if answers.probabilities is not None:
        for position, name in enumerate(predictor.signature.classes):
            columns[f"probability={name}"] = answers.probabilities[:, position]
    if answers.interval is not None:
        columns |= {"lower": answers.interval[:, 0], "upper": answers.interval[:, 1]}
    for name, values in columns.items():
        if name in table.column_names:
            raise InputError(
                f"the rows have a column {name!r} already, which is the name of an answer.",
                path=source,
                hint="Rename it.",
            )
        table = table.append_column(name, pa.array(values, pa.string() if values.dtype == object else pa.float64()))
    return table


@contextlib.contextmanager
def _writer(target: Path | None) -> Iterator[RowWriter]:
    if target is None:
        with contextlib.ExitStack() as closing:
            yield CSV_WRITER(sys.stdout.buffer, closing)
        sys.stdout.buffer.flush()
        return
    chosen = format_of(str(target))
    if chosen is None:
        raise unknown_format(str(target))
    compression = compression_of(str(target))
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise InputError(f"the file cannot be written: {error.strerror}.", path=str(target)) from None
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream, contextlib.ExitStack() as closing:
            target_stream: Any = stream
            if compression is not None:
                target_stream = closing.enter_context(pa.CompressedOutputStream(stream, compression))
            yield chosen.write(target_stream, closing)
        unfinished.chmod(0o644)
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _write(writer: RowWriter, table: pa.Table, target: Path | None) -> None:
    try:
        writer.write_table(table)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(
            f"the rows cannot be written: {str(error).splitlines()[0]}.",
            path=str(target or "standard output"),
            hint="Write Parquet where columns are nested, or make room on the disk.",
        ) from None
