"""A run that a cluster drives, followed until it ends or whoever follows leaves."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from seatrial.cli import INTERRUPTED
from seatrial.cli.output import print_lines
from seatrial.cli.project.run_ending import tell_result
from seatrial.cli.run_progress import progress

if TYPE_CHECKING:
    from seatrial.cli.next_command import Call
    from seatrial.pipeline.running.run_records import RunRecord
    from seatrial.pipeline.workspace import Workspace

END = "end"


def follow(record: RunRecord, workspace: Workspace, call: Call, *, as_json: bool) -> int:
    """Shows the run as one of this machine is shown; Ctrl-C leaves it running, unless it is told to end it."""
    from seatrial.pipeline.driver.follow import follow_run
    from seatrial.pipeline.driver.stop import stop_run
    from seatrial.pipeline.running.run_result import conclude_tasks

    try:
        with progress(live=sys.stderr.isatty() and not as_json, reading=not as_json) as shown:
            finished = follow_run(record, workspace, shown)
    except KeyboardInterrupt:
        if _asked_to_end():
            stop_run(record, workspace)
            print_lines(f"Run {record.run} was ended; what was finished is kept.", file=sys.stderr)
        else:
            print_lines(
                f"Run {record.run} goes on in the cluster.",
                f"Next: {call.then('runs', 'follow', record.run)}; to end it: {call.then('runs', 'stop', record.run)}",
                file=sys.stderr,
            )
        return INTERRUPTED
    return tell_result(conclude_tasks(finished, workspace), workspace.project, call, as_json=as_json)


def _asked_to_end() -> bool:
    """Whether a person says so; without a terminal nobody does, and the run goes on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print_lines("", f'Enter leaves the run to the cluster; "{END}" ends it.', file=sys.stderr)
    with suppress(EOFError, KeyboardInterrupt):
        return sys.stdin.readline().strip().lower() == END
    return False
