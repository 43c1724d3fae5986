"""How a run ended, told at the end of `run` and of `runs follow`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from seatrial.cli.next_command import what_is_missing
from seatrial.cli.output import print_json, print_lines, report_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.cli.next_command import Call
    from seatrial.pipeline.project.settings import Project
    from seatrial.pipeline.running.run_result import Result


def tell_result(result: Result, project: Project, call: Call, *, as_json: bool) -> int:
    """Prints the verdict, the release and the next command, or the error; returns the exit status."""
    from seatrial.report.terminal.verdict import verdict_lines, verdict_table

    if as_json:
        print_json(result.as_document())
        return result.exit_status
    if result.error is not None:
        return report_error(result.error, as_json=False)
    if result.trial is not None and result.verdict is not None:
        if sys.stdout.isatty():
            from rich.console import Console

            Console().print(verdict_table(result.verdict, result.trial))
        else:
            print_lines(*verdict_lines(result.verdict, result.trial))
    print_lines(*_closing_lines(result, project, call))
    return result.exit_status


def _closing_lines(result: Result, project: Project, call: Call) -> Iterator[str]:
    """The release, whether it can be deployed, and the next command that makes sense."""
    yield from result.notes
    if result.record.rehearsal:
        yield "Rehearsed on validation: nothing was counted or released."
        if result.exit_status == 0:
            yield f"Next: {call.then('run')}"
        else:
            yield f"Next: change the model, then {call.then('run', '--rehearse')}"
    elif result.release is None:
        yield f"Next: {what_is_missing(project)}, then {call.then('run')}"
    else:
        title = f"{result.release.name}@{result.release.version}"
        if result.refused is not None:
            yield str(result.refused)
            yield f"Next: {call.then('verify', title)}"
            return
        if result.deployable:
            how = "" if result.exit_status == 0 else f", under {len(result.waived)} waiver(s)"
            yield f"Release {title}: can be deployed{how}."
        else:
            yield f"Release {title}: signed with its verdict, and cannot be deployed."
        yield f"Next: {call.then('report', title)}"
