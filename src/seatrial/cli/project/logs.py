"""`seatrial logs`."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Profile
from seatrial.cli.output import print_lines

Run = Annotated[str | None, Parameter(help="The run, or how its name begins; without it, the newest.")]
Step = Annotated[str | None, Parameter(name="--step", help="One step alone; spark is Spark's own log.")]


def command(run: Run = None, /, *, step: Step = None, profile: Profile = "local", directory: Directory = Path()) -> int:
    """Show what the steps of a run printed. A step that was cached printed nothing.

    Under a profile with a store, the logs of runs of other machines are read from there.

    For example:

        seatrial logs
        seatrial logs 20261124T114314 --step model --profile prod
    """
    from seatrial.pipeline.running.step_logs import step_logs
    from seatrial.pipeline.workspace import open_workspace, state_folder

    with ExitStack() as stack:
        # The store of the profile "local" has no logs but those that this machine has: it is not started for them.
        workspace = None if profile == "local" else stack.enter_context(open_workspace(directory, profile))
        store = None if workspace is None else workspace.objects
        for log in step_logs(state_folder(directory, os.environ), run=run, step=step, store=store):
            if step is None and log.step == "spark":  # thousands of lines, which who needs them asks for
                continue
            print_lines(f"==> {log.step} ({log.place})")
            print_lines(*log.lines())
    sys.stdout.flush()
    then = Call(profile=profile, directory=directory).then("runs")
    print_lines(f"Next: {then}", file=sys.stderr)  # stdout is for a pipe
    return 0
