"""`seatrial logs`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory
from seatrial.cli.output import print_lines

Run = Annotated[str | None, Parameter(help="The run, or how its name begins; without it, the newest.")]
Step = Annotated[str | None, Parameter(name="--step", help="One step alone; spark is Spark's own log.")]


def command(run: Run = None, /, *, step: Step = None, directory: Directory = Path()) -> int:
    """Show what the steps of a run printed, on the machine that ran them. A step that was cached printed nothing.

    For example:

        seatrial logs
        seatrial logs 20261124T114314 --step model
    """
    from seatrial.pipeline.running.step_logs import step_logs
    from seatrial.pipeline.workspace import state_folder

    for log in step_logs(state_folder(directory, os.environ), run=run, step=step):
        if step is None and log.step == "spark":  # thousands of lines, which who needs them asks for
            continue
        print_lines(f"==> {log.step} ({log.path})")
        print_lines(*log.lines())
    sys.stdout.flush()
    print_lines(f"Next: {Call(directory=directory).then('runs')}", file=sys.stderr)  # stdout is for a pipe
    return 0
