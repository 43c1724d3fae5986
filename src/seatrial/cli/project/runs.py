"""`seatrial runs`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile
from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seatrial.pipeline.running.run_records import ErrorDocument, RunRecord, StepRecord

Run = Annotated[str, Parameter(help="The run, or how its name begins.")]
StepName = Annotated[str | None, Parameter(name="--step", help="One step, with what it printed.")]
LAST_LINES = 10  # of a failed step's log: the end of a traceback
WIDTH_OF_STATE = len("skipped")

command = App(
    name="runs",
    help="""List the runs of this project; show, follow or stop one.

    For example:

        seatrial runs --newest 5
        seatrial runs show 20261124T114314
    """,
)


@command.default
def list_(
    *,
    newest: Annotated[int, Parameter(help="How many runs to list.", validator=Number(gte=1))] = 20,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """List the runs of this project, newest first.

    For example:

        seatrial runs --newest 5
    """
    from seatrial.pipeline.running.run_records import newest_runs
    from seatrial.pipeline.workspace import open_workspace

    with open_workspace(directory, profile) as workspace:
        records = list(islice(newest_runs(workspace.objects), newest))
    if json:
        shown = ("run", "started", "profile", "rehearsal", "ending", "release", "verdict")
        print_json({"runs": [{name: getattr(record, name) for name in shown} for record in records]})
        return 0
    for record in records:
        print_lines(f"{record.run}  {record.ending:11}  {_what(record)}  {record.verdict or ''}".rstrip())
    call = Call(profile=profile, directory=directory)
    if not records:
        print_lines("No run yet.")
    print_lines(f"Next: {call.then('releases' if any(record.release for record in records) else 'run')}")
    return 0


@command.command
def show(
    run: Run,
    /,
    *,
    step: StepName = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Show how a run went, step by step, and where a failed step failed; from any machine that reaches the store.

    For example:

        seatrial runs show 20261124T114314
        seatrial runs show 20261124T114314 --step model --profile prod
    """
    from seatrial.errors import InputError, did_you_mean
    from seatrial.pipeline.running.run_records import find_run
    from seatrial.pipeline.running.step_logs import step_logs
    from seatrial.pipeline.workspace import open_workspace

    with open_workspace(directory, profile) as workspace:
        record = find_run(workspace.objects, run)
        steps = {step_record.name: step_record for step_record in record.steps}
        if step is not None and step not in steps:
            hint = did_you_mean(step, steps) or f"Those that ended: {', '.join(steps) or 'none'}."
            raise InputError(f"step {step!r} did not end in this run.", path=record.run, hint=hint)
        logs = step_logs(workspace.state, run=record.run, step=None, store=workspace.objects)
        printed = {log.step: tuple(log.lines()) for log in logs if _wanted(log.step, step, steps)}
    if json:
        print_json(_document(record, step, printed))
        return 0
    call = Call(profile=profile, directory=directory)
    print_lines(f"{record.run}  {record.ending}  {_what(record)}  {record.verdict or ''}".rstrip())
    print_lines(f"started {record.started}, profile {record.profile}{_origin(record)}")
    for step_record in (steps[step],) if step is not None else record.steps:
        print_lines(*_step_lines(step_record))
        if step is None and step_record.state == "failed" and (lines := printed.get(step_record.name)):
            print_lines("  The end of its log:", *(f"    {line}" for line in lines[-LAST_LINES:]))
    for line in _run_lines(record) if step is None else ():
        print_lines(line)
    if step is not None:
        print_lines(*printed.get(step, ("It printed nothing.",)))
    print_lines(f"Next: {_after_show(record, step, call)}")
    return 0


@command.command
def follow(run: Run, /, *, profile: Profile = "local", directory: Directory = Path(), json: Json = False) -> int:
    """Show a run that goes on elsewhere as one of this machine is shown, until it ends; Ctrl-C leaves it running.

    Exit status: as that of `seatrial run`; 130 where it was left.

    For example:

        seatrial runs follow 20261124T114314 --profile prod
    """
    from seatrial.cli.project import following
    from seatrial.pipeline.running.run_records import find_run
    from seatrial.pipeline.workspace import open_workspace

    with open_workspace(directory, profile) as workspace:
        record = find_run(workspace.objects, run)
        call = Call(profile=profile, directory=directory)
        return following.follow(record, workspace, call, as_json=json)


@command.command
def stop(run: Run, /, *, profile: Profile = "local", directory: Directory = Path(), json: Json = False) -> int:
    """End a run of a cluster: its driver, its steps and their pods. What was finished is kept.

    For example:

        seatrial runs stop 20261124T114314 --profile prod
    """
    from seatrial.pipeline.driver.stop import stop_run
    from seatrial.pipeline.running.run_records import find_run
    from seatrial.pipeline.workspace import open_workspace

    with open_workspace(directory, profile) as workspace:
        record = stop_run(find_run(workspace.objects, run), workspace)
    if json:
        print_json({"run": record.run, "ending": record.ending})
        return 0
    print_lines(f"Run {record.run}: {record.ending}; nothing of it is left in the cluster.")
    print_lines(f"Next: {Call(profile=profile, directory=directory).then('runs', 'show', record.run)}")
    return 0


def _what(record: RunRecord) -> str:
    return "rehearsal" if record.rehearsal else record.release or "no release"


def _wanted(log: str, step: str | None, steps: dict[str, StepRecord]) -> bool:
    """Whether what this step printed is shown: the one that was asked for, else each that failed."""
    return log == step if step is not None else log in steps and steps[log].state == "failed"


def _step_lines(step: StepRecord) -> Iterator[str]:
    took = f"{step.seconds:7.1f} s" if step.state in ("ran", "failed") else " " * 9
    yield f"{step.state:{WIDTH_OF_STATE}}  {took}  {step.name}" + ("" if step.state == "cached" else f": {step.reason}")
    yield from _error_lines(step.errors)


def _run_lines(record: RunRecord) -> Iterator[str]:
    """What runs now, and why a run could not begin."""
    for step in record.running if record.ending == "running" else ():
        why = step.reason if step.waits is None else f"waits: {step.waits}"
        yield f"{'running':{WIDTH_OF_STATE}}  {'':9}  {step.name}: {why}"
    for error in record.errors:
        yield f"could not begin: {error['problem']}"
    yield from _error_lines(record.errors)


def _origin(record: RunRecord) -> str:
    origin = record.origin
    if origin is None:
        return ""
    place = origin.driver if origin.namespace is None else f"the Job {origin.driver} of {origin.namespace}"
    if origin.kubeflow is not None:
        place = f"the run {origin.driver} of Kubeflow at {origin.kubeflow}"
    return f", driven by {place}, {origin.trigger}"


def _error_lines(errors: Sequence[ErrorDocument]) -> Iterator[str]:
    for error in errors:
        if error["line"] is not None:
            yield f"  at {error['path']}:{error['line']}"
        if error["hint"] is not None:
            yield f"  {error['hint']}"


def _document(record: RunRecord, step: str | None, printed: dict[str, tuple[str, ...]]) -> object:
    shown = ("run", "started", "profile", "rehearsal", "ending", "release", "verdict")
    return {
        **{name: getattr(record, name) for name in shown},
        "steps": [
            {
                **{name: getattr(step_record, name) for name in ("name", "state", "key", "seconds", "reason")},
                "errors": [dict(error) for error in step_record.errors],
                "log": list(printed[step_record.name]) if step_record.name in printed else None,
            }
            for step_record in record.steps
            if step in (None, step_record.name)
        ],
    }


def _after_show(record: RunRecord, step: str | None, call: Call) -> str:
    failed = [step_record.name for step_record in record.steps if step_record.state == "failed"]
    if step is None and failed:
        return call.then("runs", "show", record.run, "--step", failed[0])
    if record.release is not None:
        return call.then("report", record.release)
    return call.then("run")
