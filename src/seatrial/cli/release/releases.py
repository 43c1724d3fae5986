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
        found = list_releases(workspace.objects, workspace.project.name)
    if json:
        print_json(
            {
                "releases": [
                    {
                        "release": one.title,
                        "digest": sha256(to_json(one)),
                        "created": one.created,
                        "verdict": one.verdict,
                        "model": one.model,
                        "policy": one.policy,
                        "use": one.test_data.use,
                    }
                    for one in found
                ]
            }
        )
        return 0
    for one in found:
        print_lines(
            f"{one.title:20}  {one.created}  {one.verdict:12}  model {one.model[:12]}…  use {one.test_data.use}"
        )
    call = Call(profile=profile, directory=directory)
    if not found:
        print_lines("No release yet.")
    print_lines(f"Next: {call.then('verify', found[-1].title) if found else call.then('run')}")
    return 0
