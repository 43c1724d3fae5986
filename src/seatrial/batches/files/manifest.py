"""What the footers of a table's files say, read once: files with their pins, row groups, and sizes by column."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.batches.files.footer import ColumnIds, Footer, read_footer, top_level
from seatrial.batches.wire.wire import DataFile, ListedFile, Wire
from seatrial.errors import Corrupt

FOOTERS_AT_ONCE = 16
KEPT = 256  # manifests in the cache folder; those written first go first
FORMAT = "1"
_SIZE, _NULLS = "bytes:", "nulls:"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Files in the table's order, and their row groups in the order of the files.

    `files` has the columns path, size_bytes, etag and footer. Each array has an entry a row group; those by column are
    of its top-level columns: bytes before compression, and nulls (NaN where the footer does not say).
    """

    files: pa.Table
    file: NDArray[np.int32]
    index: NDArray[np.int32]  # within its file
    rows: NDArray[np.int64]
    size_bytes: NDArray[np.int64]  # before compression, all columns
    column_bytes: Mapping[str, NDArray[np.float64]]
    column_nulls: Mapping[str, NDArray[np.float64]]

    def data_file(self, number: int) -> DataFile:
        """The file of that number."""
        row = {name: self.files[name][number].as_py() for name in ("path", "size_bytes", "etag")}
        return DataFile(row["path"], row["size_bytes"], row["etag"])

    def footer(self, number: int) -> memoryview:
        """That file's footer, as it stands in the file."""
        return memoryview(self.files["footer"][number].as_buffer())


def read_manifest(wire: Wire, files: Sequence[ListedFile], ids: ColumnIds | None) -> Manifest:
    """Reads every file's footer. Without `ids`, columns go by name."""
    with ThreadPoolExecutor(FOOTERS_AT_ONCE, thread_name_prefix="seatrial-footer") as pool:
        footers = list(pool.map(lambda file: read_footer(wire, file), files))
    return make_manifest(footers, ids)


def make_manifest(footers: Sequence[Footer], ids: ColumnIds | None) -> Manifest:
    """The manifest of files whose footers have been read."""
    groups: list[tuple[int, int, int, int]] = []
    columns: dict[str, dict[int, tuple[float, float]]] = {}
    for number, footer in enumerate(footers):
        metadata = footer.parsed()
        first_group = len(groups)
        leaves = {
            leaf: name for name, held in top_level(metadata, ids, footer.file.path).items() for leaf in held.leaves
        }
        for index in range(metadata.num_row_groups):
            group = metadata.row_group(index)
            for leaf, name in leaves.items():
                chunk = group.column(leaf)
                size, nulls = columns.setdefault(name, {}).get(len(groups), (0.0, 0.0))
                statistics: Any = chunk.statistics
                null_count = statistics.null_count if statistics is not None and statistics.has_null_count else np.nan
                columns[name][len(groups)] = size + chunk.total_uncompressed_size, nulls + null_count
            groups.append((number, index, group.num_rows, group.total_byte_size))
        if sum(rows for _, _, rows, _ in groups[first_group:]) != metadata.num_rows:
            raise Corrupt(
                "the row groups in the footer do not have the rows that the file says it has.",
                path=footer.file.path,
                hint="Write the file again.",
            )
    table = np.array(groups, np.int64).reshape(-1, 4)

    def by_group(part: int) -> dict[str, NDArray[np.float64]]:
        absent = (0.0, np.nan)  # a column that a file lacks is all nulls, which whoever decodes it finds
        return {
            name: np.array([group_values.get(group, absent)[part] for group in range(len(groups))], np.float64)
            for name, group_values in columns.items()
        }

    return Manifest(
        files=pa.table(
            {
                "path": pa.array([footer.file.path for footer in footers], pa.large_string()),
                "size_bytes": pa.array([footer.file.size_bytes for footer in footers], pa.int64()),
                "etag": pa.array([footer.file.etag for footer in footers], pa.large_string()),
                "footer": pa.array([footer.data for footer in footers], pa.large_binary()),
            }
        ),
        file=table[:, 0].astype(np.int32),
        index=table[:, 1].astype(np.int32),
        rows=table[:, 2].copy(),
        size_bytes=table[:, 3].copy(),
        column_bytes=by_group(0),
        column_nulls=by_group(1),
    )


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where manifests are kept: $SEATRIAL_CACHE/manifests, else ~/.cache/seatrial/manifests."""
    cache = environment.get("SEATRIAL_CACHE")
    return (Path(cache) if cache else Path.home() / ".cache" / "seatrial") / "manifests"


def load(key: str, folder: Path) -> Manifest | None:
    """The manifest that was kept under this key; None where there is none that can be read."""
    try:
        files = _mapped(folder / f"{key}.files.arrow")
        groups = _mapped(folder / f"{key}.groups.arrow")
        arrays: dict[str, Any] = {name: groups[name].to_numpy() for name in groups.column_names}
    except (OSError, pa.ArrowInvalid, KeyError):
        return None
    return Manifest(
        files=files,
        file=arrays["file"],
        index=arrays["index"],
        rows=arrays["rows"],
        size_bytes=arrays["size_bytes"],
        column_bytes={name.removeprefix(_SIZE): values for name, values in arrays.items() if name.startswith(_SIZE)},
        column_nulls={name.removeprefix(_NULLS): values for name, values in arrays.items() if name.startswith(_NULLS)},
    )


def keep(manifest: Manifest, key: str, folder: Path) -> None:
    """Keeps it under this key; a folder that cannot be written costs time at the next opening, nothing else."""
    groups: dict[str, Any] = {
        "file": manifest.file,
        "index": manifest.index,
        "rows": manifest.rows,
        "size_bytes": manifest.size_bytes,
        **{f"{_SIZE}{name}": values for name, values in manifest.column_bytes.items()},
        **{f"{_NULLS}{name}": values for name, values in manifest.column_nulls.items()},
    }
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        _write(manifest.files, folder / f"{key}.files.arrow")
        _write(pa.table(groups), folder / f"{key}.groups.arrow")  # last: whoever finds it finds the files too
        oldest = sorted(folder.glob("*.arrow"), key=lambda path: path.stat().st_mtime)[: -2 * KEPT]
        for path in oldest:
            path.unlink(missing_ok=True)


def _mapped(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _write(table: pa.Table, path: Path) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.{id(table):x}")
    try:
        with pa.OSFile(str(draft), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
