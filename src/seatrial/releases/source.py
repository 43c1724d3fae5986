"""Where a release is read from: the store, or a folder it was exported to."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seatrial.errors import InputError, ObjectMissing, Refused, SeatrialError
from seatrial.releases.release import ENVELOPE, LEGAL_NAME, RELEASE_JSON, WAIVERS, Release
from seatrial.stores.documents import from_json
from seatrial.stores.objects import Objects

WAIVER_LIMIT_BYTES = 2**20  # a reason may be long, and no longer than this
_RELEASES = "releases"
_HOW_TO_NAME = 'Write name@version ("census@2"), name, or the path of an exported folder ("./census-2").'
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


class ReleaseSource(Protocol):
    """The files of one release, not yet believed."""

    @property
    def label(self) -> str:
        """How messages call it."""
        ...

    @property
    def asked(self) -> tuple[str, int] | None:
        """The name and version that were asked for, where the reference says so."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """Every file by path, with its size in bytes; waivers are not among them. `ObjectMissing` without any."""
        ...

    def read(self, path: str, limit_bytes: int) -> bytes:
        """The file, cut off one byte after the limit; `Refused` for what is no plain file."""
        ...

    def waivers(self, digest: str) -> Mapping[str, bytes]:
        """The waivers that lie with the release of that digest, by path."""
        ...


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A version in the store."""

    objects: Objects
    name: str
    version: int

    @property
    def label(self) -> str:
        """See `ReleaseSource`."""
        return f"{self.name}@{self.version}"

    @property
    def asked(self) -> tuple[str, int] | None:
        """See `ReleaseSource`."""
        return self.name, self.version

    def sizes(self) -> Mapping[str, int]:
        """See `ReleaseSource`."""
        root = release_key(self.name, self.version, "")
        sizes = {info.key.removeprefix(root): info.size_bytes for info in self.objects.list(root)}
        if ENVELOPE not in sizes:
            raise ObjectMissing(
                f"the store does not have a release {self.label}.",
                path=root,
                hint="See what there is: seatrial releases",
            )
        return sizes

    def read(self, path: str, limit_bytes: int) -> bytes:
        """See `ReleaseSource`."""
        return self.objects.get(release_key(self.name, self.version, path)).data[: limit_bytes + 1]

    def waivers(self, digest: str) -> Mapping[str, bytes]:
        """See `ReleaseSource`."""
        listed = self.objects.list(f"{WAIVERS}{digest}/")
        return {info.key: _waiver(info.size_bytes, info.key, self._get) for info in listed}

    def _get(self, key: str) -> bytes:
        return self.objects.get(key).data


@dataclass(frozen=True, slots=True)
class ReleaseFolder:
    """A folder that a release was exported to."""

    folder: Path

    @property
    def label(self) -> str:
        """See `ReleaseSource`."""
        return str(self.folder)

    @property
    def asked(self) -> tuple[str, int] | None:
        """See `ReleaseSource`."""
        return None

    def sizes(self) -> Mapping[str, int]:
        """See `ReleaseSource`."""
        sizes = {path: size for path, size in _walk(self.folder) if not path.startswith(WAIVERS)}
        if ENVELOPE not in sizes:
            raise ObjectMissing(
                f"the folder is not a release: it lacks {ENVELOPE}.",
                path=str(self.folder),
                hint="Name a folder that `seatrial export` wrote, or name@version.",
            )
        return sizes

    def read(self, path: str, limit_bytes: int) -> bytes:
        """See `ReleaseSource`."""
        try:
            # Neither followed nor waited for: a link or a named pipe in place of a file is refused.
            descriptor = os.open(self.folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise Refused("the path is not a plain file.", path=path)
                return file.read(limit_bytes + 1)
        except OSError as error:
            raise Refused(f"the file cannot be read: {error.strerror}.", path=path) from None

    def waivers(self, digest: str) -> Mapping[str, bytes]:  # noqa: ARG002 - each waiver says itself what it is for
        """See `ReleaseSource`."""
        entries = [(path, size) for path, size in _walk(self.folder) if path.startswith(WAIVERS)]
        return {path: _waiver(size, path, lambda path: self.read(path, WAIVER_LIMIT_BYTES)) for path, size in entries}


def locate(
    reference: str | None, objects: Objects | None, *, project: str | None = None, passed: bool = False
) -> ReleaseSource:
    """The release that `reference` means: a folder, `name@version`, or `name` for its newest version.

    None means `project`'s newest. With `passed`, "newest" is the newest that says it passed (whether it did is for
    `verify` to find out). A folder is told by a path separator, or by the release.json in it.
    """
    if reference is not None and is_folder(reference):
        folder = Path(reference).expanduser()
        if not folder.is_dir():
            raise InputError("the folder does not exist.", path=reference, hint="Name a folder, or name@version.")
        return ReleaseFolder(folder)
    title = reference or project
    if not title:
        raise InputError("a release must be named.", hint=_HOW_TO_NAME)
    name, version = parse_title(title)
    if objects is None:
        raise InputError(
            "a name and version are looked up in a project's store, and this folder is not a project.",
            path=title,
            hint="Run it in the project's folder, or name the path of an exported folder.",
        )
    if version is not None:
        return StoredRelease(objects, name, version)
    for number in reversed(list_versions(objects, name)):
        if not passed or read_release(objects, name, number).verdict == "pass":
            return StoredRelease(objects, name, number)
    kind = "release that passed" if passed else "release"
    raise ObjectMissing(f"the store does not have a {kind} of {name!r}.", path=name, hint="Make one: seatrial run")


def is_folder(reference: str) -> bool:
    """Whether a reference means a folder, for which no store has to be opened."""
    return "/" in reference or reference in (".", "..") or (Path(reference).expanduser() / RELEASE_JSON).is_file()


def parse_title(text: str) -> tuple[str, int | None]:
    """The name and the version that "census@2" means; "census" has none."""
    name, at, version = text.partition("@")
    if not LEGAL_NAME.fullmatch(name) or (at and not _VERSION.fullmatch(version)):
        raise InputError(f"{text!r} is not the name of a release.", hint=_HOW_TO_NAME)
    return name, int(version) if at else None


def list_versions(objects: Objects, name: str) -> tuple[int, ...]:
    """The versions that are there, ascending. One whose writing was cut off has no envelope, and is not there."""
    return tuple(sorted(version for version, path in _objects_of(objects, name) if path == ENVELOPE))


def taken_versions(objects: Objects, name: str) -> frozenset[int]:
    """The versions that were ever begun: none of them is used again."""
    return frozenset(version for version, _ in _objects_of(objects, name))


def list_releases(objects: Objects, name: str) -> tuple[Release, ...]:
    """What the releases of that name say of themselves, oldest first. Not verified."""
    return tuple(read_release(objects, name, version) for version in list_versions(objects, name))


def read_release(objects: Objects, name: str, version: int) -> Release:
    """What one release says of itself. Not verified: to show, to compare, to choose; never to use."""
    key = release_key(name, version, RELEASE_JSON)
    return from_json(Release, objects.get(key).data, path=key)


def release_key(name: str, version: int, path: str) -> str:
    """The key of a release's file."""
    return f"{_RELEASES}/{name}/{version}/{path}"


def _waiver(size_bytes: int, path: str, read: Callable[[str], bytes]) -> bytes:
    """The waiver's file; nothing, which is no waiver, of one that cannot be read or is there to fill the memory."""
    if size_bytes > WAIVER_LIMIT_BYTES:
        return b""
    try:
        return read(path)
    except (Refused, ObjectMissing):
        return b""


def _objects_of(objects: Objects, name: str) -> Iterator[tuple[int, str]]:
    root = f"{_RELEASES}/{name}/"
    for info in objects.list(root):
        version, _, path = info.key.removeprefix(root).partition("/")
        if _VERSION.fullmatch(version):
            yield int(version), path


def _walk(folder: Path) -> Iterator[tuple[str, int]]:
    def give_up(error: OSError) -> None:
        raise SeatrialError(
            f"the file cannot be read: {error.strerror}.", path=str(error.filename), hint="Correct its permissions."
        )

    for root, folders, names in os.walk(folder, onerror=give_up):
        # A link to a folder is not followed; it is listed, so that it is refused as a file too many.
        for name in [*names, *(link for link in folders if (Path(root) / link).is_symlink())]:
            path = Path(root) / name
            yield path.relative_to(folder).as_posix(), path.lstat().st_size
