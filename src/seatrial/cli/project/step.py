"""`seatrial step`: one step, as a child of a run or in a container of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.options import Directory, NoCache, Profile, Rehearse, Set
from seatrial.cli.output import print_json

Job = Annotated[
    str | None,
    Parameter(
        help="The pinned job that a run wrote: its file or, with --code, its sha256. Without it, inputs come from the "
        "cache."
    ),
]
Code = Annotated[
    str | None, Parameter(help="The artifact that holds the project's code, in the store of SEATRIAL_STORE: in a pod.")
]
Run = Annotated[str, Parameter(help="The run that this step belongs to.")]
Expects = Annotated[
    tuple[str, ...],
    Parameter(
        negative="",
        show_default=False,
        help="A version that the step's key has where the run was asked for (torch=2.13.0): refused where it is "
        "another. With --code and without --job, in a task of a run.",
    ),
]
Replace = Annotated[bool, Parameter(negative="", help="Replace the cache record instead of keeping the first.")]


def command(
    name: str,
    *,
    job: Job = None,
    code: Code = None,
    run: Run = "step",
    replace: Replace = False,
    expects: Expects = (),
    set_: Set = (),
    rehearse: Rehearse = False,
    no_cache: NoCache = False,
    profile: Profile = "local",
    directory: Directory = Path(),
) -> int:
    """Run one step and print its cache record; of several workers rank 0 does.

    For example:

        seatrial step model --set model.epochs=3
    """
    from seatrial.pipeline.running import step_command

    if code is not None:
        import os

        from seatrial.pipeline.tasks.key_vault import open_vaults

        open_vaults(os.environ)
    if code is not None and job is not None:
        from seatrial.pipeline.places.remote_step import run_remote_step

        run_remote_step(
            name, run=run, profile=profile, code=code, job=job, replace_record=replace, environment=os.environ
        )
    elif code is not None:
        from seatrial.pipeline.tasks.run_task import Task, run_task

        run_task(Task(name, run, profile, code, expects, set_, rehearse, use_cache=not no_cache))
    elif job is None:
        record = step_command.run_step(name, run, directory, profile, sets=set_, rehearse=rehearse, replace=replace)
        if record is not None:
            print_json(step_command.as_document(record))
    else:
        step_command.run_job(Path(job), run, directory, profile, replace=replace)
    return 0
