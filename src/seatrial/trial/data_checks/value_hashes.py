"""Values as 64-bit numbers that are the same wherever the value comes again: to count, and to find rows twice.

A number is hashed as float64 with one NaN (null too) and one zero, everything else as text with "" for null: so a
whole number of a CSV meets the fraction of a Parquet file. 64 bits let two different values of a million meet once in
30 million tables (n²/2⁶⁵); nothing that gates rests on it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BASE = 0xD6E8FEB86659FD93  # any odd number that is neither small nor regular
_NEAR_BITS = 20  # of a fraction: one part in a million, which no instrument tells apart
_PIECE_BYTES = 2**18  # of text that is hashed at once: 8 bytes a byte


@dataclass(frozen=True, slots=True)
class Values:
    """A column as hashes, one a row; of texts also the different ones and int64[n] of positions among them.

    `near` are hashes in which fractions that differ by much less than one part in a million are mostly the same.
    """

    hashes: Hashes
    texts: pa.Array[Any] | None
    codes: NDArray[np.int64] | None
    near: Hashes


def hash_column(column: pa.ChunkedArray[Any]) -> Values:
    """The column's values as hashes; of texts, each different one is looked at once."""
    kind = stored_type(column.type)
    if is_number(kind):
        numbers = column.cast(kind).cast(pa.int8()) if pa.types.is_boolean(kind) else column.cast(kind)
        values = numbers.cast(pa.float64(), safe=False).to_numpy()  # a null becomes NaN
        same = np.where(np.isnan(values), np.nan, values + 0.0)  # −0.0 + 0.0 is 0.0
        exact = mix_bits(same.view(np.uint64))
        near = mix_bits(_rounded(same).view(np.uint64)) if pa.types.is_floating(kind) else exact
        return Values(exact, None, None, near)
    text = column.cast(kind).cast(pa.large_string()).combine_chunks()
    encoded: Any = pc.dictionary_encode(pc.coalesce(text, pa.scalar("", pa.large_string())))
    codes = encoded.indices.to_numpy().astype(np.int64)
    hashes = _of_texts(encoded.dictionary)[codes]
    return Values(hashes, encoded.dictionary, codes, hashes)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """To `_NEAR_BITS` bits; whole numbers stay as they are, however large: neighbouring ids are not one."""
    mantissas, exponents = np.frexp(values)
    with np.errstate(over="ignore"):  # next to the largest float: such numbers are whole, and stay as they are
        rounded = np.ldexp(np.rint(mantissas * 2.0**_NEAR_BITS), exponents - _NEAR_BITS)
    near: NDArray[np.float64] = np.where(values == np.rint(values), values, rounded + 0.0)
    return np.where(np.isnan(values), np.nan, near)


def combine_hashes(columns: list[Hashes]) -> Hashes:
    """One hash a row of what the row holds in all these columns, whose order counts."""
    rows = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        rows = mix_bits(rows + column)
    return rows


def mix_bits(bits: Hashes) -> Hashes:
    """Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", figure 17: a bijection."""
    state = bits + _GOLDEN
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))


def stored_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values, whether or not they stand in a dictionary."""
    return kind.value_type if isinstance(kind, pa.DictionaryType) else kind


def is_number(kind: pa.DataType) -> bool:
    """Whether values of this plain type are hashed as numbers."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    )


def _of_texts(texts: pa.Array[Any]) -> Hashes:
    """Each text as the value of a polynomial in its bytes (Rabin & Karp 1987), modulo 2⁶⁴, then mixed with its length.

    All texts of a piece at once: what a prefix of the piece sums to, less what the prefix before the text did.
    """
    if len(texts) == 0:
        return np.empty(0, np.uint64)
    buffers: list[Any] = texts.buffers()
    offsets = np.frombuffer(buffers[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(buffers[2] or b"", np.uint8)
    hashes = np.empty(len(texts), np.uint64)
    first = 0
    while first < len(texts):
        last = int(np.searchsorted(offsets, offsets[first] + _PIECE_BYTES, side="right")) - 1
        if last <= first:  # one text that is longer than a piece
            whole = data[offsets[first] : offsets[first + 1]].tobytes()
            hashes[first] = int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "little")
            first += 1
            continue
        last = min(last, len(texts))
        starts = offsets[first : last + 1] - offsets[first]
        powers, inverses = _powers()
        piece = (data[offsets[first] : offsets[last]].astype(np.uint64) + np.uint64(1)) * powers[: starts[-1]]
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(piece, dtype=np.uint64)])
        value = (sums[starts[1:]] - sums[starts[:-1]]) * inverses[starts[:-1]]
        hashes[first:last] = mix_bits(value + mix_bits(np.diff(starts).astype(np.uint64)))
        first = last
    return hashes


@cache
def _powers() -> tuple[Hashes, Hashes]:
    """The powers of the base from 0, and their inverses modulo 2⁶⁴ (an odd number has one)."""

    def of(base: int) -> Hashes:
        factors = np.full(_PIECE_BYTES + 1, base, np.uint64)
        factors[0] = 1
        return np.cumprod(factors, dtype=np.uint64)

    return of(_BASE), of(pow(_BASE, -1, 2**64))
