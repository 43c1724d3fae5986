"""Packages at one version each: closed over their dependencies, from what is installed or from a project's own lock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seatrial.errors import InputError, did_you_mean

# Distributions with the same module, of which one is enough: an extra names the first.
STAND_INS = {"tensorflow-cpu": "tensorflow", "xgboost-cpu": "xgboost"}


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One distribution at one version, with the digests of its files where the lock has them."""

    name: str  # canonical: lower case, with "-"
    version: str
    hashes: tuple[str, ...] = ()  # "sha256:…"

    @property
    def requirement(self) -> str:
        """As a line of a requirements file."""
        digests = "".join(f" \\\n    --hash={digest}" for digest in self.hashes)
        return f"{self.name}=={self.version}{digests}"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a distribution says of itself: its version, and its requirements with their markers."""

    version: str
    requires: tuple[str, ...] = ()


FindMetadata = Callable[[str], Metadata | None]


def installed_metadata(name: str) -> Metadata | None:
    """The metadata of a distribution of this environment; None where it is not installed."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return None
    return Metadata(installed.version, tuple(installed.requires or ()))


def close_over(
    roots: Sequence[str],
    *,
    environment: Mapping[str, str],
    without: Callable[[str], bool] = lambda _name: False,
    find: FindMetadata = installed_metadata,
) -> tuple[LockedPackage, ...]:
    """`roots` and all that they need but `without`, at the versions that are installed, in the order of names.

    Raises `InputError` naming each requirement that is not installed.

    >>> index = {"a": Metadata("1", ("b[x]>=1", "c; extra == 'dev'")), "b": Metadata("2", ("d; extra == 'x'",))}
    >>> index["d"] = Metadata("3")
    >>> [one.requirement for one in close_over(["a"], environment={}, find=index.get)]
    ['a==1', 'b==2', 'd==3']
    """
    versions: dict[str, str] = {}
    visited: set[tuple[str, str]] = set()
    missing: dict[str, str] = {}
    queue = [(Requirement(root), "the project") for root in roots]
    while queue:
        requirement, by = queue.pop()
        name = canonicalize_name(requirement.name)
        if without(name):
            continue
        metadata = find(name)
        if metadata is None and (stand_in := STAND_INS.get(name)) is not None:
            name, metadata = canonicalize_name(stand_in), find(stand_in)
        if metadata is None:
            missing.setdefault(str(requirement).split(";")[0].strip(), by)
            continue
        versions[name] = metadata.version
        for extra in ("", *requirement.extras):
            if (name, extra) not in visited:
                visited.add((name, extra))
                queue += [(dependency, name) for dependency in _requirements(metadata, extra, environment)]
    if missing:
        listed = ", ".join(f"{requirement} (of {by})" for requirement, by in sorted(missing.items()))
        words = " ".join(f"'{requirement}'" for requirement in sorted(missing))
        raise InputError(f"not installed here: {listed}.", hint=f"pip install {words}")
    return tuple(LockedPackage(name, versions[name]) for name in sorted(versions))


def _requirements(metadata: Metadata, extra: str, environment: Mapping[str, str]) -> Iterable[Requirement]:
    """What the distribution requires for itself (`extra` "") or for one of its extras alone."""
    for text in metadata.requires:
        requirement = Requirement(text)
        if requirement.marker is None:
            if not extra:
                yield requirement
        elif requirement.marker.evaluate({**environment, "extra": extra}):
            yield requirement


_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;*]+)\s*(?:;\s*(.*))?")


def read_requirements(text: str, *, environment: Mapping[str, str]) -> tuple[LockedPackage, ...] | None:
    """The packages of a requirements file that pins every line by `==`; None where one is open: it locks nothing.

    >>> read_requirements("A_b==1.0 --hash=sha256:12\\n", environment={})
    (LockedPackage(name='a-b', version='1.0', hashes=('sha256:12',)),)
    >>> read_requirements("numpy>=2\\n", environment={}) is None
    True
    """
    packages = {}
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        words = re.split(r"(?:^|\s)#", line)[0].strip()
        if not words or words.startswith(("--index-url", "--extra-index-url", "--find-links", "-i ", "-f ")):
            continue
        body, *options = re.split(r"\s+--hash[= ]", words)
        pinned = _PINNED.fullmatch(body.strip())
        if pinned is None:
            return None
        name, version, marker = pinned.groups()
        if marker is None or Requirement(f"{name}; {marker}").marker.evaluate(dict(environment)):  # type: ignore[union-attr]  # it has one
            key = canonicalize_name(name)
            packages[key] = LockedPackage(key, version, tuple(digest.strip() for digest in options))
    return tuple(packages[name] for name in sorted(packages))


def require_packages(
    locked: Sequence[LockedPackage], needed: Sequence[LockedPackage], *, path: str, command: str
) -> None:
    """Raises `InputError` naming what a project's lock lacks of what Seatrial and its steps need."""
    names = {package.name for package in locked}
    names |= {name for name, stand_in in STAND_INS.items() if stand_in in names}
    missing = [package.name for package in needed if package.name not in names]
    if missing:
        close = did_you_mean(missing[0], names)
        raise InputError(
            f"the lock lacks {', '.join(missing)}, which the image needs.",
            path=path,
            hint=close or f"Lock them too: {command}.",
        )
