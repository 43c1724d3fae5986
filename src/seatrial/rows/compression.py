"""How a file is compressed as a whole, by its extension."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

Compression = Literal["gzip", "zstd"]
COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}


def compression_of(path: str) -> Compression | None:
    """The compression that the file's extension names; None for none."""
    return COMPRESSIONS.get(PurePosixPath(path).suffix.lower())
