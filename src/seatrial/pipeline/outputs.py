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
    """Files of the store, pinned: `digest` is of every key, size and ETag."""

    pattern: str
    digest: str
    etags: Mapping[str, str]  # by key
    kind: Literal["files"] = "files"


Output = TableOutput | ArtifactOutput | ReleaseOutput
Input = Output | FilesInput
