"""`seatrial releases`."""

from __future__ import annotations

from pathlib import Path

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile
from seatrial.cli.output import print_json, print_lines


def command(*, profile: Profile = "local", directory: Directory = Path(), json: Json = False) -> int:
    """List the releases of this project, as they state themselves: `seatrial verify` says whether that is true.

    For example:

        seatrial releases
        seatrial releases --json
    """
    from seatrial.pipeline.workspace import open_workspace
    from seatrial.releases.source import list_releases
    from seatrial.stores.documents import sha256, to_json

    with open_workspace(directory, profile) as workspace:
        releases = list_releases(workspace.objects, workspace.project.name)
    if json:
        print_json(
            {
                "releases": [
                    {
                        "release": release.title,
                        "digest": sha256(to_json(release)),
                        "created": release.created,
                        "verdict": release.verdict,
                        "model": release.model,
                        "policy": release.policy,
                        "use": release.test_data.use,
                    }
                    for release in releases
                ]
            }
        )
        return 0
    for release in releases:
        print_lines(
            f"{release.title:20}  {release.created}  {release.verdict:12}  "
            f"model {release.model[:12]}…  use {release.test_data.use}"
        )
    call = Call(profile=profile, directory=directory)
    if not releases:
        print_lines("No release yet.")
    print_lines(f"Next: {call.then('verify', releases[-1].title) if releases else call.then('run')}")
    return 0
