"""`seatrial runs`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile
from seatrial.cli.output import print_json, print_lines


def command(
    *,
    newest: Annotated[int, Parameter(help="How many runs to list.", validator=Number(gte=1))] = 20,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """List the runs of this project, newest first.

    For example:

        seatrial runs --newest 5
    """
    from seatrial.pipeline.running.run_records import newest_runs
    from seatrial.pipeline.workspace import open_workspace

    with open_workspace(directory, profile) as workspace:
        found = list(islice(newest_runs(workspace.objects), newest))
    if json:
        shown = ("run", "started", "profile", "rehearsal", "ending", "release", "verdict")
        print_json({"runs": [{name: getattr(one, name) for name in shown} for one in found]})
        return 0
    for one in found:
        what = "rehearsal" if one.rehearsal else one.release or "no release"
        print_lines(f"{one.run}  {one.ending:11}  {what}  {one.verdict or ''}".rstrip())
    call = Call(profile=profile, directory=directory)
    if not found:
        print_lines("No run yet.")
    print_lines(f"Next: {call.then('releases' if any(one.release for one in found) else 'run')}")
    return 0
