"""Buffers that are used again: the kernel clears every new page, which costs as much as filling it.

They are mapped, not allocated: what malloc gives to many threads comes back in part, if at all (over forty epochs a
process grew by 90 MiB).
"""

from __future__ import annotations

import math
import mmap
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE_BYTES = 64
STEP_BYTES = 4 * 2**20  # sizes are rounded up to it, so that windows of nearly one size share buffers


class Buffers:
    """Lends buffers, and counts what all of them hold. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[NDArray[np.uint8]] = []
        self._held = 0

    def held_bytes_with(self, size_bytes: int) -> int:
        """What all buffers hold once one of that size is lent more."""
        with self._lock:
            return self._held + (0 if self._fitting(size_bytes) is not None else _rounded(size_bytes))

    def take(self, size_bytes: int) -> NDArray[np.uint8]:
        """A buffer of at least that size, with whatever it held before."""
        with self._lock:
            position = self._fitting(size_bytes)
            if position is not None:
                return self._free.pop(position)
            self._held += _rounded(size_bytes)
        mapped = mmap.mmap(-1, _rounded(size_bytes), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        # Huge pages: 64 MiB are cleared with 32 faults instead of 16,384, ten times as fast. Not every kernel has them.
        with suppress(OSError):
            mapped.madvise(mmap.MADV_HUGEPAGE)
        return np.frombuffer(mapped, np.uint8)

    def give_back(self, buffer: NDArray[np.uint8]) -> None:
        """Nobody reads it any more."""
        with self._lock:
            self._free.append(buffer)

    def drop(self) -> bool:
        """Gives the memory of a buffer that nobody uses back; False when there is none."""
        with self._lock:
            if not self._free:
                return False
            self._held -= len(self._free.pop())
            return True

    def _fitting(self, size_bytes: int) -> int | None:
        for position, buffer in enumerate(self._free):
            if size_bytes <= len(buffer) <= size_bytes + 2 * STEP_BYTES:
                return position
        return None


class Shelf:
    """Arrays within a buffer, one after the other."""

    def __init__(self, buffer: NDArray[np.uint8], start: int) -> None:
        self._buffer, self._at = buffer, start

    def array(self, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
        """The next array; what it holds is left from before."""
        start = aligned(self._at)
        self._at = start + shelf_bytes(shape, dtype)
        return np.ndarray(tuple(shape), dtype, self._buffer.data, start)


def shelf_bytes(shape: Sequence[int], dtype: np.dtype[Any]) -> int:
    """What an array takes on a shelf."""
    return aligned(math.prod(shape) * dtype.itemsize)


def aligned(size_bytes: int) -> int:
    """Rounded up to the lines that a processor reads."""
    return -(-size_bytes // LINE_BYTES) * LINE_BYTES


def _rounded(size_bytes: int) -> int:
    return -(-max(size_bytes, 1) // STEP_BYTES) * STEP_BYTES
