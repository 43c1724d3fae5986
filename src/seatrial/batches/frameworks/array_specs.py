"""What a reader's batches will hold: dtype and shape of each array, before there are any."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.batches.columns.array_outputs import Form, Output
from seatrial.batches.reading.batch_work import Batch
from seatrial.batches.reading.reader import Batches, OpenEpoch


@dataclass(frozen=True, slots=True)
class Array:
    """An array of a batch: its dtype, and the shape of a row; None in it where the table does not say."""

    dtype: np.dtype[Any]
    row_shape: tuple[int | None, ...] = ()


def arrays_of(batches: Batches) -> dict[str, Array | None]:
    """The arrays of a batch by name, from the schema alone where it says.

    It does not say how long the lists of a column are, nor what `decode` makes of a value: so one row of those columns
    is read, from one row group, by a reader of its own. In a table without rows that leaves a list's length None, and
    a decoded array None.
    """
    opened = batches.opened
    arrays = {output.name: _by_schema(output) for output in opened.outputs}
    unsaid = {name for name, array in arrays.items() if array is None or None in array.row_shape}
    row = _one_row(opened, unsaid) if unsaid else {}
    return {name: Array(row[name].dtype, row[name].shape[1:]) if name in row else arrays[name] for name in arrays}


def _by_schema(output: Output) -> Array | None:
    if output.form is Form.DECODED:
        return None
    if output.form is Form.TEXT:
        return Array(np.dtype(np.dtypes.StringDType()))
    if output.form is Form.LISTS:
        kind: Any = output.fields[0].type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        dtype = np.dtype(kind.value_type.to_pandas_dtype())
        if isinstance(kind, pa.FixedShapeTensorType):
            return Array(dtype, tuple(kind.shape))
        return Array(dtype, (kind.list_size if pa.types.is_fixed_size_list(kind) else None,))
    return Array(output.array_dtype, output.shape(0)[1:])


def _one_row(opened: OpenEpoch, names: Collection[str]) -> Batch:
    first = np.flatnonzero(opened.live)[:1]
    live = np.zeros_like(opened.live)
    live[first] = opened.live[first]
    outputs = tuple(output for output in opened.outputs if output.name in names)
    plan = replace(opened.epoch.plan, batch_rows=1, rank=0, world=1)
    with Batches(replace(opened, live=live, outputs=outputs).of(plan), 0) as rows:
        return next(rows, {})
