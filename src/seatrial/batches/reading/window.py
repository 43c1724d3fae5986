"""A window of row groups: from the bytes of their columns to columns whose rows can be taken in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seatrial.batches.columns.array_outputs import Form, Output
from seatrial.batches.columns.buffers import Shelf, aligned, shelf_bytes
from seatrial.batches.columns.decode import Column, Plain, column_of, unpacked
from seatrial.batches.columns.packed_pages import close_up, row_runs
from seatrial.batches.columns.row_shapes import RowShapes
from seatrial.batches.files.footer import FileColumn
from seatrial.batches.files.sparse_file import SparseFile
from seatrial.batches.files.window_layout import Group, Layout
from seatrial.errors import Corrupt, InputError
from seatrial.rows.parquet_footer import INT96_UNIT, is_missing_list, missing_list

POSITION = np.dtype(np.int64)
_DIFFERENCES = {"DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"}
Keep = Mapping[int, NDArray[np.bool_]]  # rows of a row group that were not deleted; groups without deleted rows: absent


def window_bytes(layout: Layout, rows: int, outputs: Sequence[Output]) -> int:
    """Of a window's buffer: what is fetched, and the arrays whose size is known before the rows are."""
    total = aligned(layout.buffer_bytes)
    for output in outputs:
        if output.packed is not None and output.fields[0].name in layout.plain:
            total += shelf_bytes((rows,), POSITION)
        elif output.dtype is not None:
            total += shelf_bytes(output.shape(rows), output.dtype)
    return total


class Window:
    """The decoded columns of a window, filled row group by row group from its buffer."""

    def __init__(
        self,
        layout: Layout,
        rows: int,
        outputs: Sequence[Output],
        keep: Keep,
        buffer: NDArray[np.uint8],
        shapes: RowShapes,
        path: str,
    ) -> None:
        self._layout, self._keep, self._buffer, self._path = layout, keep, buffer, path
        shelf = Shelf(buffer, layout.buffer_bytes)
        self._plain: dict[str, Plain] = {}
        self._packed: dict[
            str, Output
        ] = {}  # by column: it is closed up once, under however many names it is asked for
        for output in outputs:
            if output.packed is not None and output.fields[0].name in layout.plain:
                first = self._packed.setdefault(output.fields[0].name, output)
                self._plain[output.name] = self._plain.get(first.name) or Plain(
                    buffer, shelf.array((rows,), POSITION), output.packed
                )
        self._outputs = [output for output in outputs if output.name not in self._plain]
        self._columns: dict[str, Column] = {
            output.name: column_of(output, rows, shelf, shapes, path=path) for output in self._outputs
        }
        self._order = [output.name for output in outputs]

    def decode(self, position: int) -> None:
        """Decodes one row group. Safe from several threads, for different row groups."""
        group = self._layout.groups[position]
        live_mask = self._keep.get(group.number)
        for output in self._packed.values():
            self._close_up(group, output, live_mask)
        if self._outputs:
            table = self._read(group, self._outputs)
            if live_mask is not None:
                table = table.filter(pa.array(live_mask))
            for output in self._outputs:
                self._columns[output.name].put(group.first, [table[field.name] for field in output.fields])

    def finish(self) -> None:
        """Every row group is there."""
        for column in self._columns.values():
            column.finish()

    def take(self, positions: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The rows at these positions, as arrays of their own."""
        return {name: (self._plain.get(name) or self._columns[name]).take(positions) for name in self._order}

    def _close_up(self, group: Group, output: Output, live_mask: NDArray[np.bool_] | None) -> None:
        """Makes a packed column's rows a matrix where they lie in the buffer."""
        name = output.fields[0].name
        (chunk,) = group.chunks[name]
        leaf = group.metadata.schema.column(group.columns[name].leaves[0])
        assert output.packed is not None  # noqa: S101 only packed columns are plain
        row_bytes = output.packed.row_bytes
        prefixed = leaf.physical_type != "FIXED_LEN_BYTE_ARRAY"
        rows = group.metadata.row_group(group.index).num_rows
        held = self._buffer[chunk.at : chunk.at + chunk.length]
        optional = leaf.max_definition_level > 0
        runs = None
        if prefixed or leaf.length == row_bytes:
            runs = row_runs(held, rows, row_bytes=row_bytes, prefixed=prefixed, optional=optional)
        if runs is None:  # nulls, or rows of another length: whoever decodes them says which
            unpacked(name, self._read(group, [output])[name], output.packed, path=self._path)
            raise Corrupt(f'the pages of column "{name}" are not what the footer says.', path=group.file.path)
        close_up(held, runs, row_bytes=row_bytes, prefixed=prefixed)
        first = chunk.at // row_bytes  # the layout lets it begin at a row
        places = np.arange(first, first + rows)
        self._plain[output.name].put(group.first, places if live_mask is None else places[live_mask])

    def _read(self, group: Group, outputs: Sequence[Output]) -> pa.Table:
        fields = {field.name: field for output in outputs for field in output.fields}
        coded = [output.fields[0].name for output in outputs if output.form is Form.TEXT]
        return read_group(group, list(fields.values()), coded, self._buffer)


def read_group(
    group: Group, fields: Sequence[pa.Field[Any]], coded: Sequence[str], buffer: NDArray[np.uint8]
) -> pa.Table:
    """Columns of a row group under the table's names and types, text among them `coded` as dictionaries.

    A column that the file lacks has one value, where the table's metadata or the folders say which, or is all nulls.
    """
    there = {field.name: group.columns[field.name] for field in fields if field.name in group.columns}
    row_group = group.metadata.row_group(group.index)
    try:
        read = _decoded(group, there, coded, buffer)
        columns = [
            _typed(read[field.name], field, coded=field.name in coded, path=group.file.path)
            if field.name in there
            else _repeated(group.constants.get(field.name), row_group.num_rows, field)
            for field in fields
        ]
    except (pa.ArrowException, OSError) as error:
        if is_missing_list(error):
            raise missing_list(group.file.path) from None
        raise Corrupt(
            f"row group {group.index} cannot be decoded: {error}.", path=group.file.path, hint="Write it again."
        ) from None
    for field, column in zip(fields, columns, strict=True):
        if len(column) != row_group.num_rows:  # which pyarrow does not say (apache/arrow#41317)
            raise Corrupt(
                f'column "{field.name}" has {len(column)} values in row group {group.index}, and the footer says'
                f" {row_group.num_rows}.",
                path=group.file.path,
                hint="Write it again.",
            )
    return pa.Table.from_arrays(columns, names=[field.name for field in fields])


def _decoded(
    group: Group, there: Mapping[str, FileColumn], coded: Sequence[str], buffer: NDArray[np.uint8]
) -> dict[str, pa.ChunkedArray[Any]]:
    """The columns that the file holds, under the table's names."""
    if not there:
        return {}
    row_group = group.metadata.row_group(group.index)
    chunks = [chunk for name in there for chunk in group.chunks[name]]
    file = pq.ParquetFile(
        pa.PythonFile(SparseFile(group.file.size_bytes, chunks, buffer), mode="r"),
        metadata=group.metadata,
        read_dictionary=[held.name for name, held in there.items() if name in coded and _has_codes(row_group, held)],
        pre_buffer=False,
        coerce_int96_timestamp_unit=INT96_UNIT,
    )
    # By number: to pyarrow the name a.b is a field of the struct a as well.
    leaves = sorted(leaf for held in there.values() for leaf in held.leaves)
    table = file.reader.read_row_group(group.index, column_indices=leaves, use_threads=False)
    names = sorted(there, key=lambda name: there[name].leaves)
    return dict(zip(names, table.columns, strict=True))


def _has_codes(row_group: pq.RowGroupMetaData, held: FileColumn) -> bool:
    """Whether pyarrow reads this text as a dictionary: it refuses to, where values are written as differences."""
    return not any(set(row_group.column(leaf).encodings) & _DIFFERENCES for leaf in held.leaves)


def _repeated(value: Any, rows: int, field: pa.Field[Any]) -> pa.ChunkedArray[Any]:
    if value is None or not value.is_valid:
        return pa.chunked_array([pa.nulls(rows, field.type)])
    return pa.chunked_array([pa.repeat(value, rows)])


def _typed(column: pa.ChunkedArray[Any], field: pa.Field[Any], *, coded: bool, path: str) -> pa.ChunkedArray[Any]:
    kind: Any = field.type
    if column.type == kind or (coded and pa.types.is_dictionary(column.type)):
        return column
    if isinstance(kind, pa.BaseExtensionType) and column.type == kind.storage_type:
        chunks: list[Any] = [pa.ExtensionArray.from_storage(kind, chunk) for chunk in column.chunks]
        wrapped: pa.ChunkedArray[Any] = pa.chunked_array(chunks, field.type)
        return wrapped
    try:
        return column.cast(kind)  # written before the column got its wider type
    except pa.ArrowException:
        raise InputError(
            f'column "{field.name}" is {column.type} in this file, and {kind} in the table.',
            path=path,
            hint="Write the file with the table's types, or leave the column out (columns=[…]).",
        ) from None
