"""`seatrial plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.cli.next_command import Call, what_is_missing
from seatrial.cli.options import Directory, Json, NoCache, Profile, Rehearse, Set
from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from seatrial.pipeline.project.settings import Project
    from seatrial.pipeline.running.plan import Plan


def command(
    *,
    set_: Set = (),
    rehearse: Rehearse = False,
    no_cache: NoCache = False,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Show which steps would run, which are cached, and why.

    For example:

        seatrial plan
        seatrial plan --set model.epochs=3
    """
    from seatrial.pipeline.project.project_file import load_project
    from seatrial.pipeline.running.plan import make_plan
    from seatrial.pipeline.steps.load_pipeline import load_pipeline
    from seatrial.pipeline.workspace import open_project

    project = load_project(directory)
    pipeline = load_pipeline(project, sets=set_, rehearse=rehearse)
    with open_project(project, profile) as workspace:
        plan = make_plan(pipeline.graph, pipeline.parameters, workspace, use_cache=not no_cache)
    if json:
        steps = [
            {"name": step.name, "state": step.state, "key": step.key, "reason": step.reason} for step in plan.steps
        ]
        print_json({"steps": steps})
        return 0
    width = max(len(step.name) for step in plan.steps)
    for step in plan.steps:
        print_lines(f"{step.name:{width}}  {step.reason if step.state == 'cached' else f'runs: {step.reason}'}")
    call = Call(profile=profile, directory=directory, sets=set_, no_cache=no_cache)
    print_lines(f"Next: {_following(plan, project, call, rehearse=rehearse)}")
    return 0


def _following(plan: Plan, project: Project, call: Call, *, rehearse: bool) -> str:
    """The command that helps now: a run where something has to run, else one that uses what is cached."""
    if not plan.done:
        return call.then("run", *(["--rehearse"] if rehearse else []))
    if plan.release is not None:
        return call.then("report", f"{plan.release.name}@{plan.release.version}")
    if rehearse and "assess" in {step.name for step in plan.steps}:
        return f"{call.then('run', '--rehearse')} shows its verdict again; {call.then('run')} is the one that counts"
    return f"{what_is_missing(project)}, then {call.then('run')}"
