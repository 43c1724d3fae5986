"""All rows of a table as one Arrow table: for tables that fit, and for tools that know nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from seatrial.batches.files.manifest import cache_folder
from seatrial.batches.files.table_source import TableSource, manifest_of
from seatrial.batches.files.window_layout import Files
from seatrial.batches.reading.window import read_group
from seatrial.batches.wire.open_wire import open_wire


def read_whole(source: TableSource, columns: Sequence[str] | None) -> pa.Table:
    """The rows in the order of the files, with `columns` in the order given (None: all)."""
    names = source.check_columns(source.schema.names if columns is None else columns)
    fields = [source.schema.field(name) for name in names]
    manifest = manifest_of(source, cache_folder())
    files = Files(manifest, source.ids, source.constants)
    parts = [pa.schema(fields).empty_table()]
    wire = open_wire(str(source.files[0].path), source.store)
    try:
        for member in range(len(manifest.rows)):
            layout = files.layout([member], [int(manifest.rows[member])], names, {})
            buffer = np.empty(layout.buffer_bytes, np.uint8)
            for byte_range in layout.ranges:
                wire.read(byte_range.file, byte_range.start, byte_range.parts(buffer))
            group = read_group(layout.groups[0], fields, [], buffer)
            parts.append(pa.Table.from_arrays(group.columns, schema=pa.schema(fields)))
    finally:
        wire.close()
    return pa.concat_tables(parts)
