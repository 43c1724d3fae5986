"""Parquet files with a packed column and ordinary ones, in which every value of a row tells which row it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.batches.reading.batch_work import Batch

WIDTH = 16
FIELDS: Any = {"id": pa.int64(), "features": pa.binary(), "a": pa.float32(), "b": pa.float32()}
SCHEMA: Any = pa.schema(
    FIELDS,
    metadata={"seatrial.packed.features": json.dumps({"dtype": "float32", "width": WIDTH})},
)


def write_packed(folder: Path, *, files: int, groups: int, group_rows: int, first: int = 0) -> int:
    """Files of so many row groups each; ids count through from `first`. Returns the number of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = groups * group_rows
    for number in range(files):
        ids = np.arange(first + number * rows, first + (number + 1) * rows)
        packed = np.repeat(ids[:, None], WIDTH, axis=1).astype("<f4")
        offsets = np.arange(rows + 1, dtype=np.int32) * packed.itemsize * WIDTH
        buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(packed.data)]
        features = pa.BinaryArray.from_buffers(pa.binary(), rows, buffers)
        columns: list[Any] = [pa.array(ids), features, packed[:, 0].copy(), packed[:, 1].copy()]
        table = pa.table(columns, schema=SCHEMA)
        pq.write_table(
            table, folder / f"{number}.parquet", row_group_size=group_rows, compression="none", use_dictionary=False
        )
    return files * rows


def ids_of(batch: Batch) -> list[int]:
    """The ids of a batch, whose other columns must be of the same rows."""
    ids = batch["id"]
    assert (batch["features"] == ids[:, None].astype(np.float32)).all()
    assert (batch["stacked"] == ids[:, None].astype(np.float32)).all()
    return [int(one) for one in ids]


COLUMNS = {"id": "id", "features": "features", "stacked": ["a", "b"]}
