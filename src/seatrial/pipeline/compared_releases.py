"""Releases that a model is compared with: found and verified before anything is measured, never the model itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime

from seatrial.errors import InputError, Refused
from seatrial.pipeline.jobs.step_values import AgainstInput
from seatrial.pipeline.workspace import Workspace
from seatrial.releases.keys import seatrial_home
from seatrial.releases.release import PACKAGE, Release
from seatrial.releases.source import list_versions, locate, parse_title, read_release
from seatrial.releases.trust import TRUST_FILE, Trust, load_trust
from seatrial.releases.verify import Verification, verify
from seatrial.stores.artifacts import read_manifest
from seatrial.stores.documents import sha256, to_json
from seatrial.verdicts.policy import Policy

NEWEST_PASSED = "newest_passed"
NONE = "none"  # in place of a digest, in keys
_GRAPH = "model.onnx"


def find_reference(reference: str, model: str, workspace: Workspace) -> AgainstInput:
    """The release that `named` means now for the model package of that digest.

    "newest_passed" is the newest that passed, verifies and answers by another graph; there may be none. A release that
    is named by its version has to be there, to verify, and to be another model.
    """
    graph = read_manifest(workspace.objects, model).files[_GRAPH].sha256
    if reference != NEWEST_PASSED:
        verified = _verified(reference, workspace).require()
        if verified.release is None or _graph_of(verified.release) == graph:
            raise InputError(
                f"no_worse_than = {reference!r} is this very model, and comparing it with itself would show nothing.",
                path=workspace.project.path,
                hint=f'Name another release, or "{NEWEST_PASSED}".',
            )
        return AgainstInput(reference, reference, verified.digest or NONE)
    name = workspace.project.name
    revoked = _trust().revoked if list_versions(workspace.objects, name) else ()
    for version in reversed(list_versions(workspace.objects, name)):
        release = read_release(workspace.objects, name, version)
        if release.verdict != "pass" or _graph_of(release) == graph or sha256(to_json(release)) in revoked:
            continue
        verified = _verified(release.title, workspace).require()  # one that was tampered with is told, not passed over
        return AgainstInput(reference, release.title, verified.digest or NONE)
    return AgainstInput(reference, None, NONE)


def open_reference(against: AgainstInput, workspace: Workspace) -> Mapping[str, bytes] | None:
    """The package of the release that was found, verified once more as it is read; None where there was none."""
    if against.title is None:
        return None
    verified = _verified(against.title, workspace).require()
    if verified.digest != against.digest:
        raise Refused(
            "it is not the release any more that this run found.",
            path=against.title,
            hint="Find out who wrote another one there, and run again.",
        )
    return verified.package


def check_some_requirement_applies(policy: Policy, references: Mapping[str, AgainstInput], path: str) -> None:
    """`InputError` where all that the policy asks is a comparison with releases of which there is none yet."""
    missing = {name for name, against in references.items() if against.title is None}
    if policy.require and all(requirement.no_worse_than in missing for requirement in policy.require):
        raise InputError(
            f"the policy asks only for comparisons with {', '.join(sorted(missing))}, and there is none yet.",
            path=path,
            hint='Ask for something of the first model too, such as no_worse_than = "baseline"; no use was counted.',
        )


def _graph_of(release: Release) -> str | None:
    entry = release.files.get(f"{PACKAGE}{_GRAPH}")
    return None if entry is None else entry.sha256


def _verified(title: str, workspace: Workspace) -> Verification:
    parse_title(title)
    return verify(locate(title, workspace.objects), _trust(), now=datetime.now(UTC))


def _trust() -> Trust:
    return load_trust(seatrial_home(os.environ) / TRUST_FILE)
