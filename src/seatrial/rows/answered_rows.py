"""Rows with the answers beside them, as a CSV, JSON lines or Parquet file."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.models.columns import inputs_without_value
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.signature import Kind, Signature
from seatrial.rows.compression import compression_of
from seatrial.rows.formats import CSV, RowWriter, format_of, unknown_format

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


@dataclass(frozen=True, slots=True)
class UnansweredRows:
    """Rows that the model gave no number for: how many, the first (from 0), and its columns without a value."""

    rows: int
    first: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        some = "1 row has" if self.rows == 1 else f"{self.rows:,} rows have"
        first = f"row {self.first}, from 0"
        if self.missing:
            first += f", where {_listed(self.missing)} {'is' if len(self.missing) == 1 else 'are'} missing"
        return f"{some} no answer, for the model gives NaN (the first is {first})"


def answer_rows(
    predictor: Predictor,
    tables: Iterable[pa.Table],
    *,
    schema: pa.Schema,
    source: str,
    target: Path | None,
    on_unanswered: Callable[[UnansweredRows], None] = lambda _unanswered: None,
) -> int:
    """Writes every row with its answers to `target` (None: CSV to standard output); returns their number.

    The rows keep their columns and order; `predicted` follows, and `probability=CLASS` for each class, or the `lower`
    and `upper` of an interval. A target is there whole, or as it was before. `source` names the rows in an
    `InputError`: about a target that cannot be written, and rows that the model cannot take. Without rows there are
    still columns. A row that the model gives NaN for has no label: `on_unanswered` hears of such rows at the end.
    """
    with _writer(target) as writer:
        rows = 0
        unanswered: UnansweredRows | None = None
        for table in tables:
            answers = predictor.predict(table)
            unanswered = _counted(unanswered, answers, table, predictor.signature, rows)
            _write(writer, with_answers(answers, predictor.signature, table, source), target)
            rows += table.num_rows
        if rows == 0:
            empty = schema.empty_table()
            _write(writer, with_answers(predictor.predict(empty), predictor.signature, empty, source), target)
    if unanswered is not None:
        on_unanswered(unanswered)
    return rows


def _counted(
    before: UnansweredRows | None, answers: Predictions, table: pa.Table, signature: Signature, start: int
) -> UnansweredRows | None:
    gone = answers.unanswered
    if not gone.any():
        return before
    if before is not None:
        return replace(before, rows=before.rows + int(gone.sum()))
    first = int(gone.argmax())
    return UnansweredRows(int(gone.sum()), start + first, inputs_without_value(table, signature.inputs, first))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def with_answers(answers: Predictions, signature: Signature, table: pa.Table, source: str) -> pa.Table:
    """The rows and their answers as columns behind; `source` names the rows in an `InputError` about their names."""
    labels = pa.array(
        answers.labels, pa.string() if answers.labels.dtype == object else pa.float64(), mask=answers.unanswered
    )
    columns: dict[str, Any] = {PREDICTED: labels}
    if answers.probabilities is not None:
        for position, name in enumerate(signature.classes):
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
        table = table.append_column(name, values if isinstance(values, pa.Array) else pa.array(values, pa.float64()))
    return table


@contextlib.contextmanager
def _writer(target: Path | None) -> Iterator[RowWriter]:
    if target is None:
        with contextlib.ExitStack() as closing:
            yield CSV.write(sys.stdout.buffer, closing)
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
