"""Which rows come when, and to whom: arithmetic alone, the same on every machine and in every version."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def permutation(count: int, *key: str | int) -> NDArray[np.int64]:
    """The numbers 0 … count − 1 in an order that `key` alone decides: int64[count].

    Sorted by SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", figure 17) of the
    position. NumPy's own permutations may change between versions (NEP 19), and a resumed epoch must not. The position
    takes the place of the hash's lowest bits: sorting whole values is three times as fast as sorting their positions,
    the order does not depend on the sort, and two hashes that agree in the other bits (44 of them, for a million rows)
    stay in order.
    """
    name = "/".join(map(str, key)).encode()
    start = np.frombuffer(hashlib.sha256(name).digest(), dtype="<u8", count=1)
    state = np.arange(1, count + 1, dtype=np.uint64)
    shifted = np.empty_like(state)  # in place from here: new arrays of this size cost more than what is computed
    state *= _GOLDEN
    state += start
    for shift, factor in ((30, _MIX_1), (27, _MIX_2), (31, None)):
        state ^= np.right_shift(state, np.uint64(shift), out=shifted)
        if factor is not None:
            state *= factor
    low = np.uint64((1 << max(count - 1, 0).bit_length()) - 1)
    state &= ~low
    state |= _ramp(shifted)
    state.sort()
    state &= low
    return state.view(np.int64)


def _ramp(into: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """0, 1, 2, … in the array that is given."""
    into[:] = 1
    into[:1] = 0
    return np.cumsum(into, out=into)


def stripe(start: int, stop: int, *, rank: int, world: int) -> tuple[int, int]:
    """The part of the global batch start … stop that `rank` gets; the parts of all ranks are the batch, in order."""
    count = stop - start
    return start + count * rank // world, start + count * (rank + 1) // world
