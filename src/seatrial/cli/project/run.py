"""`seatrial run`."""

from __future__ import annotations

import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Budget, Directory, Json, NoCache, Parallel, Profile, Rehearse, Set
from seatrial.cli.project.run_ending import tell_result
from seatrial.cli.run_progress import progress

On = Annotated[
    Literal["kubectl", "kubeflow", "azureml"] | None,
    Parameter(
        name="--on",
        help="Run each step as a Job of the profile's cluster, a task of its Kubeflow or a component of Azure ML; "
        "without it, here.",
    ),
]
Detach = Annotated[
    bool,
    Parameter(name="--detach", negative="", show_default=False, help="Leave the run to the cluster, and return."),
]

DryRun = Annotated[
    bool,
    Parameter(name="--dry-run", negative="", show_default=False, help="Print what would be sent, and send nothing."),
]
Output = Annotated[
    Path | None,
    Parameter(name="--output", help="The folder for the documents of --on azureml, which Azure's own tool sends."),
]
Schedule = Annotated[
    str | None,
    Parameter(name="--schedule", help='Have the cluster start a run at these times (cron, UTC): "0 3 * * *".'),
]


def command(
    *,
    on: On = None,
    detach: Detach = False,
    dry_run: DryRun = False,
    schedule: Schedule = None,
    output: Output = None,
    set_: Set = (),
    rehearse: Rehearse = False,
    no_cache: NoCache = False,
    budget: Budget = None,
    parallel: Parallel = 4,
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
        seatrial run --on kubectl --profile prod --detach
    """
    from seatrial.errors import InputError
    from seatrial.pipeline.driver.run_options import RunOptions
    from seatrial.pipeline.places.this_machine import ThisMachine
    from seatrial.pipeline.project.project_file import load_project
    from seatrial.pipeline.running.run_pipeline import OpenPlace, run_pipeline
    from seatrial.pipeline.running.run_records import TOKEN_BYTES, Origin, new_identity
    from seatrial.pipeline.running.run_result import conclude
    from seatrial.pipeline.steps.load_pipeline import load_pipeline
    from seatrial.pipeline.workspace import open_project

    for option, chosen in (("--detach", detach), ("--dry-run", dry_run), ("--schedule", schedule is not None)):
        if chosen and on is None:
            raise InputError(f"{option} needs a cluster, and none was named.", hint="Add --on kubectl.")
    if on != "azureml" and output is not None:
        raise InputError("--output is for --on azureml: other documents are sent.", hint="Print them: --dry-run.")
    if on == "azureml" and detach:
        raise InputError("--detach is for a run that Seatrial sends, and Azure ML's it does not.", hint="Leave it out.")
    project = load_project(directory)
    sets = set_ if budget is None else (*set_, f"assess.budget_s={budget:g}")
    options = RunOptions(sets=sets, rehearse=rehearse, use_cache=not no_cache, steps_at_once=parallel)
    pipeline = load_pipeline(project, sets=sets, rehearse=rehearse)
    call = Call(profile=profile, directory=directory, sets=set_, budget=budget, on=on)
    now, token = datetime.now(UTC), secrets.token_hex(TOKEN_BYTES)
    with open_project(project, profile) as workspace:
        open_place: OpenPlace = ThisMachine
        if on is not None:
            from seatrial.cli.project import submission
            from seatrial.pipeline.project.cluster_profile import is_driven_there

            request = submission.Submission(pipeline, workspace, options, call, now, token, as_json=json)
            if on == "azureml":
                from seatrial.cli.project import azureml_submission

                return azureml_submission.prepare(request, schedule=schedule, dry_run=dry_run, output=output)
            if schedule is not None:
                return submission.submit_schedule(request, on, schedule, dry_run=dry_run)
            if dry_run:
                return submission.print_documents(request, on)
            if on == "kubeflow" or detach or is_driven_there(workspace.profile):
                return submission.submit(request, on, detach=detach)
            from seatrial.pipeline.places.kubernetes_jobs import KubernetesJobs

            open_place = KubernetesJobs
        identity = new_identity(now, token, Origin(os.uname().nodename, f"by hand: {user_name()}"))
        with progress(live=sys.stderr.isatty() and not json, reading=not json) as shown:
            finished = run_pipeline(
                pipeline.graph,
                pipeline.parameters,
                workspace,
                shown,
                rehearse=rehearse,
                use_cache=not no_cache,
                steps_at_once=parallel,
                open_place=open_place,
                identity=identity,
            )
        result = conclude(finished, workspace)
    return tell_result(result, project, call, as_json=json)


def user_name() -> str:
    """Who calls, as far as the machine says: an account may have a number alone."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
