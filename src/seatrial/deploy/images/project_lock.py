"""A project's own lock file, as packages: pylock.toml, uv.lock, or a requirements.txt that pins every line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from seatrial.deploy.images.locked_packages import LockedPackage, read_requirements
from seatrial.errors import InputError


@dataclass(frozen=True, slots=True)
class ProjectLock:
    """The packages of a lock file, and the command by which its tool adds others."""

    path: Path
    packages: tuple[LockedPackage, ...]
    add_command: str


Environment = Mapping[str, str]


def find_lock(directory: Path, *, environment: Environment) -> ProjectLock | None:
    """The lock of the project in `directory`; None where it has none."""
    for name, (read, add_command) in LOCKS.items():
        path = directory / name
        if path.is_file() and (packages := read(path, environment)) is not None:
            return ProjectLock(path, packages, add_command)
    return None


def _requirements(path: Path, environment: Environment) -> tuple[LockedPackage, ...] | None:
    return read_requirements(path.read_text(encoding="utf-8"), environment=environment)


def _pylock(path: Path, environment: Environment) -> tuple[LockedPackage, ...]:
    """PEP 751: each package stands there once for this environment, with a marker where it is not for all."""
    packages = {}
    for entry in _document(path).get("packages", ()):
        if "version" in entry and _applies(entry.get("marker"), environment):
            files = [*entry.get("wheels", ()), *filter(None, [entry.get("sdist"), entry.get("archive")])]
            digests = {f"sha256:{file['hashes']['sha256']}" for file in files if "sha256" in file.get("hashes", {})}
            name = canonicalize_name(entry["name"])
            packages[name] = LockedPackage(name, entry["version"], tuple(sorted(digests)))
    return tuple(packages[name] for name in sorted(packages))


def _uv_lock(path: Path, environment: Environment) -> tuple[LockedPackage, ...]:
    """What the project itself needs, without its development groups: the lock holds every environment's packages."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for entry in _document(path).get("package", ()):
        entries.setdefault(canonicalize_name(entry["name"]), []).append(entry)
    roots = [entry for several in entries.values() for entry in several if _is_project(entry)]
    if not roots:
        raise InputError("names no project of its own.", path=str(path), hint="Write it anew: uv lock.")
    packages: dict[str, LockedPackage] = {}
    visited: set[tuple[str, str, str]] = set()
    queue = [(entry, "") for entry in roots]
    while queue:
        entry, extra = queue.pop()
        name = canonicalize_name(entry["name"])
        if (key := (name, entry.get("version", ""), extra)) in visited:
            continue
        visited.add(key)
        if not _is_project(entry) and "version" in entry:
            files = [*entry.get("wheels", ()), *filter(None, [entry.get("sdist")])]
            digests = tuple(sorted({file["hash"] for file in files if "hash" in file}))
            packages[name] = LockedPackage(name, entry["version"], digests)
        dependencies = entry.get("optional-dependencies", {}).get(extra, ()) if extra else entry.get("dependencies", ())
        for dependency in dependencies:
            if not _applies(dependency.get("marker"), environment):
                continue
            chosen = _choose(entries.get(canonicalize_name(dependency["name"]), []), dependency, environment)
            if chosen is None:
                raise InputError(
                    f"has no package {dependency['name']} for Python {environment.get('python_version')} on Linux.",
                    path=str(path),
                    hint="Write it anew: uv lock.",
                )
            queue += [(chosen, dependency_extra) for dependency_extra in ("", *dependency.get("extra", ()))]
    return tuple(packages[name] for name in sorted(packages))


def _choose(
    entries: list[dict[str, Any]], dependency: Mapping[str, Any], environment: Environment
) -> dict[str, Any] | None:
    """Of several versions of a package, the one that the dependency names, or whose markers hold."""
    version = dependency.get("version")
    for entry in entries:
        markers = entry.get("resolution-markers", ())
        if version is not None and entry.get("version") != version:
            continue
        if not markers or any(_applies(marker, environment) for marker in markers):
            return entry
    return None


def _is_project(entry: Mapping[str, Any]) -> bool:
    source = entry.get("source", {})
    return any(source.get(kind) == "." for kind in ("virtual", "editable", "directory"))


def _applies(marker: str | None, environment: Environment) -> bool:
    return marker is None or Marker(marker).evaluate({**environment, "extra": ""})


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"not TOML: {error}.", path=str(path), hint="Write it anew with the tool that made it."
        ) from None


Read = Callable[[Path, Environment], tuple[LockedPackage, ...] | None]
# In the order in which they are looked for: the one that says most about each file first.
LOCKS: dict[str, tuple[Read, str]] = {
    "pylock.toml": (_pylock, "pip lock, or uv export --format pylock.toml, with seatrial and its extras"),
    "uv.lock": (_uv_lock, "uv add, with seatrial and its extras"),
    "requirements.txt": (_requirements, "uv pip compile, or pip-compile, with seatrial and its extras"),
}
