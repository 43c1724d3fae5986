"""A codec fitted in Spark, and the features it gives, packed into one column."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.codec import Codec
from seatrial.models.columns import number_column, text_column
from seatrial.prepare.exact import Moments, moments
from seatrial.prepare.tables import PACKED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A vocabulary becomes that many features a row; past this a column is an identifier or free text, not a category.
MOST_VALUES = 10_000


def fit_codec(frame: DataFrame, *, numbers: Sequence[str], categories: Sequence[str]) -> Codec:
    """The codec of these columns, in one pass: mean and deviation of numbers, the distinct values of categories.

    Null, NaN and infinite numbers are left out. The result depends on the rows alone, to the bit: not on their order
    or their partitions. A missing column, or one with more than 10,000 categories, is an `InputError`.
    """
    columns = [*numbers, *categories]
    for name in columns:
        if name not in frame.columns:
            raise InputError(
                "the frame does not have this column.", path=name, hint=f"It has: {', '.join(frame.columns)}."
            )

    def summarise(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        moments_by_name = {name: Moments() for name in numbers}
        values: dict[str, set[str]] = {name: set() for name in categories}
        for batch in batches:
            table = pa.Table.from_batches([batch])
            for name in numbers:
                moments_by_name[name] += moments(number_column(table, name))
            for name in categories:
                if len(values[name]) <= MOST_VALUES:  # past it the answer is known
                    values[name].update(str(text) for text in pc.unique(text_column(table, name)).to_pylist())
        sums = {
            name: [column_moments.count, str(column_moments.total), str(column_moments.squares)]
            for name, column_moments in moments_by_name.items()
        }
        yield _part({"numbers": sums, "values": {name: sorted(texts) for name, texts in values.items()}})

    rows = frame.select(*(f"`{name}`" for name in columns)).mapInArrow(summarise, "part string").collect()
    return _merged([row.part for row in rows], numbers, categories)


def with_features(frame: DataFrame, codec: Codec, column: str = "features") -> DataFrame:
    """`frame` and one binary column more: each row's features, float32[codec.width], little-endian.

    What the column holds rides along as its metadata, from which `write_table` sets the table's properties.
    """
    from pyspark.sql.types import BinaryType, StructField, StructType

    packed = {"dtype": "float32", "width": codec.width, "codec": codec.digest}
    field = StructField(column, BinaryType(), nullable=False, metadata={PACKED: packed})

    def encode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch.append_column(column, pack(codec.encode(pa.Table.from_batches([batch]))))

    return frame.mapInArrow(encode, StructType([*frame.schema.fields, field]))


def pack(features: NDArray[np.float32]) -> pa.Array[Any]:
    """float32[n, width] as n binary values of the same length; no Python object a row."""
    rows, width = features.shape
    data = np.ascontiguousarray(features, dtype="<f4")
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width * data.itemsize)
    return pa.BinaryArray.from_buffers(pa.binary(), rows, [None, _buffer(offsets), _buffer(data)])


def _buffer(values: NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(values.data)


def _part(document: object) -> pa.RecordBatch:
    return pa.record_batch({"part": [json.dumps(document)]})


def _merged(parts: Sequence[str], numbers: Sequence[str], categories: Sequence[str]) -> Codec:
    moments_by_name = {name: Moments() for name in numbers}
    values: dict[str, set[str]] = {name: set() for name in categories}
    for part in map(json.loads, parts):
        for name in numbers:
            count, total, squares = part["numbers"][name]
            moments_by_name[name] += Moments(count, Fraction(total), Fraction(squares))
        for name in categories:
            values[name].update(part["values"][name])
    for name in categories:
        if len(values[name]) > MOST_VALUES:
            raise InputError(
                f"more than {MOST_VALUES:,} different values: not a category.",
                path=name,
                hint="Leave it out of `categories`, or group its values first.",
            )
    return Codec.from_statistics(
        numbers={
            name: (column_moments.mean, column_moments.deviation) for name, column_moments in moments_by_name.items()
        },
        vocabularies={name: sorted(texts) for name, texts in values.items()},
    )
