"""Artifacts: immutable sets of files under the digest of their manifest.

`artifacts/<digest>/manifest.json` lists every other file by size and sha256; the digest is the sha256 of that manifest.
Files are written first and the manifest last, so an artifact without a manifest is not there, and whoever holds the
digest can check every byte against it. Writers of the same content write the same objects: any number of them may.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import Corrupt, InputError, ObjectExists, ObjectMissing
from seatrial.stores.documents import from_json, sha256, to_json
from seatrial.stores.objects import Objects

MANIFEST = "manifest.json"
_CHUNK_BYTES = 2**20
_HEX = frozenset("0123456789abcdef")
_DIGEST_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a release or of an artifact, by content."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The exact set of an artifact's files, by path."""

    files: Mapping[str, FileEntry]
    format: int = 1


def write_artifact(objects: Objects, files: Mapping[str, bytes | Path]) -> str:
    """Writes the files as one artifact and returns its digest. Writing it again mends what was damaged in between.

    Paths are relative, of "/"-separated names; anything else is an `InputError`. A file that changes while it is sent
    is found out by whoever reads the artifact.
    """
    manifest = Manifest({path: _entry_of(files[path]) for path in sorted(_checked(files))})
    data = to_json(manifest)
    digest = sha256(data)
    for path in manifest.files:
        objects.put(_key(digest, path), files[path])
    for info in objects.list(_key(digest, "")):
        path = info.key.removeprefix(_key(digest, ""))
        if path != MANIFEST and path not in manifest.files:
            objects.delete(info.key)
    try:
        objects.put(_key(digest, MANIFEST), data, if_absent=True)
    except ObjectExists:
        if objects.get(_key(digest, MANIFEST)).data != data:
            objects.put(_key(digest, MANIFEST), data)
    return digest


def artifact_digest(files: Mapping[str, bytes | Path]) -> str:
    """The digest that `write_artifact` would return; nothing is written."""
    return sha256(to_json(Manifest({path: _entry_of(files[path]) for path in sorted(_checked(files))})))


def read_manifest(objects: Objects, digest: str) -> Manifest:
    """The artifact's manifest; `ObjectMissing` when there is no such artifact, `Corrupt` when it is not that one."""
    key = _key(digest, MANIFEST)
    data = objects.get(key).data
    if sha256(data) != digest:
        raise Corrupt(f"the manifest has the digest {sha256(data)}, not {digest}.", path=key, hint=_HINT)
    manifest = from_json(Manifest, data, path=key)
    try:
        _checked(manifest.files)
    except InputError as error:
        raise Corrupt(f"the manifest names {error.path!r}: {error.problem}", path=key, hint=_HINT) from None
    return manifest


def check_artifact(objects: Objects, digest: str) -> Manifest:
    """The manifest, once the exact set of files is there with the right sizes; contents are not read.

    Raises `ObjectMissing` when there is no such artifact, `Corrupt` by the name of the file that is missing, added or
    of another size. Reading verifies every byte; this is the check that a cache hit can afford.
    """
    manifest = read_manifest(objects, digest)
    root = _key(digest, "")
    sizes = {info.key.removeprefix(root): info.size_bytes for info in objects.list(root)}
    sizes.pop(MANIFEST, None)
    for path, entry in manifest.files.items():
        if path not in sizes:
            raise _missing(digest, path)
        if sizes[path] != entry.size_bytes:
            raise Corrupt(f"{sizes[path]} bytes, not {entry.size_bytes}.", path=_key(digest, path), hint=_HINT)
    for path in sizes:
        if path not in manifest.files:
            raise Corrupt("the file is not in the artifact's manifest.", path=_key(digest, path), hint=_HINT)
    return manifest


def read_artifact(objects: Objects, digest: str) -> dict[str, bytes]:
    """Every file of the artifact by path, each checked against the manifest, and that against `digest`."""
    return dict(_verified(objects, digest))


def check_path(path: str) -> None:
    """An `InputError` unless `path` is relative and stays where it is put, on any system."""
    parts = path.split("/")
    if (
        not path
        or path.startswith("/")
        or "\\" in path
        or "\0" in path
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise InputError(
            "the path does not lie within an artifact.",
            path=path,
            hint='Paths are relative and plain: "model/weights.safetensors".',
        )


_HINT = "Make it again with --no-cache, and find out who writes to this store."


def _verified(objects: Objects, digest: str) -> Iterator[tuple[str, bytes]]:
    for path, entry in check_artifact(objects, digest).files.items():
        try:
            data = objects.get(_key(digest, path)).data
        except ObjectMissing:
            raise _missing(digest, path) from None
        if len(data) != entry.size_bytes or sha256(data) != entry.sha256:
            raise Corrupt("the content is not what the manifest says.", path=_key(digest, path), hint=_HINT)
        yield path, data


def _missing(digest: str, path: str) -> Corrupt:
    return Corrupt("a file of the artifact is missing.", path=_key(digest, path), hint=_HINT)


def _checked(files: Mapping[str, object]) -> Mapping[str, object]:
    for path in files:
        check_path(path)
        if path == MANIFEST:
            raise InputError("the name is the manifest's own.", path=path, hint="Give the file another name.")
        ancestor, slash, _ = path.rpartition("/")
        while slash:
            if ancestor in files:
                raise InputError(f"both a file and the folder of {path!r}.", path=ancestor, hint="Rename one.")
            ancestor, slash, _ = ancestor.rpartition("/")
    return files


def _entry_of(content: bytes | Path) -> FileEntry:
    if isinstance(content, bytes):
        return FileEntry(sha256(content), len(content))
    with content.open("rb") as file:
        hashed = hashlib.sha256()
        while chunk := file.read(_CHUNK_BYTES):
            hashed.update(chunk)
        return FileEntry(hashed.hexdigest(), os.fstat(file.fileno()).st_size)


def _key(digest: str, path: str) -> str:
    if len(digest) != _DIGEST_CHARACTERS or not _HEX.issuperset(digest):
        raise InputError(
            "the value is not the digest of an artifact.", path=digest, hint="It has 64 hexadecimal digits."
        )
    return f"artifacts/{digest}/{path}"
