"""The project's code as an artifact of the store: an image is the environment, and the code travels with the run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from seatrial.errors import InputError
from seatrial.pipeline.project.settings import FILE_NAME, Project
from seatrial.pipeline.workspace import STATE_FOLDER
from seatrial.stores.artifacts import read_artifact, write_artifact
from seatrial.stores.objects import Objects

SUFFIX = ".py"
VIRTUAL_ENVIRONMENT = "pyvenv.cfg"  # the file that makes a folder one (PEP 405)
MOST_BYTES = 16 * 2**20  # of source: beyond it a folder is no project's, but somebody's home


def pack_code(project: Project, objects: Objects) -> str:
    """Writes the project's file and its Python modules into the store; returns the artifact's digest."""
    return write_artifact(objects, project_code(project))


def project_code(project: Project) -> Mapping[str, bytes]:
    """The project's file and its Python modules, by path."""
    files = dict(_code_files(project.directory))
    if sum(map(len, files.values())) > MOST_BYTES:
        raise InputError(
            f"the project's code must be at most {MOST_BYTES >> 20} MiB, and its folder has more Python modules.",
            path=str(project.directory),
            hint="Move what does not belong to it out of the folder.",
        )
    return files


def unpack_code(objects: Objects, digest: str, folder: Path) -> None:
    """Writes the artifact's files, each checked, into a folder that is new."""
    for path, content in read_artifact(objects, digest).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _code_files(directory: Path) -> Iterator[tuple[str, bytes]]:
    yield FILE_NAME, (directory / FILE_NAME).read_bytes()
    for here, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not _is_left_out(Path(here) / name))
        for name in sorted(names):
            path = Path(here) / name
            if path.suffix == SUFFIX and path.is_file():
                yield path.relative_to(directory).as_posix(), path.read_bytes()


def _is_left_out(folder: Path) -> bool:
    return (
        folder.name.startswith(".")
        or folder.name in (STATE_FOLDER, "__pycache__")
        or (folder / VIRTUAL_ENVIRONMENT).exists()
    )
