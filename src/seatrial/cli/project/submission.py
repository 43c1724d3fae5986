"""What `run --on` sends: a driver that runs now, or a schedule of them; printed, or sent as printed."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from seatrial.cli.next_command import Call
    from seatrial.deploy.target import Document
    from seatrial.pipeline.driver.run_options import RunOptions
    from seatrial.pipeline.steps.load_pipeline import Pipeline
    from seatrial.pipeline.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Submission:
    """What `seatrial run --on` was called with. `now` and `token` name the run."""

    pipeline: Pipeline
    workspace: Workspace
    options: RunOptions
    call: Call
    now: datetime
    token: str
    as_json: bool


def submit(submission: Submission, target: str, *, detach: bool) -> int:
    """Sends the driver of a new run; returns at once under `detach`, else when the run has ended."""
    if target == "kubeflow":
        from seatrial.cli.project import kubeflow_submission

        return kubeflow_submission.submit(submission, detach=detach)
    from seatrial.cli.project import following
    from seatrial.cli.project.run import user_name
    from seatrial.pipeline.driver.submit import origin_of, require_driver, submit_run
    from seatrial.pipeline.running.run_records import new_identity, read_run

    workspace = submission.workspace
    require_driver(workspace, "--detach")
    run = new_identity(submission.now, submission.token, None).run
    origin = origin_of(workspace, run, by=f"{user_name()} on {os.uname().nodename}")
    identity = new_identity(submission.now, submission.token, origin)
    driver = _documents(submission, target)[0]
    submit_run(driver.text, identity, submission.pipeline, workspace, submission.options)
    if not detach:
        return following.follow(
            read_run(workspace.objects, run), workspace, submission.call, as_json=submission.as_json
        )
    if submission.as_json:
        print_json({"run": run, "driver": origin.driver, "namespace": origin.namespace})
        return 0
    then = submission.call.then
    print_lines(f"Run {run} is driven by the Job {origin.driver} of {origin.namespace}.")
    print_lines(f"Next: {then('runs', 'follow', run)}; to end it: {then('runs', 'stop', run)}")
    return 0


def submit_schedule(submission: Submission, target: str, schedule: str, *, dry_run: bool) -> int:
    """Sends a CronJob in place of the one that this project had under the profile, or prints it."""
    from seatrial.cluster.cron import check_cron
    from seatrial.pipeline.driver import submit as driver
    from seatrial.pipeline.driver.driver_manifest import schedule_name

    check_cron(schedule)
    workspace = submission.workspace
    if target == "kubectl":
        driver.require_driver(workspace, "--schedule")
    documents = _documents(submission, target, schedule=schedule)
    if dry_run:
        return _print(documents, submission)
    name = schedule_name(workspace.project.name, workspace.profile_name)
    driver.submit_schedule(name, documents[0].text, submission.pipeline, workspace)
    namespace = driver.cluster_of(workspace).cluster.namespace
    if submission.as_json:
        print_json({"schedule": schedule, "cronjob": name, "namespace": namespace})
        return 0
    print_lines(f'The CronJob {name} of {namespace} starts a run at "{schedule}", UTC, unless one still runs.')
    end = f"kubectl --namespace {namespace} delete cronjob {name}"
    print_lines(f"Next: {submission.call.then('runs')}; to end it: {end}")
    return 0


def print_documents(submission: Submission, target: str) -> int:
    """Prints what `submit` would send, and the Jobs that its driver would."""
    return _print(_documents(submission, target), submission)


def _documents(submission: Submission, target: str, *, schedule: str | None = None) -> tuple[Document, ...]:
    from seatrial.deploy import find_target
    from seatrial.pipeline.driver.pipeline_run import plan_run, plan_task_run
    from seatrial.pipeline.running.run_records import new_identity

    run = new_identity(submission.now, submission.token, None).run
    plan = plan_run if target == "kubectl" else plan_task_run
    planned = plan(submission.pipeline, submission.workspace, submission.options, run=run, schedule=schedule)
    return find_target(target).render_pipeline(planned)


def _print(documents: Sequence[Document], submission: Submission) -> int:
    if submission.as_json:
        print_json({"documents": [{"path": document.path, "text": document.text} for document in documents]})
        return 0
    print("".join(f"# {document.path}\n{document.text}" for document in documents), end="")  # noqa: T201  # manifests, to the byte
    print_lines("Next: the same without --dry-run", file=sys.stderr)  # stdout is for a pipe
    return 0
