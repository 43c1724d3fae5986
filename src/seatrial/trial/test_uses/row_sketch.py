"""A bounded sketch of a table's rows, by which they are recognised in another file, order, type or set of columns.

A row is known by its values, names left out: their hashes are summed, so that a row without one column is the sum
less one hash. A sketch holds several *views* of the rows: all columns, all but one, the model's inputs, and pairs and
triples of the columns that tell rows apart best. Of each it keeps the smallest hashes (a bottom-k sample; Cohen &
Kaplan 2007, "Summarizing data using bottom-k sketches"). The label is in no view: other labels make no other rows. Row
numbers and the like are in none either: two tables that are numbered from 1 are not the same data.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.trial.data_checks.hash_sample import HashSample
from seatrial.trial.data_checks.value_hashes import Hashes, hash_column, is_number, mix_bits, stored_type

MOST_COLUMNS = 64  # of a table, that are looked at: the model's inputs first
KEPT = 256  # hashes of a view at most, half as many at least: a share is known to 4.4 percentage points (one sigma)
_LEFT_OUT = 16  # columns of which each is left out once
_BEST = 5  # columns whose pairs and triples are views of their own
_SIGNIFICANT_BITS = 16  # of a number: five digits, so float32, float64 and a change of 1e-9 are the same
_FLOAT32_BITS = 23
_NUMERIC_TEXT = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_SMALL, _TELLING = 1000, 0.2  # of more rows than this, so many have to differ in a view for it to tell anything
_UNIQUE = 0.99  # of the rows have a value of their own in a column that may number them
_SPARSE = 100  # whole numbers over more than so many times the rows do not count them
_SENTENCE = 20  # characters: shorter texts that are all different are codes of rows
_DISTINCT_STEPS = 8  # columns are told apart by how many different values they have, in so many steps


@dataclass(frozen=True, slots=True)
class View:
    """A sample of the hashes of rows in one set of columns: those below 2⁶⁴ / 2^`halved`.

    `repeated` is the share of the rows that another row is like: about as many rows of an unrelated table from the same
    people would be found here by accident.
    """

    halved: int
    repeated: float
    hashes: str  # base64 of the hashes as big-endian uint64, ascending

    def numbers(self) -> Hashes:
        """The hashes as uint64[n]."""
        return np.frombuffer(base64.b64decode(self.hashes, validate=True), ">u8").astype(np.uint64)


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a ledger keeps of a table's rows; without views where no column could be looked at."""

    rows: int
    views: tuple[View, ...]
    format: int = 1


class RowSketch:
    """Sees the rows of a table and sketches them; `columns` are those that it needs to see."""

    def __init__(self, schema: pa.Schema, *, label: str, inputs: Sequence[str]) -> None:
        others = [name for name in schema.names if name != label and schema.names.count(name) == 1]
        self._inputs = [name for name in inputs if name in others]
        ordered = dict.fromkeys([*self._inputs, *others])
        self.columns = tuple(name for name in ordered if _can_be_hashed(schema.field(name).type))[:MOST_COLUMNS]
        self._views: list[tuple[tuple[str, ...], HashSample]] | None = None
        self._rows = 0

    def see(self, table: pa.Table) -> None:
        """Takes the next rows."""
        if table.num_rows == 0 or not self.columns:
            return
        hashes = {name: canonical_hashes(table.column(name)) for name in self.columns}
        if self._views is None:
            self._views = [(names, HashSample(KEPT)) for names in _views(table, hashes, self._inputs)]
            self._whole = self._views[0][0] if self._views else ()
        self._rows += table.num_rows
        total = _sum(hashes, self._whole, table.num_rows)
        for names, sample in self._views:
            missing = [name for name in self._whole if name not in names]
            if len(missing) < len(names):
                sample.add(total - _sum(hashes, missing, table.num_rows))
            else:
                sample.add(_sum(hashes, names, table.num_rows))

    def sketch(self) -> Sketch:
        """The sketch of all rows seen."""
        return Sketch(self._rows, tuple(_view(sample) for _, sample in self._views or ()))


def row_hashes(table: pa.Table, columns: Sequence[str]) -> Hashes:
    """One hash a row of its values in these columns, names and order of columns left out."""
    usable = [name for name in columns if _can_be_hashed(table.schema.field(name).type)]
    hashes = {name: canonical_hashes(table.column(name)) for name in usable}
    return _sum(hashes, usable, table.num_rows)


def canonical_hashes(column: pa.ChunkedArray[Any]) -> Hashes:
    """Each value as a hash that its type and spelling do not change: 1, 1.0, float32 1 and "1" are one value."""
    kind = stored_type(column.type)
    if is_vector(kind):
        return _of_lists(column)
    if is_number(kind):
        numbers = column.cast(kind).cast(pa.int8()) if pa.types.is_boolean(kind) else column.cast(kind)
        return _of_numbers(numbers.cast(pa.float64(), safe=False).to_numpy())
    values = hash_column(column)
    assert values.texts is not None  # noqa: S101  # it is text
    assert values.codes is not None  # noqa: S101
    texts: Any = values.texts
    numeric = pc.match_substring_regex(texts, _NUMERIC_TEXT)
    numbers = pc.cast(pc.utf8_trim_whitespace(pc.if_else(numeric, texts, pa.scalar(None, texts.type))), pa.float64())
    of_each = np.empty(len(texts), np.uint64)
    of_each[values.codes] = values.hashes
    # "" is null, which among numbers is NaN.
    as_number = pc.or_(numeric, pc.equal(texts, pa.scalar("", texts.type))).to_numpy(zero_copy_only=False)
    of_each[as_number] = _of_numbers(numbers.to_numpy(zero_copy_only=False)[as_number])
    return of_each[values.codes]


def is_vector(kind: pa.DataType) -> bool:
    """Whether a column holds lists of numbers: images and the like."""
    list_type: Any = kind
    return (
        pa.types.is_list(list_type) or pa.types.is_large_list(list_type) or pa.types.is_fixed_size_list(list_type)
    ) and is_number(list_type.value_type)


def _of_numbers(values: NDArray[np.float64]) -> Hashes:
    """Numbers as hashes of their first five digits or so; NaN is one number, and so is zero."""
    with np.errstate(over="ignore", invalid="ignore"):
        bits = (values + 0.0).astype(np.float32).view(np.uint32)
    dropped = _FLOAT32_BITS - _SIGNIFICANT_BITS
    leading_bits = (bits.astype(np.uint64) + np.uint64(1 << (dropped - 1))) >> np.uint64(dropped)
    return mix_bits(np.where(np.isnan(values), np.uint64(2**63), leading_bits))


def _of_lists(column: pa.ChunkedArray[Any]) -> Hashes:
    """Lists of numbers (images, vectors) as hashes of their values, each at its place."""
    hashes: list[Hashes] = []
    for chunk in column.chunks:
        lengths = pc.fill_null(pc.list_value_length(chunk), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        ends = np.cumsum(lengths)
        flat = pc.list_flatten(chunk).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        places = np.arange(len(flat), dtype=np.uint64) - np.repeat(ends - lengths, lengths).astype(np.uint64)
        sums = np.concatenate(
            [np.zeros(1, np.uint64), np.cumsum(mix_bits(_of_numbers(flat) + places), dtype=np.uint64)]
        )
        hashes.append(mix_bits(sums[ends] - sums[ends - lengths]))
    return np.concatenate(hashes) if hashes else np.empty(0, np.uint64)


def _can_be_hashed(kind: pa.DataType) -> bool:
    values: Any = stored_type(kind)
    if is_vector(values):
        return is_number(values.value_type)
    kind = values
    return not pa.types.is_nested(kind) and not pa.types.is_binary(kind) and not pa.types.is_large_binary(kind)


def _views(table: pa.Table, hashes: dict[str, Hashes], inputs: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The sets of columns that are looked at, chosen on the first rows.

    A column of one value is in none: with it a row is no other row. One column alone is a view only where there is no
    other: ages or prices of one table are those of another by accident.
    """
    distinct = {name: _distinct(values) for name, values in hashes.items()}
    telling = [
        name
        for name in hashes
        if distinct[name] > 1 and not (distinct[name] >= _UNIQUE * table.num_rows and _numbers_rows(table.column(name)))
    ]
    shares = {name: round(_DISTINCT_STEPS * distinct[name] / table.num_rows) for name in telling}
    ranked = sorted(telling, key=lambda name: (-shares[name], _typical(table.column(name))))
    sets = [tuple(sorted(telling))]
    sets += [tuple(column for column in sets[0] if column != name) for name in ranked[:_LEFT_OUT]]
    sets.append(tuple(sorted(name for name in inputs if name in telling)))
    for size in (3, 2):
        sets += [tuple(sorted(names)) for names in combinations(ranked[:_BEST], size)]
    for names in dict.fromkeys(names for names in sets if len(names) > 1 or names == sets[0] != ()):
        if table.num_rows < _SMALL or _distinct(_sum(hashes, names, table.num_rows)) >= _TELLING * table.num_rows:
            yield names


def _numbers_rows(column: pa.ChunkedArray[Any]) -> bool:
    """Whether a column whose values are all different numbers the rows, or may: counted, coded or timed."""
    kind = stored_type(column.type)
    if pa.types.is_integer(kind):
        span = pc.min_max(column.cast(kind))
        return bool(span["max"].as_py() - span["min"].as_py() < _SPARSE * len(column))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        texts: Any = column.cast(pa.string())
        return bool(pc.mean(pc.utf8_length(texts)).as_py() < _SENTENCE)
    return pa.types.is_temporal(kind)


def _typical(column: pa.ChunkedArray[Any]) -> float:
    """A number that orders columns whatever they are called: the usual size of a value, or the length of a text."""
    kind = stored_type(column.type)
    if is_number(kind) and not pa.types.is_null(kind):
        values = column.cast(kind).cast(pa.float64(), safe=False) if not pa.types.is_boolean(kind) else None
        middle = None if values is None else pc.quantile(pc.abs(values), 0.5)[0].as_py()
        return float("inf") if middle is None else float(middle)
    return float("inf")


def _sum(hashes: dict[str, Hashes], names: Sequence[str], rows: int) -> Hashes:
    total = np.zeros(rows, np.uint64)
    for name in names:
        total += hashes[name]  # each is mixed well: their sums are as uniform
    return total


def _distinct(values: Hashes) -> int:
    """How many there are: by sorting, which is a hundred times as fast here as NumPy's hash table."""
    return int(np.count_nonzero(np.diff(np.sort(values)))) + 1


def _view(sample: HashSample) -> View:
    keys, counts, halved = sample.content()
    rows = int(counts.sum())
    repeated = int(counts[counts > 1].sum()) / rows if rows else 1.0
    return View(halved, repeated, base64.b64encode(keys.astype(">u8").tobytes()).decode())
