"""Types that everything downstream can compute with."""

from __future__ import annotations

import pyarrow as pa

WIDE_WHOLE = pa.decimal128(38, 0)  # of text: whole numbers that int64 does not hold


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The columns without views and half floats, of which Arrow itself can filter, sort or count none yet (25.0.1).

    Metadata is left out too.
    """
    return pa.schema([pa.field(field.name, _plain(field.type)) for field in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_float16(kind):
        return pa.float32()
    return kind
