"""`seatrial gc`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile
from seatrial.cli.output import print_json, print_lines

DEFAULT_AGE_HOURS = 24.0  # longer than a step runs that has not yet written its record
MIB = 2**20


def command(
    *,
    dry_run: Annotated[bool, Parameter(help="Show what would be removed, and remove nothing.", negative="")] = False,
    older_than: Annotated[
        float, Parameter(help="Age in hours below which nothing is touched.", validator=Number(gte=0))
    ] = DEFAULT_AGE_HOURS,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Remove what no run record, release or test use needs: artifacts, cache records, tables' snapshots and files.

    For example:

        seatrial gc --dry-run
    """
    from dataclasses import asdict
    from datetime import UTC, datetime, timedelta

    from seatrial.pipeline.garbage.collect import collect_garbage, find_garbage
    from seatrial.pipeline.workspace import open_workspace

    limit = datetime.now(UTC) - timedelta(hours=older_than)
    with open_workspace(directory, profile) as workspace:
        garbage = (find_garbage if dry_run else collect_garbage)(workspace, older_than=limit)
    after = garbage.before_bytes - garbage.freed_bytes
    if json:
        print_json(
            {
                "dry_run": dry_run,
                "older_than_hours": older_than,
                "before_bytes": garbage.before_bytes,
                "after_bytes": after,
                "removed": [asdict(removed) for removed in garbage.removed],
                "notes": list(garbage.notes),
            }
        )
        return 0
    for removed in garbage.removed:
        print_lines(f"{removed.kind:12}  {removed.size_bytes / MIB:10.3f} MiB  {removed.name!r}".replace("'", ""))
    for note in garbage.notes:
        print_lines(note)
    would = "would be " if dry_run else ""
    print_lines(
        f"{len(garbage.removed)} {would}removed, all older than {older_than:g} h: "
        f"{garbage.before_bytes / MIB:.3f} MiB before, {after / MIB:.3f} MiB after."
    )
    call = Call(profile=profile, directory=directory)
    print_lines(f"Next: {call.then('gc' if dry_run and garbage.removed else 'runs')}")
    return 0
