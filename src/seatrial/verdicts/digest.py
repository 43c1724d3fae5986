"""The digest by which test data is recognised when it comes again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_FORMAT = "seatrial-test-data-1"


def test_digest(table: pa.Table, *, label: str, inputs: Sequence[str]) -> str:
    """The multiset digest of the rows' (label, model inputs): sha256 in hex.

    Independent of the order of rows, of files and chunks, of the order of `inputs`, of other columns, and of the
    label's name. A value counts as the model sees it: numbers, booleans and decimals as float64 with one NaN (null
    too) and one zero, everything else as text with "" for null.

    Each row becomes a record of fixed width: 8 bytes a number, 4 bytes a text (its rank among the distinct texts of
    the column, which are hashed too). The sorted records are hashed, so two different multisets meet only where
    sha256 does; summing hashes of rows would not do (a sum of 64-bit hashes is broken by a lattice search).
    """
    names = sorted(inputs)
    whole = hashlib.sha256()
    records: list[Bytes] = []
    header: list[object] = [_FORMAT, table.num_rows, names]
    for name in (label, *names):
        column = table.column(name)
        if _is_number(column.type):
            records.append(_numbers(column))
            header.append("number")
        else:
            codes, texts = _texts(column)
            records.append(codes)
            header.append(["text", texts])
    whole.update(json.dumps(header, ensure_ascii=True, separators=(",", ":")).encode())
    rows = np.ascontiguousarray(np.concatenate(records, axis=1))
    whole.update(np.sort(rows.view(f"V{rows.shape[1]}").ravel()).tobytes())
    return whole.hexdigest()


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def _numbers(column: pa.ChunkedArray[Any]) -> Bytes:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values = column.cast(pa.float64(), safe=False).to_numpy()  # a null becomes NaN
    values = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN; −0.0 + 0.0 is 0.0
    return values.astype(">f8").view(np.uint8).reshape(-1, 8)


def _texts(column: pa.ChunkedArray[Any]) -> tuple[Bytes, list[str]]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    text = column.cast(pa.large_string()).combine_chunks()
    encoded: Any = pc.dictionary_encode(pc.coalesce(text, pa.scalar("", pa.large_string())))
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(order.size, dtype=np.uint32)
    rank[order] = np.arange(order.size, dtype=np.uint32)
    codes = rank[encoded.indices.to_numpy()].astype(">u4")
    texts: list[str] = encoded.dictionary.take(pa.array(order)).to_pylist()
    return codes.view(np.uint8).reshape(-1, 4), texts
