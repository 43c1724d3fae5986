"""What a step takes and leaves behind, as values that name it by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from seatrial.stores.documents import sha256


@dataclass(frozen=True, slots=True)
class TableOutput:
    """A table at one snapshot. Its digest is of (producing key, output name); the snapshot id only locates it."""

    identifier: str
    snapshot_id: int
    digest: str
    kind: Literal["table"] = "table"


def table_digest(key: str, reference: str) -> str:
    """The digest of a table: of how it came to be."""
    return sha256(f"{key}/{reference}".encode())


@dataclass(frozen=True, slots=True)
class ArtifactOutput:
    """Files under `artifacts/<digest>/`, and what they hold."""

    digest: str
    holds: Literal["codec", "model", "document", "trial"]
    kind: Literal["artifact"] = "artifact"


@dataclass(frozen=True, slots=True)
class ReleaseOutput:
    """A release of the project's store; its digest is that of `release.json`."""

    name: str
    version: int
    digest: str
    kind: Literal["release"] = "release"


@dataclass(frozen=True, slots=True)
class FilesInput:
    """Files that a step names by a pattern, pinned: `digest` is of every key and what it held."""

    pattern: str
    digest: str
    etags: Mapping[str, str]  # by key: the ETag of an object, the sha256 of a file of this machine
    kind: Literal["files"] = "files"


@dataclass(frozen=True, slots=True)
class ModelFileInput:
    """The file of a finished model; its digest is the sha256 of its bytes."""

    place: str
    digest: str
    kind: Literal["model-file"] = "model-file"


@dataclass(frozen=True, slots=True)
class RowsInput:
    """Files of rows, pinned: `digest` is of what each of them held, and of how they are called within their folder."""

    place: str
    digest: str
    files: Mapping[str, str]  # by path or key: the sha256 of a local file, the ETag of an object
    kind: Literal["rows"] = "rows"


@dataclass(frozen=True, slots=True)
class AgainstInput:
    """The release that a policy's name meant when the run began; `title` is None, `digest` "none" where there is none.

    The digest is that of its `release.json`.
    """

    reference: str
    title: str | None
    digest: str
    kind: Literal["against"] = "against"


Output = TableOutput | ArtifactOutput | ReleaseOutput
Input = Output | FilesInput | ModelFileInput | RowsInput | AgainstInput
