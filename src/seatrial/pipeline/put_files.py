"""Files of this machine, put under the project's prefix of its store: what `Files("raw/*.csv")` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from seatrial.errors import InputError, Problems, SeatrialError
from seatrial.stores.objects import Objects

# What Seatrial writes there itself; a file among it would be taken for what it is not.
RESERVED = ("artifacts", "cache", "doctor", "releases", "runs", "test-sketches", "test-uses", "waivers", "warehouse")


def planned_keys(files: Sequence[Path], target: str) -> Mapping[str, Path]:
    """The key that each file gets: below `target` where that ends with a slash or there are several, else `target`.

    A folder's files keep their paths within it. Every mistake at once, before anything is sent.
    """
    problems: list[SeatrialError] = []
    folder = target.endswith("/") or len(files) > 1 or any(path.is_dir() for path in files)
    prefix = target.rstrip("/")
    parts = prefix.split("/")
    if not all(parts) or "." in parts or ".." in parts:
        problems.append(
            InputError("the target must be a key below the project's prefix.", path=target, hint="Write raw/")
        )
    if parts[0] in RESERVED:
        problems.append(InputError(f"{parts[0]}/ is Seatrial's own.", path=target, hint="Choose another: raw/"))
    keys: dict[str, Path] = {}
    for path in files:
        if not path.exists():
            problems.append(InputError("the file or folder does not exist.", path=str(path), hint="Correct the path."))
            continue
        for file, inside in _files_of(path):
            key = f"{prefix}/{inside}" if folder else prefix
            if (earlier := keys.setdefault(key, file)) != file:
                problem = f"it would be put where {earlier} is: {key}."
                problems.append(InputError(problem, path=str(file), hint="Put them one after another, or rename one."))
    if not problems and not keys:
        problems.append(
            InputError(
                "the folder does not hold any files.", path=str(files[0]), hint="Name files, or folders with files."
            )
        )
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)
    return keys


def put_files(keys: Mapping[str, Path], objects: Objects) -> Iterator[str]:
    """Puts each file under its key, in place of what is there; the keys as they are written."""
    for key, path in keys.items():
        objects.put(key, path)
        yield key


def _files_of(path: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    """The file, or the files below the folder that are not hidden; with how each is called."""
    if path.is_file():
        yield path, PurePosixPath(path.name)
        return
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path)
        if file.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield file, PurePosixPath(inside)
