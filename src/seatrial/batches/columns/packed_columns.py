"""Packed columns: what each row of a binary column holds, as the table's properties say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from seatrial.errors import Corrupt

PACKED_PREFIX = "seatrial.packed."


@dataclass(frozen=True, slots=True)
class PackedFormat:
    """What each row of a binary column holds: `width` numbers of `dtype`, little-endian, written by codec `codec`."""

    dtype: str
    width: int
    codec: str | None = None

    @property
    def little(self) -> np.dtype[np.generic]:
        """The dtype as it stands in the column."""
        return np.dtype(self.dtype).newbyteorder("<")

    @property
    def row_bytes(self) -> int:
        """Of one row."""
        return self.width * self.little.itemsize


def packed_columns(schema: pa.Schema, properties: Mapping[str, str], *, path: str) -> dict[str, PackedFormat]:
    """The packed columns that a table's properties name (`seatrial.packed.<column>`, a JSON object)."""
    by_name: dict[str, PackedFormat] = {}
    for key, text in properties.items():
        name = key.removeprefix(PACKED_PREFIX)
        if not key.startswith(PACKED_PREFIX) or name not in schema.names:
            continue
        try:
            value = json.loads(text)
            packed = PackedFormat(str(value["dtype"]), int(value["width"]), value.get("codec"))
            usable = np.dtype(packed.dtype).kind in "fiub" and packed.width > 0
        except (ValueError, KeyError, TypeError, AttributeError):
            usable = False
        if not usable:
            raise Corrupt(
                f"the property {key} does not say what the column holds: {text}.",
                path=path,
                hint='It looks like {"dtype": "float32", "width": 12, "codec": "…"}.',
            )
        by_name[name] = packed
    return by_name
