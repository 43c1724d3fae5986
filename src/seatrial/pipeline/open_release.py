"""From what was asked for to a release that was verified: the project and its store, or an exported folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from seatrial.errors import InputError, Refused
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.workspace import open_project
from seatrial.releases.keys import seatrial_home
from seatrial.releases.source import ReleaseSource, is_folder, locate
from seatrial.releases.trust import TRUST_FILE, Trust, load_trust
from seatrial.releases.verify import Verification, verify


@contextmanager
def open_release(
    reference: str | None, *, directory: Path, profile: str = "local", passed: bool = False
) -> Iterator[ReleaseSource]:
    """The release that `reference` means, while its store is open. An exported folder needs no project and no store.

    None means the project's newest; with `passed`, the newest that says it passed.
    """
    if reference is not None and is_folder(reference):
        yield locate(reference, None)
        return
    project = load_project(directory)
    with open_project(project, profile) as workspace:
        yield locate(reference, workspace.objects, project=project.name, passed=passed)


def trusted_by(trust: Path | None) -> Trust:
    """The deployer's trust: the given file, or the account's own."""
    if trust is not None and not trust.exists():
        raise InputError("the file does not exist.", path=str(trust), hint="Correct the path after --trust.")
    return load_trust(trust or seatrial_home(os.environ) / TRUST_FILE)


def verified_release(
    reference: str | None,
    *,
    directory: Path,
    profile: str = "local",
    trust: Path | None = None,
    passed: bool = False,
    digest: str | None = None,
    expect_name: str | None = None,
    expect_version: int | None = None,
) -> Verification:
    """What verifying the release now came to, its files in memory; `trust` is the deployer's file (None: the own).

    `Refused` where its release.json has another digest than the one asked for.
    """
    with open_release(reference, directory=directory, profile=profile, passed=passed) as source:
        verified = verify(
            source, trusted_by(trust), now=datetime.now(UTC), expect_name=expect_name, expect_version=expect_version
        )
    if digest is not None and verified.ok and verified.digest != digest.removeprefix("sha256:"):
        raise Refused(
            f"release.json has the digest {verified.digest}, not {digest}.",
            path=verified.label,
            hint="Ask for the digest that `seatrial verify` names, and find out who wrote another release there.",
        )
    return verified
