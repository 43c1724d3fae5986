"""Rows of a CSV, JSON lines or Parquet file in batches, and the same rows with the answers beside them."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from seatrial.errors import InputError
from seatrial.models.predictor import Predictor
from seatrial.models.signature import Signature

Format = Literal["csv", "jsonl", "parquet"]
_SUFFIXES: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
PREDICTED = "predicted"

BATCH_ROWS = 8192
_BLOCK_BYTES = 8 * 2**20  # one JSON line has to fit into it
_ARROW_TYPES: dict[str, pa.DataType] = {"number": pa.float64(), "text": pa.string()}


def format_of(path: Path) -> Format:
    """The format that a file's suffix names, or an `InputError` that names those there are."""
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise InputError(
            f"the suffix {path.suffix!r} names no format.", path=str(path), mend=f"Use {', '.join(_SUFFIXES)}."
        )
    return found


def answer_file(predictor: Predictor, source: Path, target: Path | None) -> int:
    """Writes every row of `source` with its answers to `target` (None: CSV to standard output); returns their number.

    The rows keep their columns and order; `predicted` follows, and `probability=CLASS` for each class. A target is
    there whole, or as it was before. A file that cannot be read or written, and rows that the model cannot take, are
    an `InputError`.
    """
    kind = format_of(source)
    with _writer(target) as writer:
        rows = 0
        for table in _tables(source, kind, predictor.signature):
            _write(writer, _answered(predictor, table, source), target)
            rows += table.num_rows
    return rows


def _answered(predictor: Predictor, table: pa.Table, source: Path) -> pa.Table:
    answers = predictor.predict(table)
    columns: dict[str, Any] = {PREDICTED: answers.labels}
    if answers.probabilities is not None:
        for position, name in enumerate(predictor.signature.classes):
            columns[f"probability={name}"] = answers.probabilities[:, position]
    for name, values in columns.items():
        if name in table.column_names:
            raise InputError(
                f"the rows have a column {name!r} already, which is the name of an answer.",
                path=str(source),
                mend="Rename it.",
            )
        table = table.append_column(name, pa.array(values, pa.string() if values.dtype == object else pa.float64()))
    return table


def _tables(source: Path, kind: Format, signature: Signature) -> Iterator[pa.Table]:
    batches = {"csv": _csv, "jsonl": _json_lines, "parquet": _parquet}[kind]
    try:
        yield from batches(source, signature)
    except FileNotFoundError:
        raise InputError("there is no such file.", path=str(source)) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read as {kind}: {str(error).splitlines()[0]}.",
            path=str(source),
            mend="Mend the file, or its suffix.",
        ) from None


def _csv(source: Path, signature: Signature) -> Iterator[pa.Table]:
    # The model's columns are read as what it takes, all others as the text they are: they are only passed on.
    with pyarrow.csv.open_csv(source) as header:
        types: dict[str, pa.DataType] = dict.fromkeys(header.schema.names, pa.string())
    types.update({column.name: _ARROW_TYPES[column.kind] for column in signature.inputs})
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    blocks = pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES)
    with pyarrow.csv.open_csv(source, convert_options=options, read_options=blocks) as reader:
        yield from _sliced(reader, reader.schema)


def _json_lines(source: Path, signature: Signature) -> Iterator[pa.Table]:
    schema = pa.schema([(column.name, _ARROW_TYPES[column.kind]) for column in signature.inputs])
    options = pyarrow.json.ParseOptions(explicit_schema=schema)
    blocks = pyarrow.json.ReadOptions(block_size=_BLOCK_BYTES)
    with pyarrow.json.open_json(source, read_options=blocks, parse_options=options) as reader:
        yield from _sliced(reader, reader.schema)


def _parquet(source: Path, signature: Signature) -> Iterator[pa.Table]:  # noqa: ARG001  # the file has its own types
    with pyarrow.parquet.ParquetFile(source) as file:
        yield from _sliced(file.iter_batches(batch_size=BATCH_ROWS), file.schema_arrow)


def _sliced(batches: Any, schema: pa.Schema) -> Iterator[pa.Table]:  # readers of three kinds
    empty = True
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            empty = False
            yield pa.Table.from_batches([batch.slice(start, BATCH_ROWS)])
    if empty:  # a file without rows still has columns, and so has its answer
        yield schema.empty_table()


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...


class _JsonLines:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write_table(self, table: pa.Table) -> None:
        for position, field in enumerate(table.schema):
            if pa.types.is_floating(field.type):  # JSON has no word for NaN and infinities but null
                values = table.column(position)
                finite = pc.if_else(pc.is_finite(values), values, None)
                table = table.set_column(position, field.name, finite)
        for row in table.to_pylist():
            self._stream.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")


class _Columns:
    """CSV or Parquet: the writer is opened with the first table's schema."""

    def __init__(self, stream: Any, kind: Format, closing: contextlib.ExitStack) -> None:  # a file
        self._stream, self._kind, self._closing = stream, kind, closing
        self._inner: Any = None

    def write_table(self, table: pa.Table) -> None:
        if self._inner is None:
            opened = pyarrow.csv.CSVWriter if self._kind == "csv" else pyarrow.parquet.ParquetWriter
            self._inner = self._closing.enter_context(opened(self._stream, table.schema))
        self._inner.write_table(table)


@contextlib.contextmanager
def _writer(target: Path | None) -> Iterator[_Writer]:
    if target is None:
        with contextlib.ExitStack() as closing:
            yield _Columns(sys.stdout.buffer, "csv", closing)
        sys.stdout.buffer.flush()
        return
    kind = format_of(target)
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}.", path=str(target)) from None
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream, contextlib.ExitStack() as closing:
            yield _JsonLines(stream) if kind == "jsonl" else _Columns(stream, kind, closing)
        unfinished.chmod(0o644)
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _write(writer: _Writer, table: pa.Table, target: Path | None) -> None:
    try:
        writer.write_table(table)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(
            f"the rows cannot be written: {str(error).splitlines()[0]}.",
            path=str(target or "standard output"),
            mend="Write Parquet where columns are nested, or make room on the disk.",
        ) from None
