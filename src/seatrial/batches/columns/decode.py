"""Arrow columns as NumPy arrays, without a Python object a row; a window's are filled row group by row group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.batches.columns.array_outputs import Decode, Form, Output
from seatrial.batches.columns.buffers import LINE_BYTES, Shelf
from seatrial.batches.columns.packed_columns import PackedFormat
from seatrial.batches.columns.row_shapes import RowShapes
from seatrial.errors import Corrupt, InputError

BLOCK_ROWS = 4096  # of a turn from columns into rows: sixty float32 columns of it fit a second cache of 1 MiB

if TYPE_CHECKING:
    Chunked = pa.ChunkedArray[Any]


class Column(Protocol):
    """An array of a window, being filled and then read."""

    def put(self, at: int, columns: Sequence[Chunked]) -> None:
        """The rows from `at` on. Each row is put once, from whichever thread."""
        ...

    def finish(self) -> None:
        """Every row is there."""
        ...

    def take(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """The rows at these positions, as an array of its own."""
        ...


def column_of(output: Output, rows: int, shelf: Shelf, shapes: RowShapes, *, path: str) -> Column:
    """An empty column for so many rows; its array lies on the shelf where its size is known."""
    if output.form is Form.TEXT:
        return Text(output, path)
    if output.form is Form.LISTS:
        return Lists(output, shapes, path)
    if output.form is Form.DECODED and output.decode is not None:
        return Binary(output, output.decode, shapes, path)
    return Numbers(output, shelf.array(output.shape(rows), output.array_dtype), path)


class Numbers:
    """Columns whose array is known before the rows are: numbers, moments, stacked and packed columns."""

    def __init__(self, output: Output, array: NDArray[Any], path: str) -> None:
        self._output = output
        self._array = array
        self._path = path

    def put(self, at: int, columns: Sequence[Chunked]) -> None:
        """See `Column.put`."""
        stop = at + len(columns[0])
        if self._output.packed is not None:
            self._array[at:stop] = unpacked(self._output.name, columns[0], self._output.packed, path=self._path)
        elif self._output.form is Form.NUMBERS:
            self._array[at:stop] = numbers(self._output.fields[0], columns[0], path=self._path)
        else:
            self._turn(at, stop, columns)

    def _turn(self, at: int, stop: int, columns: Sequence[Chunked]) -> None:
        """Columns into rows, block by block: as columns, each in one piece, and then turned, within the cache."""
        arrays = [
            numbers(field, column, path=self._path) for field, column in zip(self._output.fields, columns, strict=True)
        ]
        dtype = self._array.dtype
        # A line more, so that equal places of the columns do not fall into one set of the cache: a third of the time.
        block = np.empty((len(columns), BLOCK_ROWS + LINE_BYTES // dtype.itemsize), dtype)
        for start in range(0, stop - at, BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, stop - at)
            for row, array in zip(block, arrays, strict=True):
                row[: end - start] = array[start:end]
            self._array[at + start : at + end] = block[:, : end - start].T

    def finish(self) -> None:
        """See `Column.finish`."""

    def take(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """See `Column.take`."""
        return self._array.take(positions, axis=0)


class Plain:
    """A packed column within what came over the wire: its rows are gathered from there.

    The whole buffer is one matrix of such rows; `places` has the numbers of those that hold the window's.
    """

    def __init__(self, buffer: NDArray[np.uint8], places: NDArray[np.int64], packed: PackedFormat) -> None:
        self._rows: NDArray[Any] = np.ndarray((len(buffer) // packed.row_bytes, packed.width), packed.little, buffer)
        self._places = places

    def put(self, at: int, places: NDArray[np.int64]) -> None:
        """Which rows of the buffer are those from `at` on."""
        self._places[at : at + len(places)] = places

    def take(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """See `Column.take`."""
        return self._rows.take(self._places.take(positions), axis=0)


class _Parts:
    """Pieces that are put in any order, and in order once all are there."""

    def __init__(self) -> None:
        self._put: dict[int, Any] = {}

    def add(self, at: int, part: Any) -> None:
        self._put[at] = part

    def ordered(self) -> list[Any]:
        return [self._put[at] for at in sorted(self._put)]


class Text:
    """Text: the distinct values, and each row's position among them."""

    def __init__(self, output: Output, path: str) -> None:
        self._output, self._path = output, path
        self._parts = _Parts()
        self._codes: NDArray[np.int32] = np.empty(0, np.int32)
        self._values: NDArray[Any] = np.empty(0, np.dtypes.StringDType())

    def put(self, at: int, columns: Sequence[Chunked]) -> None:
        """See `Column.put`."""
        field = self._output.fields[0]
        refuse_nulls(field.name, columns[0], 'Fill them with "" in the step that writes the table.', path=self._path)
        self._parts.add(at, _encoded(columns[0]))

    def finish(self) -> None:
        """See `Column.finish`."""
        parts = [chunk for part in self._parts.ordered() for chunk in part.chunks]
        if parts:
            unified: list[Any] = pa.chunked_array(parts).unify_dictionaries().chunks
            try:
                values = unified[0].dictionary.to_pylist()  # one object a distinct value, not a row
            except UnicodeDecodeError:
                raise InputError(
                    f'column "{self._output.fields[0].name}" holds text that is not UTF-8.',
                    path=self._path,
                    hint="Write the column again as UTF-8, or as binary, and give decode={…}.",
                ) from None
            self._values = np.array(values, dtype=np.dtypes.StringDType())
            self._codes = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in unified])
        self._parts = _Parts()

    def take(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """See `Column.take`."""
        return self._values[self._codes[positions]]


class Lists:
    """Lists of one length, and tensors of one shape."""

    def __init__(self, output: Output, shapes: RowShapes, path: str) -> None:
        self._output, self._shapes, self._path = output, shapes, path
        self._parts = _Parts()
        self._array: NDArray[Any] = np.empty(0)

    def put(self, at: int, columns: Sequence[Chunked]) -> None:
        """See `Column.put`."""
        self._parts.add(at, _lists(self._output.fields[0], columns[0], path=self._path))

    def finish(self) -> None:
        """See `Column.finish`."""
        parts = [part for part in self._parts.ordered() if len(part)]
        for part in parts:
            _, shape = self._shapes.first(self._output.name, part.dtype, part.shape[1:])
            if part.shape[1:] != shape:
                raise _uneven(self._output.fields[0].name, self._path)
        if parts:
            self._array = np.concatenate(parts)
        self._parts = _Parts()

    def take(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """See `Column.take`."""
        return self._array.take(positions, axis=0)


class Binary:
    """Bytes that a function of the user makes an array of, row by row, in the threads that make batches."""

    def __init__(self, output: Output, decode: Decode, shapes: RowShapes, path: str) -> None:
        self._output, self._path, self._decode, self._shapes = output, path, decode, shapes
        self._parts = _Parts()
        self._chunks: list[Any] = []
        self._starts: NDArray[np.int64] = np.empty(0, np.int64)

    def put(self, at: int, columns: Sequence[Chunked]) -> None:
        """See `Column.put`."""
        name = self._output.fields[0].name
        refuse_nulls(name, columns[0], "Leave those rows out when the table is written.", path=self._path)
        self._parts.add(at, stored(columns[0]))

    def finish(self) -> None:
        """See `Column.finish`."""
        self._chunks = [chunk for part in self._parts.ordered() for chunk in part.chunks if len(chunk)]
        self._starts = np.cumsum([0, *(len(chunk) for chunk in self._chunks)])
        self._parts = _Parts()

    def take(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """See `Column.take`."""
        if len(positions) == 0 and self._chunks:  # only a value tells shape and type
            return self.take(np.zeros(1, np.int64))[:0].copy()
        array: NDArray[Any] | None = None
        chunks = np.searchsorted(self._starts, positions, side="right") - 1
        for row, (position, number) in enumerate(zip(positions.tolist(), chunks.tolist(), strict=True)):
            value = self._chunks[number][position - int(self._starts[number])].as_buffer()
            decoded = np.asarray(self._decode(memoryview(value).cast("B")))
            if decoded.dtype.hasobject:
                raise InputError(
                    f'decode makes Python objects of column "{self._output.fields[0].name}", not an array of numbers.',
                    path=self._path,
                    hint="Let `decode` return an array whose values have one type.",
                )
            if array is None:
                dtype, shape = self._shapes.first(self._output.name, decoded.dtype, decoded.shape)
                array = np.empty((len(positions), *shape), dtype)
            if decoded.shape != array.shape[1:] or decoded.dtype != array.dtype:
                raise InputError(
                    f'column "{self._output.fields[0].name}" decodes to {decoded.dtype}{list(decoded.shape)} here and'
                    f" to {array.dtype}{list(array.shape[1:])} elsewhere.",
                    path=self._path,
                    hint="Let `decode` give every row the same shape and type.",
                )
            array[row] = decoded
        return np.empty(0) if array is None else array


def numbers(field: pa.Field[Any], column: Chunked, *, path: str) -> NDArray[Any]:
    """Numbers or moments as an array; nulls are NaN or NaT where the type has one, elsewhere an `InputError`."""
    if column.null_count and not pa.types.is_temporal(column.type):
        if not pa.types.is_floating(column.type):
            hint = "Fill them in the step that writes the table, or make the column a double there."
            refuse_nulls(field.name, column, hint, path=path)
        column = pc.fill_null(column, pa.scalar(math.nan, column.type))
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pa.timestamp(column.type.unit))  # the same instants; NumPy knows no zones
    return column.to_numpy()


def unpacked(name: str, column: Chunked, packed: PackedFormat, *, path: str) -> NDArray[Any]:
    """A packed column as array[rows, width]."""
    refuse_nulls(name, column, "Write every row's features.", path=path)
    decoded = np.empty((len(column), packed.width), packed.little)
    start = 0
    for chunk in column.chunks:
        if len(chunk) == 0:
            continue
        buffers: list[Any] = chunk.buffers()
        if pa.types.is_fixed_size_binary(chunk.type):
            right = chunk.type.byte_width == packed.row_bytes
            first = chunk.offset * packed.row_bytes
        else:
            kind = np.dtype(np.int64 if pa.types.is_large_binary(chunk.type) else np.int32)
            offsets = np.frombuffer(buffers[1], kind)[chunk.offset : chunk.offset + len(chunk) + 1]
            right = bool((np.diff(offsets) == packed.row_bytes).all())
            first = int(offsets[0])
        if not right:
            raise Corrupt(
                f'column "{name}" holds rows that are not {packed.width} numbers of {packed.dtype}.',
                path=path,
                hint="Write the table again with the codec that its properties name.",
            )
        held = np.frombuffer(buffers[-1], packed.little, count=len(chunk) * packed.width, offset=first)
        decoded[start : start + len(chunk)] = held.reshape(len(chunk), packed.width)
        start += len(chunk)
    return decoded


def refuse_nulls(name: str, column: Chunked, hint: str, *, path: str) -> None:
    """Raises the `InputError` of a column with nulls."""
    if column.null_count:
        raise InputError(
            f'column "{name}" ({column.type}) holds {column.null_count} nulls, and its array cannot hold nulls.',
            path=path,
            hint=hint,
        )


def stored(column: Chunked) -> Chunked:
    """The column as it is stored: the bytes of a UUID, say."""
    kind: Any = column.type
    if not isinstance(kind, pa.BaseExtensionType):
        return column
    chunks: list[Any] = column.chunks
    storage: Any = kind.storage_type
    storage_column: Chunked = pa.chunked_array([chunk.storage for chunk in chunks], storage)
    return storage_column


def _encoded(column: Chunked) -> Chunked:
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.dictionary(pa.int32(), pa.large_string()))
    return column.cast(pa.large_string()).dictionary_encode()


def _lists(field: pa.Field[Any], column: Chunked, *, path: str) -> NDArray[Any]:
    refuse_nulls(field.name, column, "Write every row's list.", path=path)
    shape: tuple[int, ...] | None = None
    if isinstance(column.type, pa.FixedShapeTensorType):
        shape = tuple(column.type.shape)
        tensors: list[Any] = column.chunks
        column = pa.chunked_array([chunk.storage for chunk in tensors])
    parts = []
    chunks: list[Any] = column.chunks
    for chunk in chunks:
        lengths = np.unique(pc.list_value_length(chunk).to_numpy(zero_copy_only=False))
        if len(lengths) > 1:
            raise _uneven(field.name, path)
        if len(lengths) == 1:
            items = numbers(field, pa.chunked_array([chunk.flatten()]), path=path)
            parts.append(items.reshape(len(chunk), *(shape or (int(lengths[0]),))))
    if len({part.shape[1:] for part in parts}) > 1:
        raise _uneven(field.name, path)
    return np.concatenate(parts) if parts else np.empty((0, 0))


def _uneven(name: str, path: str) -> InputError:
    return InputError(
        f'column "{name}" holds lists of different lengths, which cannot form a matrix.',
        path=path,
        hint="Pad them to one length in the step that writes the table.",
    )
