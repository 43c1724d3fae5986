"""`seatrial drive`: a run, as the pod of its driver drives it."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.options import NoCache, Parallel, Profile, Rehearse, Set
from seatrial.cli.output import report_error
from seatrial.cli.run_progress import progress

Run = Annotated[str | None, Parameter(name="--run", help="The run; without it, the one of the schedule's Job.")]
Code = Annotated[str, Parameter(name="--code", help="The artifact that holds the project's code.")]


def command(
    *,
    run: Run = None,
    code: Code,
    set_: Set = (),
    rehearse: Rehearse = False,
    no_cache: NoCache = False,
    parallel: Parallel = 4,
    profile: Profile,
) -> int:
    """Drive a run from within a cluster. Exit status: 0 it ended, 75 to be tried again, else as `seatrial run`."""
    from seatrial.errors import SeatrialError
    from seatrial.pipeline.driver.drive import DriverArguments, drive, is_temporary
    from seatrial.pipeline.driver.driver_manifest import TRY_AGAIN
    from seatrial.pipeline.driver.run_options import RunOptions

    options = RunOptions(sets=set_, rehearse=rehearse, use_cache=not no_cache, steps_at_once=parallel)
    try:
        with progress(live=False, reading=False) as shown:
            error = drive(DriverArguments(run, profile, code, options), shown, os.environ)
    except SeatrialError as raised:
        status = report_error(raised, as_json=False)
        return TRY_AGAIN if is_temporary(raised) else status
    return 0 if error is None else report_error(error, as_json=False)
