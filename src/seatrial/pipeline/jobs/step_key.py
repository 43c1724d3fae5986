"""The key of a step: everything its answer depends on, in one digest."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from seatrial.errors import InputError
from seatrial.pipeline.steps.declaration import Parameter
from seatrial.stores.documents import sha256, to_json

_DIGEST = re.compile(r"[0-9a-f]{64}")
KEY_FORMAT = 1  # raised when the meaning of a key changes; Seatrial's version is no part of it


@dataclass(frozen=True, slots=True)
class KeyParts:
    """What goes into a step's key, kept beside it so that a changed key can say what changed."""

    step: str
    kind: str
    code: str
    parameters: Mapping[str, Parameter]
    inputs: Mapping[str, str]  # digests
    outputs: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)  # versions
    python: str = f"{sys.version_info.major}.{sys.version_info.minor}"
    format: int = KEY_FORMAT
    workers: int = 1

    @property
    def key(self) -> str:
        """The step key: sha256 of these parts as canonical JSON; one worker is what a step has that names none."""
        parts = asdict(self)
        if self.workers == 1:
            del parts["workers"]
        return sha256(to_json(parts))


def library_versions(libraries: Sequence[str], *, step: str) -> dict[str, str]:
    """The installed version of each declared distribution, or `InputError` naming the one that is missing."""
    versions = {}
    for library in libraries:
        try:
            versions[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            raise InputError(
                f"step {step!r} declares the library {library!r}, which is not installed.",
                hint=f"Install it, or correct libraries=(…) of {step!r}.",
            ) from None
    return versions


def changes(step: str, before: KeyParts, now: KeyParts) -> tuple[str, ...]:
    """What differs between two keys of a step, in words: "parameter model.epochs 5 → 8"."""
    differences = []
    if before.code != now.code:
        differences.append("code changed")
    for what, old, new in (
        ("parameter", before.parameters, now.parameters),
        ("library", before.libraries, now.libraries),
    ):
        for name in sorted(set(old) | set(new)):
            if old.get(name) != new.get(name):
                shown = f"{step}.{name}" if what == "parameter" else name
                values = [str(side.get(name, "absent")) for side in (old, new)]
                # Two digests tell a reader nothing but that they differ.
                how = "changed" if all(map(_DIGEST.fullmatch, values)) else " → ".join(values)
                differences.append(f"{what} {shown} {how}")
    differences.extend(
        f"input {name} changed"
        for name in sorted(set(before.inputs) | set(now.inputs))
        if before.inputs.get(name) != now.inputs.get(name)
    )
    if before.outputs != now.outputs:
        differences.append("outputs changed")
    if before.workers != now.workers:
        differences.append(f"workers {before.workers} → {now.workers}")
    if before.python != now.python:
        differences.append(f"Python {before.python} → {now.python}")
    if before.format != now.format:
        differences.append("the key's format changed")
    return tuple(differences)
