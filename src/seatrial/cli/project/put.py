"""`seatrial put`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Profile
from seatrial.cli.output import print_lines

if TYPE_CHECKING:
    from seatrial.pipeline.workspace import Workspace

RUNS_LOOKED_AT = 20  # a request each


def command(*paths: str, profile: Profile = "local", directory: Directory = Path()) -> int:
    """Put files into the project's store: FILES… TARGET/. Steps read them as Files("TARGET/*.csv").

    A folder's files keep their paths within it. What is there already under the same key is replaced: steps that
    read it run again.

    For example:

        seatrial put january.csv february.csv raw/
        seatrial put ./photographs raw/photographs/
    """
    from seatrial.errors import InputError
    from seatrial.pipeline.put_files import planned_keys, put_files
    from seatrial.pipeline.workspace import open_workspace

    *files, target = paths or ("",)
    if not files:
        raise InputError("files and a target are needed.", hint="Write seatrial put FILE… raw/")
    keys = planned_keys([Path(name).expanduser() for name in files], target)
    with open_workspace(directory, profile) as workspace:
        for key in put_files(keys, workspace.objects):
            print_lines(f"{keys[key]} → {key}")
        following = _following(workspace, Call(profile=profile, directory=directory))
    print_lines(f"Next: {following}")
    return 0


def _following(workspace: Workspace, call: Call) -> str:
    """A rehearsal until a run has counted; later the plan, which tells the steps that the new files concern."""
    from seatrial.errors import StoreError
    from seatrial.pipeline.running.run_records import newest_runs

    try:
        counted = any(not run.rehearsal for run in islice(newest_runs(workspace.objects), RUNS_LOOKED_AT))
    except StoreError:  # the files are there, whatever else these keys may not do
        counted = True
    if counted:
        return call.then("plan")
    data = workspace.project.data
    return call.then("run", *(["--rehearse"] if data is not None and data.validation is not None else []))
