"""The built-in step `release`: what was tried, judged and signed. It runs without the project's code, with the key."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from seatrial.errors import InputError
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.jobs.step_values import ReleaseOutput
from seatrial.pipeline.workspace import Workspace
from seatrial.releases.keys import require_key, seatrial_home
from seatrial.releases.trust import ready_to_release
from seatrial.releases.write import create_release
from seatrial.stores.artifacts import read_artifact
from seatrial.stores.documents import from_json, sha256, to_json
from seatrial.verdicts.judge import judge
from seatrial.verdicts.trial import Trial


def make_release(job: Job, workspace: Workspace) -> ReleaseOutput:
    """Judges the trial under the project's policy and writes the signed release, whatever the verdict."""
    policy = workspace.project.policy
    if job.parts.parameters["policy"] != sha256(to_json(policy)):
        raise InputError("the policy changed while the pipeline ran.", path=workspace.project.path, hint="Run again.")
    evidence = read_artifact(workspace.objects, job.inputs["trial"].digest)["evidence.json"]
    trial = from_json(Trial, evidence, path="evidence.json")
    home = seatrial_home(os.environ)
    for line in ready_to_release(home):
        print(line, flush=True)  # noqa: T201  # a step's output is its log, and this one's is shown
    release = create_release(
        workspace.objects,
        workspace.project.name,
        package=read_artifact(workspace.objects, job.inputs["model"].digest),
        trial=trial,
        policy=policy,
        verdict=judge(policy, trial),
        key=require_key(home, "release"),
        created=datetime.now(UTC),
    )
    return ReleaseOutput(release.name, release.version, sha256(to_json(release)))
