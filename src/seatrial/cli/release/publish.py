"""`seatrial publish`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Trust
from seatrial.cli.output import print_json, print_lines


def command(
    release: str | None = None,
    /,
    *,
    profile: Annotated[str, Parameter(name=["--profile", "-p"], help="The store it goes to: a [profile.X].")],
    source: Annotated[str, Parameter(name="--from", help="The store it is in: a [profile.X].")] = "local",
    trust: Trust = None,
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Copy a release into the store of another profile, and verify it there.

    Without RELEASE: the newest that passed. Name, version and digests stay the same. One that does not verify is
    refused (1), and so is one whose name and version that store has given to another.

    For example:

        seatrial publish census@2 --profile prod
        seatrial publish census@2 --from staging --profile prod
        seatrial publish ./census-2 --profile prod
    """
    from seatrial.errors import InputError
    from seatrial.pipeline.open_release import open_release, trusted_by, verified_release
    from seatrial.pipeline.workspace import open_workspace
    from seatrial.releases.publish import publish_release
    from seatrial.releases.verify import verify

    if profile == source:
        raise InputError("a release is not copied onto itself.", path="--profile", hint="Name another profile.")
    trusted = trusted_by(trust)
    with (
        open_release(release, directory=directory, profile=source, passed=True) as files,
        open_workspace(directory, profile) as workspace,
    ):
        verified = verify(files, trusted, now=datetime.now(UTC)).require()
        count = publish_release(verified, files, workspace.objects)
    assert verified.release is not None  # noqa: S101 — it verified
    title = verified.release.title
    verified_release(title, directory=directory, profile=profile, trust=trust, digest=verified.digest).require()
    if json:
        print_json({"release": title, "digest": verified.digest, "profile": profile, "files": count})
        return 0
    print_lines(f"Published {title} to the store of {profile}: {count} files, verified there.")
    call = Call(profile=profile, directory=directory, trust=trust)
    following = ("deploy", title, "--to", "kubectl") if verified.deployable else ("report", title)
    print_lines(f"Next: {call.then(*following)}")
    return 0
