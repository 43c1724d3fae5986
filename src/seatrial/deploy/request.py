"""From what was asked for to what is deployed: the project, its store, the release in it, verified as of now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from seatrial.deploy.admission import prepare_service, require_cluster_profile
from seatrial.deploy.service import ServiceSettings
from seatrial.errors import InputError
from seatrial.pipeline.project import load_project
from seatrial.pipeline.workspace import open_project
from seatrial.releases.keys import seatrial_home
from seatrial.releases.source import ReleaseFolder, locate
from seatrial.releases.trust import TRUST_FILE, load_trust
from seatrial.releases.verify import verify


def request_service(
    reference: str | None, *, directory: Path, profile: str, environment: Mapping[str, str], now: datetime
) -> ServiceSettings:
    """The service of the release that `reference` means (None: the newest that passed) under a profile.

    Raises `Refused` for a release that may not be deployed, `Problems` for a profile that no cluster could use.
    """
    project = load_project(directory)
    if (chosen := project.profiles.get(profile)) is not None:
        require_cluster_profile(profile, chosen, path=project.path)  # before any store is opened
    with open_project(project, profile) as workspace:
        source = locate(reference, workspace.objects, project=project.name, passed=True)
        if isinstance(source, ReleaseFolder):
            raise InputError(
                "the service reads its release from the store, and not from this machine.",
                path=source.label,
                mend="Name it as the store knows it: name@version.",
            )
        trusted = seatrial_home(environment) / TRUST_FILE
        verified = verify(source, load_trust(trusted), now=now)
        return prepare_service(
            verified,
            profile,
            workspace.profile,
            trust=trusted.read_text(encoding="utf-8"),
            path=project.path,
        )
