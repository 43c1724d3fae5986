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
_NUMBER_BYTES, _TEXT_BYTES = 8, 4


def test_digest(table: pa.Table, *, label: str, inputs: Sequence[str]) -> str:
    """The multiset digest of the rows' (label, model inputs): sha256 in hex. See `DigestOfTestData`."""
    digest = DigestOfTestData(label=label, inputs=inputs)
    digest.add(table)
    return digest.hexdigest()


class DigestOfTestData:
    """The multiset digest of rows' (label, model inputs), over tables that come one after the other.

    Independent of the order of rows, of files, tables and chunks, of the order of `inputs`, of other columns, and of
    the label's name. A value counts as the model sees it: numbers, booleans and decimals as float64 with one NaN (null
    too) and one zero, everything else as text with "" for null.

    Each row becomes a record of fixed width: 8 bytes a number, 4 bytes a text (its rank among the distinct texts of
    the column, which are hashed too). The sorted records are hashed, so two different multisets meet only where
    sha256 does; summing hashes of rows would not do (a sum of 64-bit hashes is broken by a lattice search).
    All records are held until then: nothing but their order could be hashed before.
    """

    def __init__(self, *, label: str, inputs: Sequence[str]) -> None:
        self._names = sorted(inputs)
        self._columns = (label, *self._names)
        self._texts: list[dict[str, int] | None] = []  # of each column; None: numbers. Known with the first table
        self._blocks: list[Bytes] = []
        self._rows = 0

    def add(self, table: pa.Table) -> None:
        """Takes the rows of `table`; all tables have the same types of columns."""
        columns = [table.column(name) for name in self._columns]
        if not self._texts:
            self._texts = [None if _is_number(column.type) else {} for column in columns]
        records = [
            _numbers(column) if texts is None else _codes(column, texts)
            for column, texts in zip(columns, self._texts, strict=True)
        ]
        self._blocks.append(np.concatenate(records, axis=1))
        self._rows += table.num_rows

    def hexdigest(self) -> str:
        """sha256 in hex of everything added, which was at least a table without rows; nothing can be added after it."""
        header: list[object] = [_FORMAT, self._rows, self._names]
        width = sum(_NUMBER_BYTES if texts is None else _TEXT_BYTES for texts in self._texts)
        rows = np.empty((self._rows, width), np.uint8)
        end = self._rows
        while self._blocks:  # each is let go of as it is copied
            block = self._blocks.pop()
            rows[end - len(block) : end] = block
            end -= len(block)
        start = 0
        for texts in self._texts:
            if texts is None:
                header.append("number")
                start += _NUMBER_BYTES
                continue
            order = np.array(pc.sort_indices(pa.array(texts, pa.large_string())).to_numpy())
            vocabulary = list(texts)
            header.append(["text", [vocabulary[index] for index in order]])
            rank = np.empty(len(order), dtype=">u4")
            rank[order] = np.arange(len(order), dtype=">u4")
            codes = rows[:, start : start + _TEXT_BYTES]
            ranked = rank[np.ascontiguousarray(codes).view(">u4").ravel()]
            rows[:, start : start + _TEXT_BYTES] = ranked.view(np.uint8).reshape(-1, _TEXT_BYTES)
            start += _TEXT_BYTES
        whole = hashlib.sha256(json.dumps(header, ensure_ascii=True, separators=(",", ":")).encode())
        rows.view(f"V{width}")[:, 0].sort()  # in place: all records are held once
        whole.update(rows.data)
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
    return values.astype(">f8").view(np.uint8).reshape(-1, _NUMBER_BYTES)


def _codes(column: pa.ChunkedArray[Any], texts: dict[str, int]) -> Bytes:
    """The texts as numbers in the order in which they were first seen, which `texts` keeps."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    text = column.cast(pa.large_string()).combine_chunks()
    encoded: Any = pc.dictionary_encode(pc.coalesce(text, pa.scalar("", pa.large_string())))
    places = [texts.setdefault(value, len(texts)) for value in encoded.dictionary.to_pylist()]
    codes: NDArray[np.uint32] = np.array(places, dtype=">u4")[encoded.indices.to_numpy()]
    return codes.view(np.uint8).reshape(-1, _TEXT_BYTES)
