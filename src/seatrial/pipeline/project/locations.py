"""What a name in `seatrial.toml` means: the output of a step, or a file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from seatrial.errors import InputError
from seatrial.rows.formats import format_of

# Those that nobody opens are files all the same: whoever names one is told why it is refused, and not of a step.
MODELS = (".onnx", ".json", ".ubj", ".txt", ".pkl", ".pickle", ".joblib", ".pt", ".pth", ".h5", ".keras", ".cbm")


def is_rows_file(name: str) -> bool:
    """Whether it names a file or folder of rows, or an object: it has a slash, or the suffix of such a file."""
    return "/" in name or format_of(name) is not None


def is_model_file(name: str) -> bool:
    """Whether it names the file of a finished model."""
    return "/" in name or PurePosixPath(name).suffix.lower() in MODELS


def is_remote(name: str) -> bool:
    """Whether it lies in an object store, and not on this machine."""
    return name.startswith("s3://")


def is_file_address(name: str) -> bool:
    """Whether it says of itself that it lies on this machine."""
    return name.startswith("file:")


def local_path(name: str, directory: Path) -> Path:
    """The file or folder of this machine that a name in the project of `directory` means.

    After "file://" stands a URL, whose percent signs are decoded, a "?" is part of the name; else a path as it is.
    """
    if name.startswith("file://"):
        host, slash, path = name.removeprefix("file://").partition("/")
        if host not in ("", "localhost"):
            raise InputError(
                f"a file: address must not name another machine, got {host!r}.",
                path=name,
                hint='Write "file:/absolute/path" or "file:path", from the project\'s folder.',
            )
        return Path(unquote(slash + path))
    return directory / Path(name.removeprefix("file:")).expanduser()
