"""Files that somebody else wrote, pinned by what they hold: a step reads what its key names, or it is an error."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from seatrial.errors import InputError, StepFailed
from seatrial.pipeline.jobs.step_values import ModelFileInput, RowsInput, TableOutput
from seatrial.pipeline.project.locations import is_remote, local_path
from seatrial.pipeline.workspace import Workspace, bucket_settings
from seatrial.stores.documents import sha256, to_json

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.batches.table import Table
    from seatrial.rows import Rows
    from seatrial.rows.row_file import RowFile
    from seatrial.stores.settings import StoreSettings


def pin_model(place: str, workspace: Workspace) -> ModelFileInput:
    """The model's file as it is now."""
    return ModelFileInput(
        place, hash_file(local_path(place, workspace.project.directory), "[model] from in seatrial.toml")
    )


def pin_rows(place: str, workspace: Workspace) -> RowsInput:
    """The files of rows as they are now: by content, objects by their ETag, which a store gives each content anew."""
    sources = _sources(place, workspace)
    for source in sources:
        check_name(source.inside)
    files = {
        source.inside: hash_file(Path(source.path), "[data] in seatrial.toml") if source.etag is None else source.etag
        for source in sources
    }
    # A single file may move and be renamed, but for what its suffix says of it.
    called = {PurePosixPath(name).suffix if len(sources) == 1 else name: digest for name, digest in files.items()}
    return RowsInput(place, sha256(to_json(sorted(called.items()))), files)


@contextmanager
def opened_rows(
    pinned: TableOutput | RowsInput, workspace: Workspace, *, types: Mapping[str, pa.DataType] | None = None
) -> Iterator[Rows]:
    """The rows, to be read within the block; `StepFailed` at its end where files are not, or no longer, the pinned."""
    from seatrial.rows import Rows, open_rows

    if isinstance(pinned, TableOutput):
        table = _table(pinned, workspace)
        yield Rows(pinned.identifier, table.schema, table.rows, lambda columns: iter([table.to_arrow(columns)]))
        return
    before = _marks(pinned.place, workspace)
    address = _address(pinned.place, workspace)
    yield open_rows(address, types=types, store=_store(pinned.place, workspace))
    # Whoever writes to a file moves its change time, even to put the old content back: so what is hashed now, once, is
    # what was read.
    if _marks(pinned.place, workspace) != before or pin_rows(pinned.place, workspace).digest != pinned.digest:
        raise changed(pinned.place)


def _table(pinned: TableOutput, workspace: Workspace) -> Table:
    from seatrial.batches.table import Table

    return Table(pinned.identifier, pinned.snapshot_id, pinned.digest, workspace.catalog)


def _address(place: str, workspace: Workspace) -> str | Path:
    return place if is_remote(place) else local_path(place, workspace.project.directory)


def check_name(name: str) -> None:
    """`InputError` for a name of a file that is not UTF-8: no key of a store and no record can hold it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(
            "the name of this file is not UTF-8.", path=os.fsencode(name).decode(errors="replace"), hint="Rename it."
        ) from None


def hash_file(path: Path, named_in: str) -> str:
    """The sha256 of a file's bytes, read once in a process; `named_in` is for the error."""
    try:
        return _hashed(path, file_mark(path))
    except OSError as error:
        raise _unreadable(error, str(path), named_in) from None


@lru_cache(maxsize=4096)  # files of a run, which several of its steps read
def _hashed(path: Path, mark: tuple[int, ...]) -> str:  # noqa: ARG001  # with another mark it is another file
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sources(place: str, workspace: Workspace) -> tuple[RowFile, ...]:
    from seatrial.rows.find_files import sources_at

    return sources_at(str(_address(place, workspace)), _store(place, workspace))


def _store(place: str, workspace: Workspace) -> StoreSettings | None:
    return bucket_settings(workspace, place) if is_remote(place) else None


def _marks(place: str, workspace: Workspace) -> object:
    """What tells one moment of the files from another without reading them."""
    try:
        return {source.path: source.etag or file_mark(Path(source.path)) for source in _sources(place, workspace)}
    except OSError as error:
        raise _unreadable(error, place, "[data] in seatrial.toml") from None


def file_mark(path: Path) -> tuple[int, ...]:
    """What tells one moment of a file from another; the change time tells that old content was put back."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _unreadable(error: OSError, path: str, named_in: str) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError("the file does not exist.", path=path, hint=f"Correct {named_in}, or put it there.")
    return InputError(
        f"the file cannot be read: {error.strerror}.", path=path, hint=f"Make it readable, or correct {named_in}."
    )


def changed(place: str) -> StepFailed:
    """What was read is not what the key names."""
    return StepFailed(
        "the file changed while it was read.",
        path=place,
        hint="Its answer is dropped; run again when it is settled.",
    )
