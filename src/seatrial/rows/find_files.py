"""The files that an address names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from seatrial.errors import InputError
from seatrial.rows.row_file import HIDDEN, RowFile, absent, address_without_secrets, check_plain, empty
from seatrial.stores.settings import StoreSettings


def sources_at(address: str, store: StoreSettings | None = None) -> tuple[RowFile, ...]:
    """The file at the address, or all files below a folder, by name; `*` in the last part picks among a folder's.

    `store` says how the bucket of s3:// is reached; without it the environment does. Nothing there, or nothing in it,
    is an `InputError`; a store that refuses or does not answer, a `StoreError`.
    """
    scheme = address.partition("://")[0] if "://" in address else ""
    if scheme == "s3":
        from seatrial.rows.s3_files import in_bucket  # TLS, HTTP and signatures: 15 ms that local files do without

        return in_bucket(address, store)
    if scheme == "file":
        return _on_this_machine(Path(unquote(urlsplit(address).path)))
    if scheme:
        raise InputError(
            f"rows are not read over {scheme}://.",
            path=address_without_secrets(address),
            hint="Copy them here, or give s3://….",
        )
    return _on_this_machine(Path(address))


def _on_this_machine(path: Path) -> tuple[RowFile, ...]:
    if path.is_dir():
        paths = sorted(_below(path))
        if not paths:
            raise empty(str(path))
        return tuple(_local(file, file.relative_to(path).as_posix()) for file in paths)
    if "*" in path.name and path.parent.is_dir():
        chosen = sorted(file for file in path.parent.glob(path.name) if file.is_file())
        if not chosen:
            chosen = sorted(file for folder in _matching_folders(path) for file in _below(folder))
        if not chosen:
            raise InputError(
                "the pattern does not match any file, nor a folder that holds any.",
                path=str(path),
                hint="Look at the folder, and at the pattern.",
            )
        return tuple(_local(file, file.relative_to(path.parent).as_posix()) for file in chosen)
    if not path.exists():
        raise absent(str(path))
    return (_local(path, path.name),)


def _matching_folders(pattern: Path) -> Iterator[Path]:
    for folder in pattern.parent.glob(pattern.name):
        if folder.is_dir() and not folder.name.startswith(HIDDEN):
            _check_no_link(folder)
            yield folder


def _check_no_link(folder: Path) -> None:
    if folder.is_symlink():  # which is not followed: it may lead in a circle
        raise InputError("the folder is a link.", path=str(folder), hint="Put the folder itself there.")


def _below(folder: Path) -> Iterator[Path]:
    check_plain(str(folder), lambda pattern: any(folder.glob(pattern)))

    def unreadable(error: OSError) -> None:
        raise InputError("the folder cannot be listed.", path=str(error.filename), hint="Look at its mode.") from None

    for here, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        for name in folders:
            _check_no_link(Path(here, name))
        yield from (Path(here, name) for name in names if not name.startswith(HIDDEN))


def _local(path: Path, inside: str) -> RowFile:
    try:
        pinned = _stamp(path)
        path.open("rb").close()
    except OSError as error:
        raise InputError(
            f"the file cannot be opened: {os.strerror(error.errno or 0).lower()}.",
            path=str(path),
            hint="Look at its mode.",
        ) from None

    def open_file() -> Any:
        import pyarrow as pa  # for whoever reads; a file that is only pinned goes without

        try:
            if _stamp(path) == pinned:
                return pa.OSFile(str(path), "rb")
        except OSError:
            pass  # gone, which is a change too
        raise InputError(
            "the file changed while it was read.", path=str(path), hint="Wait until it is written, then run again."
        )

    return RowFile(str(path), inside, pinned[0], open_file)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
