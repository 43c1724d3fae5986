"""`seatrial run`."""

from __future__ import annotations

import sys
from pathlib import Path

from seatrial.cli.options import Budget, Directory, Json, NoCache, Profile, Rehearse, Set
from seatrial.cli.output import print_json, report_error
from seatrial.cli.run_progress import progress


def command(
    *,
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
    """
    from seatrial.pipeline.project.project_file import load_project
    from seatrial.pipeline.running.run_pipeline import run_pipeline
    from seatrial.pipeline.running.run_result import conclude
    from seatrial.pipeline.steps.load_pipeline import load_pipeline
    from seatrial.pipeline.workspace import open_project
    from seatrial.report.terminal import verdict_lines, verdict_table

    if budget is not None:
        set_ = (*set_, f"assess.budget_s={budget:g}")
    project = load_project(directory)
    pipeline = load_pipeline(project, sets=set_, rehearse=rehearse)
    with open_project(project, profile) as workspace:
        with progress(live=sys.stderr.isatty() and not json, reading=not json) as shown:
            finished = run_pipeline(
                pipeline.graph, pipeline.parameters, workspace, shown, rehearse=rehearse, use_cache=not no_cache
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
            print("\n".join(verdict_lines(result.verdict, result.trial)))
    print("\n".join(result.closing_lines()))
    return result.exit_status
