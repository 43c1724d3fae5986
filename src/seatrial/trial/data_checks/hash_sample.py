"""A bounded sample of hashes that keeps every copy of what it keeps, so that repeats and overlaps can be counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.trial.data_checks.value_hashes import Hashes

_BITS = 64


class HashSample:
    """The hashes below a bound, and how often each came; all of them while they are at most `capacity` different ones.

    After that the bound is halved as often as it must be (Gibbons & Tirthapura 2001, "Estimating simple functions on
    the union of data streams": distinct sampling), so two samples of one table and another can still be compared.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._halved = 0
        self._keys: Hashes = np.empty(0, np.uint64)
        self._counts: NDArray[np.int64] = np.empty(0, np.int64)
        self._pending: list[Hashes] = []
        self._waiting = 0

    @property
    def exact(self) -> bool:
        """Whether nothing was left out."""
        self._merge()
        return self._halved == 0

    @property
    def distinct(self) -> int:
        """How many different ones came: an estimate unless `exact`, with a standard error of about 1/√capacity."""
        self._merge()
        return len(self._keys) << self._halved

    def scale(self, other: HashSample) -> int:
        """How many a row stands for that is in both samples: 1 if both are `exact`."""
        self._merge()
        other._merge()
        return 1 << max(self._halved, other._halved)

    def add(self, hashes: Hashes) -> None:
        """Takes more hashes, which must be uniform over 64 bits."""
        self._pending.append(hashes[hashes <= self._bound()])
        self._waiting += len(self._pending[-1])
        if self._waiting > self._capacity // 4:
            self._merge()

    def rows_in(self, other: HashSample, *, most: int | None = None) -> int:
        """How many of the rows here came there too, at most `most` times: an estimate unless both are `exact`."""
        self._merge()
        other._merge()
        halved = max(self._halved, other._halved)
        bound = np.uint64(2**_BITS - 1 >> halved)
        keys = other._keys if most is None else other._keys[other._counts <= most]
        shared = np.isin(self._keys, keys) & (self._keys <= bound)
        return int(self._counts[shared].sum()) << halved

    def repeated(self) -> int:
        """How many rows are copies of an earlier one: an estimate unless `exact`."""
        self._merge()
        return int((self._counts - 1).sum()) << self._halved

    def alike(self) -> int:
        """How many rows have the hash of another one: an estimate unless `exact`."""
        self._merge()
        return int(self._counts[self._counts > 1].sum()) << self._halved

    def content(self) -> tuple[Hashes, NDArray[np.int64], int]:
        """What is kept: the hashes ascending, how often each came, and how often the bound was halved."""
        self._merge()
        return self._keys, self._counts, self._halved

    def _bound(self) -> np.uint64:
        return np.uint64(2**_BITS - 1 >> self._halved)

    def _merge(self) -> None:
        if not self._pending:
            return
        keys, counts = np.unique(np.concatenate(self._pending), return_counts=True)
        self._pending, self._waiting = [], 0
        together, places = np.unique(np.concatenate([self._keys, keys]), return_inverse=True)
        summed = np.zeros(len(together), np.int64)
        np.add.at(summed, places, np.concatenate([self._counts, counts]))
        self._keys, self._counts = together, summed
        while len(self._keys) > self._capacity:
            self._halved += 1
            inside = int(np.searchsorted(self._keys, self._bound(), side="right"))  # they are sorted
            self._keys, self._counts = self._keys[:inside].copy(), self._counts[:inside].copy()
