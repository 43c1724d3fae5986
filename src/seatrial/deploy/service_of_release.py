"""From what was asked for to what is deployed: the project, its store, the release in it, verified as of now."""

from __future__ import annotations

import os
from pathlib import Path

from seatrial.deploy.admission import prepare_service
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.errors import InputError
from seatrial.pipeline.open_release import verified_release
from seatrial.pipeline.project.cluster_profile import require_cluster_profile
from seatrial.pipeline.project.project_file import load_project
from seatrial.releases.keys import seatrial_home
from seatrial.releases.source import is_folder
from seatrial.releases.trust import TRUST_FILE


def request_service(
    reference: str | None, *, directory: Path, profile: str, trust: Path | None = None
) -> ServiceSettings:
    """The service of the release that `reference` means (None: the newest that passed) under a profile.

    Raises `Refused` for a release that may not be deployed, `Problems` for a profile that no cluster could use.
    """
    if reference is not None and is_folder(reference):
        raise InputError(
            "the service reads its release from the store, and not from this machine.",
            path=reference,
            hint="Name it as the store knows it: name@version.",
        )
    project = load_project(directory)
    chosen = project.profiles.get(profile)
    if chosen is not None:
        require_cluster_profile(profile, chosen, path=project.path)  # before any store is opened
    trusted = trust or seatrial_home(os.environ) / TRUST_FILE
    verified = verified_release(reference, directory=directory, profile=profile, trust=trusted, passed=True)
    return prepare_service(
        verified,
        profile,
        project.profiles[profile],
        trust=trusted.read_text(encoding="utf-8"),
        path=project.path,
    )
