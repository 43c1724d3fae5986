"""Files that somebody else wrote, pinned by what they hold: a step reads what its key names, or it is an error."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.errors import InputError, StepFailed
from seatrial.pipeline.outputs import ModelFileInput, RowsInput, TableOutput
from seatrial.pipeline.places import is_remote, local_path
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.documents import sha256, to_json

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.batches.rows import Rows
    from seatrial.batches.table import Table


def pin_model(place: str, workspace: Workspace) -> ModelFileInput:
    """The model's file as it is now."""
    return ModelFileInput(place, _sha256(local_path(place, workspace.project.directory), "[model] from"))


def pin_rows(place: str, workspace: Workspace) -> RowsInput:
    """The files of rows as they are now; objects by ETag, without reading them."""
    if is_remote(place):
        files: Mapping[str, str] = _etags(place)
        return RowsInput(place, sha256(to_json(sorted(files.items()))), files)
    root = local_path(place, workspace.project.directory)
    found = {str(path.relative_to(root)) if path != root else path.suffix: path for path in _files(root)}
    files = {name: _sha256(path, "[data]") for name, path in sorted(found.items())}
    return RowsInput(place, sha256(to_json(sorted(files.items()))), files)


@contextmanager
def opened_rows(
    pinned: TableOutput | RowsInput, workspace: Workspace, *, types: Mapping[str, pa.DataType] | None = None
) -> Iterator[Rows]:
    """The rows, to be read within the block; `StepFailed` at its end where files are not, or no longer, the pinned."""
    from seatrial.batches.rows import Rows, open_rows

    if isinstance(pinned, TableOutput):
        table = _table(pinned, workspace)
        yield Rows(pinned.identifier, table.schema, table.rows, lambda columns: iter([table.to_arrow(columns)]))
        return
    before = _marks(pinned.place, workspace)
    yield open_rows(_address(pinned.place, workspace), types=types)
    # Whoever writes to a file moves its change time, even to put the old content back: so what is hashed now, once, is
    # what was read.
    if _marks(pinned.place, workspace) != before or pin_rows(pinned.place, workspace).digest != pinned.digest:
        raise changed(pinned.place)


def _table(pinned: TableOutput, workspace: Workspace) -> Table:
    from seatrial.batches.table import Table

    return Table(pinned.identifier, pinned.snapshot_id, pinned.digest, workspace.catalog)


def _address(place: str, workspace: Workspace) -> str | Path:
    return place if is_remote(place) else local_path(place, workspace.project.directory)


def _files(root: Path) -> Iterator[Path]:
    """The file, or each below the folder; hidden ones are no data."""
    if not root.is_dir():
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder) / name for name in names if not name.startswith("."))


def _sha256(path: Path, key: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(error, str(path), key) from None


def _marks(place: str, workspace: Workspace) -> object:
    """What tells one moment of the files from another without reading them."""
    if is_remote(place):
        return _etags(place)
    root = local_path(place, workspace.project.directory)
    try:
        states = {str(path): path.stat() for path in _files(root)}
    except OSError as error:
        raise _unreadable(error, place, "[data]") from None
    return {path: (one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for path, one in states.items()}


def _etags(place: str) -> Mapping[str, str]:
    raise NotImplementedError(place)


def _unreadable(error: OSError, path: str, key: str) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError("there is no such file.", path=path, mend=f"Mend {key} in seatrial.toml, or put it there.")
    return InputError(f"cannot be read: {error.strerror}.", path=path, mend=f"Mend it, or {key} in seatrial.toml.")


def changed(place: str) -> StepFailed:
    """What was read is not what the key names."""
    return StepFailed(
        "it changed while it was read.", path=place, mend="Its answer is dropped; run again when it is settled."
    )
