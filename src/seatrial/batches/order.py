"""Which rows come when, and to whom: arithmetic alone, the same on every machine and in every version."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def shuffled(rows: int, *, digest: str, seed: int, epoch: int) -> NDArray[np.int64]:
    """The positions 0 … rows − 1 in the order of this epoch: int64[rows].

    `digest` is the table's: made again by the same step, in this store or another, a table comes in the same order.

    Sorted by SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", figure 17) of the
    position: it is a bijection on 64 bits, so there are no ties. NumPy's own permutations may change between versions
    (NEP 19), and a resumed epoch must not.
    """
    name = f"{digest}/{seed}/{epoch}".encode()
    start = np.frombuffer(hashlib.sha256(name).digest(), dtype="<u8", count=1)
    state = start + _GOLDEN * np.arange(1, rows + 1, dtype=np.uint64)
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return np.argsort(state ^ (state >> np.uint64(31)), kind="stable").astype(np.int64, copy=False)


def stripe(start: int, stop: int, *, rank: int, world: int) -> tuple[int, int]:
    """The part of the global batch start … stop that `rank` gets; the parts of all ranks are the batch, in order."""
    count = stop - start
    return start + count * rank // world, start + count * (rank + 1) // world
