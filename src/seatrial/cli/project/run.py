"""`seatrial run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from seatrial.cli.next_command import Call, what_is_missing
from seatrial.cli.options import Budget, Directory, Json, NoCache, Profile, Rehearse, Set
from seatrial.cli.output import print_json, print_lines, report_error
from seatrial.cli.run_progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.pipeline.project.settings import Project
    from seatrial.pipeline.running.run_result import Result


On = Annotated[
    Literal["kubectl"] | None,
    Parameter(name="--on", help="Run each step as a Job of the profile's cluster; without it, on this machine."),
]


def command(
    *,
    on: On = None,
    set_: Set = (),
    rehearse: Rehearse = False,
    no_cache: NoCache = False,
    budget: Budget = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Run the pipeline; ends with the verdict and the release.

    Exit status: 0 passed; 1 a step failed, or the release is refused here; 3 the verdict is fail or inconclusive;
    4 the same, but waived.

    For example:

        seatrial run
        seatrial run --rehearse --set model.epochs=3 --budget 20
        seatrial run --on kubectl --profile prod
    """
    from seatrial.pipeline.places.this_machine import ThisMachine
    from seatrial.pipeline.project.project_file import load_project
    from seatrial.pipeline.running.run_pipeline import OpenPlace, run_pipeline
    from seatrial.pipeline.running.run_result import conclude
    from seatrial.pipeline.steps.load_pipeline import load_pipeline
    from seatrial.pipeline.workspace import open_project
    from seatrial.report.terminal.verdict import verdict_lines, verdict_table

    open_place: OpenPlace = ThisMachine
    if on is not None:
        from seatrial.pipeline.places.kubernetes_jobs import KubernetesJobs

        open_place = KubernetesJobs
    project = load_project(directory)
    sets = set_ if budget is None else (*set_, f"assess.budget_s={budget:g}")
    pipeline = load_pipeline(project, sets=sets, rehearse=rehearse)
    with open_project(project, profile) as workspace:
        with progress(live=sys.stderr.isatty() and not json, reading=not json) as shown:
            finished = run_pipeline(
                pipeline.graph,
                pipeline.parameters,
                workspace,
                shown,
                rehearse=rehearse,
                use_cache=not no_cache,
                open_place=open_place,
            )
        result = conclude(finished, workspace)
    if json:
        print_json(result.as_document())
        return result.exit_status
    if finished.error is not None:
        return report_error(finished.error, as_json=False)
    if result.trial is not None and result.verdict is not None:
        if sys.stdout.isatty():
            from rich.console import Console

            Console().print(verdict_table(result.verdict, result.trial))
        else:
            print_lines(*verdict_lines(result.verdict, result.trial))
    call = Call(profile=profile, directory=directory, sets=set_, budget=budget, on=on)
    print_lines(*closing_lines(result, project, call))
    return result.exit_status


def closing_lines(result: Result, project: Project, call: Call) -> Iterator[str]:
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
