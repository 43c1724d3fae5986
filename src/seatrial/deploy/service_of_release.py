"""From what was asked for to what is deployed: the project, its store, the release in it, verified as of now."""

from __future__ import annotations

import os
from pathlib import Path

from seatrial.deploy.admission import prepare_service
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.errors import InputError
from seatrial.pipeline.open_release import verified_release
from seatrial.pipeline.project.cluster_profile import require_cluster_profile
from seatrial.pipeline.project.project_file import find_profile, load_project
from seatrial.pipeline.project.settings import ProfileSettings, Project
from seatrial.releases.keys import seatrial_home
from seatrial.releases.source import is_folder
from seatrial.releases.trust import TRUST_FILE


def request_service(
    reference: str | None, *, directory: Path, profile: str, trust: Path | None = None, digest: str | None = None
) -> ServiceSettings:
    """The service of the release that `reference` means (None: the newest that passed) under a profile.

    `digest` is that of its release.json, where it has to be one. Raises `Refused` for a release that may not be
    deployed, `Problems` for a profile that no cluster could use.
    """
    if reference is not None and is_folder(reference):
        raise InputError(
            "the service reads its release from the store, and not from this machine.",
            path=reference,
            hint="Name it as the store knows it: name@version.",
        )
    project, chosen = load_cluster_profile(directory, profile)  # before any store is opened
    trusted = trust or seatrial_home(os.environ) / TRUST_FILE
    verified = verified_release(
        reference, directory=directory, profile=profile, trust=trusted, passed=True, digest=digest
    )
    return prepare_service(
        verified,
        profile,
        chosen,
        trust=trusted.read_text(encoding="utf-8"),
        path=project.path,
    )


def load_cluster_profile(directory: Path, profile: str) -> tuple[Project, ProfileSettings]:
    """The project, and the profile of it that a service runs under; `Problems` for one that no cluster could use."""
    project = load_project(directory)
    chosen = find_profile(project, profile)
    require_cluster_profile(profile, chosen, path=project.path)
    return project, chosen
