"""Buffers that are used again: the kernel clears every new page, which costs as much as filling it."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

STEP_BYTES = 4 * 2**20  # sizes are rounded up to it, so that windows of nearly one size share buffers
KEPT = 2  # buffers that nobody uses now


class Buffers:
    """Lends buffers. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[NDArray[np.uint8]] = []

    def take(self, size_bytes: int) -> NDArray[np.uint8]:
        """A buffer of at least that size, with whatever it held before."""
        with self._lock:
            for position, buffer in enumerate(self._free):
                if size_bytes <= len(buffer) <= size_bytes + 2 * STEP_BYTES:
                    return self._free.pop(position)
            self._free.clear()  # of other sizes: their memory is needed for this one
        return np.empty(-(-max(size_bytes, 1) // STEP_BYTES) * STEP_BYTES, np.uint8)

    def give_back(self, buffer: NDArray[np.uint8]) -> None:
        """Nobody reads it any more."""
        with self._lock:
            if len(self._free) < KEPT:
                self._free.append(buffer)
