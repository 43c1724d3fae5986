"""What a row of an array looks like, held over all windows of a reader: a batch must not change it on the way."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np


class RowShapes:
    """The dtype and shape of a row, by array; the first rows that come decide. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}

    def first(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> tuple[np.dtype[Any], tuple[int, ...]]:
        """The dtype and shape of the rows that came first; these, where none came before."""
        with self._lock:
            return self._first.setdefault(name, (dtype, shape))
