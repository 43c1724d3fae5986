"""What a Parquet footer says of columns, where pyarrow's own answer is wrong or ends the process."""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.errors import Corrupt, InputError

# INT96 counts nanoseconds of a day and days: pyarrow's default of int64 nanoseconds wraps round outside 1677 to 2262
# (apache/arrow#44112). Spark, which still writes it, has microseconds.
INT96_UNIT: Literal["us"] = "us"
SIGNATURE_BYTES = 28  # nonce and tag behind a plaintext footer of an encrypted file (Parquet encryption, section 5.5)


def check_plaintext(metadata: pq.FileMetaData, footer_bytes: int, path: str) -> None:
    """`InputError` for encrypted columns; asked for their chunks, pyarrow ends the process (25.0.1)."""
    if footer_bytes - metadata.serialized_size == SIGNATURE_BYTES:
        raise encrypted(path)


def encrypted(path: str) -> InputError:
    """The error of a file that holds what only its writer's keys open."""
    return InputError(
        "the file's columns are encrypted (Parquet modular encryption).",
        path=path,
        hint="Write the file without encryption, where it may be read.",
    )


def is_missing_list(error: Exception) -> bool:
    """Whether pyarrow met a null among lists of one length, which it writes and does not read (25.0.1)."""
    return "Expected all lists to be of size" in str(error)


def missing_list(path: str) -> InputError:
    """The error of such a null."""
    return InputError(
        "a column of lists of one length (fixed_size_list) misses a list in some row, which pyarrow does not read.",
        path=path,
        hint="Fill the missing lists, or write the column as lists of any length.",
    )


def arrow_schema(metadata: pq.FileMetaData) -> pa.Schema:
    """The file's columns as they are read: moments of INT96 in microseconds."""
    if all(metadata.schema.column(leaf).physical_type != "INT96" for leaf in range(metadata.num_columns)):
        return metadata.schema.to_arrow_schema()
    with pq.ParquetFile(pa.BufferReader(b""), metadata=metadata, coerce_int96_timestamp_unit=INT96_UNIT) as file:
        return file.schema_arrow


def leaves_of(metadata: pq.FileMetaData, path: str) -> list[tuple[str, tuple[int, ...]]]:
    """The file's top-level columns in order, each with the numbers of its leaf columns.

    A leaf's path does not tell: the names of columns may hold dots themselves.
    """
    columns: list[tuple[str, tuple[int, ...]]] = []
    first = 0
    for field in metadata.schema.to_arrow_schema():
        leaves = tuple(range(first, first + _leaf_count(field.type)))
        first += len(leaves)
        columns.append((field.name, leaves))
        for leaf in leaves:
            if leaf >= metadata.num_columns or not _is_below(metadata.schema.column(leaf).path, field.name):
                raise Corrupt("the footer's columns do not fit its schema.", path=path, hint="Write the file again.")
    if first != metadata.num_columns:
        raise Corrupt("the footer's columns do not fit its schema.", path=path, hint="Write the file again.")
    return columns


def _is_below(leaf: str, column: str) -> bool:
    return leaf == column or leaf.startswith(f"{column}.")


def _leaf_count(kind: Any) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _leaf_count(kind.storage_type)
    if pa.types.is_struct(kind):
        return sum(_leaf_count(field.type) for field in kind)
    if pa.types.is_map(kind):
        return _leaf_count(kind.key_type) + _leaf_count(kind.item_type)
    if _is_list(kind):
        return _leaf_count(kind.value_type)
    return 1


def _is_list(kind: Any) -> bool:
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )
