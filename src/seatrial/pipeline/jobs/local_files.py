"""Files of this machine that a step reads where they are: found by a pattern, pinned by what they hold."""

from __future__ import annotations

import glob
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import InputError, ObjectChanged
from seatrial.pipeline.jobs.pinned_inputs import check_name, file_mark, hash_file
from seatrial.pipeline.jobs.step_values import FilesInput
from seatrial.pipeline.project.locations import local_path
from seatrial.stores.documents import sha256, to_json

_HADOOP_MARKS = str.maketrans({mark: f"\\{mark}" for mark in r"\*?[]{}"})


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """What `Files("file:…")` means: a folder of this machine, and a pattern of paths below it."""

    folder: Path
    pattern: str

    def keys(self) -> tuple[str, ...]:
        """The paths below the folder that match now, in order; as in a shell a `*` means no hidden file."""
        names = glob.glob(self.pattern, root_dir=self.folder)  # noqa: PTH207 Path.glob takes hidden files too
        return tuple(sorted(name for name in names if (self.folder / name).is_file()))

    def marks(self) -> dict[str, tuple[int, ...]]:
        """What tells one moment of the files from another without reading them."""
        marks = {}
        for key in self.keys():
            with suppress(OSError):  # gone by now, which is a change too
                marks[key] = file_mark(self.folder / key)
        return marks

    def url(self, key: str) -> str:
        """Where Spark reads a file: Hadoop decodes no percent signs, and takes some characters of a name for a glob."""
        return f"file://{str(self.folder / key).translate(_HADOOP_MARKS)}"

    def read(self, key: str, digest: str) -> bytes:
        """A file's bytes; `ObjectChanged` when they are not those of the digest."""
        path = self.folder / key
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ObjectChanged(
                f"the file cannot be read any more: {error.strerror}.",
                path=str(path),
                hint="Run again when it is settled.",
            ) from None
        if sha256(content) != digest:
            raise ObjectChanged(
                "the file changed since the run began.", path=str(path), hint="Run again when it is settled."
            )
        return content


def local_files(pattern: str, directory: Path) -> LocalFiles:
    """Splits `file:PATH` before the first part with a mark of a pattern; from the project's folder if not absolute."""
    path = local_path(pattern, directory)
    parts = path.parts
    fixed = next((index for index, part in enumerate(parts[:-1]) if glob.has_magic(part)), len(parts) - 1)
    return LocalFiles(Path(*parts[:fixed]).absolute(), str(Path(*parts[fixed:])))


def pin_local_files(pattern: str, step: str, directory: Path) -> FilesInput:
    """The files that match now, by content; none is an error.

    Where their folder lies enters no digest: whoever has the same files elsewhere gets the same answers from the cache.
    """
    if "\0" in pattern:
        raise InputError(f"step {step!r}: no path has a null byte.", path=pattern, hint="Correct the pattern.")
    files = local_files(pattern, directory)
    keys = files.keys()
    for key in keys:
        check_name(key)
    if not keys:
        raise InputError(
            f"step {step!r}: no file of this machine matches {str(files.folder / files.pattern)!r}.",
            path=pattern,
            hint="Correct the pattern. Steps elsewhere read the store: `seatrial put FILES… raw/`, Files('raw/*').",
        )
    digests = {key: hash_file(files.folder / key, f"Files({pattern!r}) of step {step!r}") for key in keys}
    return FilesInput(pattern, sha256(to_json(sorted(digests.items()))), digests)
