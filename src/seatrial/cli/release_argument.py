"""The RELEASE that commands take, opened; and the trust file it is held against."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from seatrial.releases.source import ReleaseSource
    from seatrial.releases.trust import Trust

TrustFile = Annotated[
    Path | None,
    Parameter(name="--trust", help="Whom to trust. Default: trust.toml in SEATRIAL_HOME (~/.config/seatrial)."),
]


@contextmanager
def opened(reference: str | None, *, directory: Path, profile: str, passed: bool = False) -> Iterator[ReleaseSource]:
    """The release that `reference` means. A folder needs no project; None means the project's newest (that passed)."""
    from seatrial.releases.source import as_folder, locate

    if (folder := as_folder(reference)) is not None:
        yield folder
        return
    from seatrial.pipeline.workspace import open_workspace

    with open_workspace(directory, profile) as workspace:
        yield locate(reference, workspace.objects, project=workspace.project.name, passed=passed)


def trusted(trust: Path | None) -> Trust:
    """The given trust file, or the user's own."""
    from seatrial.releases.keys import seatrial_home
    from seatrial.releases.trust import TRUST_FILE, load_trust

    return load_trust(trust or seatrial_home(os.environ) / TRUST_FILE)
