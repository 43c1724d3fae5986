"""A Parquet file of which only some column chunks are here, for pyarrow to read those from."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.batches.files.window_layout import Chunk


class SparseFile(io.RawIOBase):
    """A file object over the chunks in a window's buffer; asked for anything else, it says so."""

    def __init__(self, size_bytes: int, chunks: Iterable[Chunk], buffer: NDArray[np.uint8]) -> None:
        super().__init__()
        self._size = size_bytes
        self._chunks = sorted(chunks, key=lambda chunk: chunk.start)
        self._buffer = buffer.data
        self._at = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of a file."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """As of a file."""
        return self._at

    def read(self, length: int = -1) -> Any:
        """The bytes, without a copy."""
        for chunk in reversed(self._chunks):  # the padding of one may reach into the next
            inside = self._at - chunk.start
            if 0 <= inside < chunk.length:
                stop = min(inside + length, chunk.length)
                self._at += stop - inside
                return self._buffer[chunk.at + inside : chunk.at + stop]
        raise OSError(f"byte {self._at} was not fetched")

    def readable(self) -> bool:
        """As of a file."""
        return True

    def seekable(self) -> bool:
        """As of a file."""
        return True
