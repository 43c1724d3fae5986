"""What `run --on kubeflow` sends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from seatrial.cli.project.submission import Submission


def submit(submission: Submission, *, detach: bool) -> int:
    """Sends a new run; returns at once under `detach`, else when the run has ended."""
    from seatrial.cli.project import following
    from seatrial.cli.project.run import user_name
    from seatrial.pipeline.driver.pipeline_run import plan_task_run
    from seatrial.pipeline.kubeflow.submit import endpoint_of, submit_tasks
    from seatrial.pipeline.running.run_records import Origin, new_identity

    workspace = submission.workspace
    run = new_identity(submission.now, submission.token, None).run
    trigger = f"by hand: {user_name()} on {os.uname().nodename}"
    origin = Origin(driver=run, trigger=trigger, kubeflow=endpoint_of(workspace))
    planned = plan_task_run(submission.pipeline, workspace, submission.options, run=run)
    identity = new_identity(submission.now, submission.token, origin)
    record = submit_tasks(planned, identity, submission.pipeline, workspace, submission.options)
    if not detach:
        return following.follow(record, workspace, submission.call, as_json=submission.as_json)
    assert record.origin is not None  # noqa: S101
    if submission.as_json:
        print_json({"run": run, "kubeflow": record.origin.driver, "endpoint": record.origin.kubeflow})
        return 0
    then = submission.call.then
    print_lines(f"Run {run} is run {record.origin.driver} of Kubeflow at {record.origin.kubeflow}.")
    print_lines(f"Next: {then('runs', 'follow', run)}; to end it: {then('runs', 'stop', run)}")
    return 0
