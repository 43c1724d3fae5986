"""Text files as plain bytes, whether or not their name says .gz or .zst."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from seatrial.rows.compression import compression_of
from seatrial.rows.row_file import RowFile


@contextmanager
def open_plain(source: RowFile) -> Iterator[Any]:
    """The file's content as a stream that reads forward; a `pyarrow.NativeFile`."""
    with source.open() as file:
        kind = compression_of(source.path)
        if kind is None:
            yield file
        else:
            with pa.CompressedInputStream(file, kind) as plain:
                yield plain
