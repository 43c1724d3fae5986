"""What a run came to: the verdict judged from its trial, and the release that carries it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from seatrial.errors import InputError, Refused, SeatrialError
from seatrial.pipeline.jobs.step_values import ArtifactOutput, ReleaseOutput
from seatrial.pipeline.running.run_pipeline import FinishedRun
from seatrial.pipeline.running.run_records import RunRecord, write_run
from seatrial.pipeline.running.step_logs import step_logs
from seatrial.pipeline.steps.builtin import NOTE
from seatrial.pipeline.workspace import Workspace
from seatrial.releases.keys import seatrial_home
from seatrial.releases.source import locate
from seatrial.releases.trust import TRUST_FILE, load_trust
from seatrial.releases.verify import Verification, verify
from seatrial.stores.artifacts import read_artifact
from seatrial.stores.documents import from_json, sha256, to_json
from seatrial.verdicts.judge import Outcome, Verdict, judge
from seatrial.verdicts.trial import Trial

REFUSED = 1
NOT_PASSED = 3
WAIVED = 4


@dataclass(frozen=True, slots=True)
class Result:
    """A run's end, as the command line tells it. `verdict` is None where there was no trial or nothing to judge."""

    record: RunRecord
    error: SeatrialError | None
    trial: Trial | None
    verdict: Verdict | None
    release: ReleaseOutput | None
    deployable: bool
    waived: tuple[str, ...]
    refused: Refused | None  # why its release is not used on this machine: changed since, or not trusted here
    notes: tuple[str, ...]  # what was inferred of a model file; that a key was made, and whom that convinces

    @property
    def exit_status(self) -> int:
        """0 passed or nothing judged, 1 its release is refused here, 3 not passed, 4 not passed but waived.

        A failed step has its error's status.
        """
        if self.error is not None:
            return self.error.exit_status
        if self.refused is not None:
            return REFUSED
        if self.verdict is None or self.verdict.outcome in (None, Outcome.PASS):
            return 0
        return WAIVED if self.deployable else NOT_PASSED

    def as_document(self) -> dict[str, Any]:
        """The `--json` document of a run; a run that failed or is refused has `errors` too."""
        document: dict[str, Any] = {
            "run": self.record.run,
            "release": self.record.release,
            "verdict": self.record.verdict,
            "deployable": self.deployable,
            "waived": list(self.waived),
            "steps": [
                {
                    "name": step.name,
                    "state": step.state,
                    "key": step.key,
                    "seconds": step.seconds,
                    "reason": step.reason,
                }
                for step in self.record.steps
            ],
        }
        error = self.error or self.refused
        return document if error is None else {**document, "errors": [failure.as_document() for failure in error.each]}


def conclude(finished: FinishedRun, workspace: Workspace) -> Result:
    """What the run came to, which is written into its record."""
    result = judge_run(finished, workspace)
    write_run(workspace.objects, result.record)
    return result


def conclude_tasks(finished: FinishedRun, workspace: Workspace) -> Result:
    """Judges the run; writes what it came to where the last task of an orchestrator was killed before it could.

    A project here that has another policy than the run had says nothing of that run.
    """
    result = judge_run(finished, workspace)
    same = result.trial is None or result.trial.policy == sha256(to_json(workspace.project.policy))
    if finished.record.tasks and result.record != finished.record and same:
        write_run(workspace.objects, result.record)
    return result


def judge_run(finished: FinishedRun, workspace: Workspace) -> Result:
    """Judges the run's trial and finds its release; writes nothing."""
    tried = finished.outputs.get("assess")
    trial = verdict = None
    if isinstance(tried, ArtifactOutput):
        data = read_artifact(workspace.objects, tried.digest)["evidence.json"]
        trial = from_json(Trial, data, path="evidence.json")
        verdict = judge(workspace.project.policy, trial)
    released = finished.outputs.get("release")
    release = released if isinstance(released, ReleaseOutput) else None
    verified, refused = (None, None) if release is None else _verified(release, workspace)
    record = replace(
        finished.record,
        release=None if release is None else f"{release.name}@{release.version}",
        verdict=None if verdict is None else verdict.outcome,
    )
    doubts = _doubts(record, workspace)
    notes = (
        *_lines_of("package", record, workspace),
        *doubts,
        *(_lines_of("release", record, workspace) if release else ()),
    )
    return Result(
        record=record,
        error=finished.error,
        trial=trial,
        verdict=verdict,
        release=release,
        deployable=verified is not None and verified.deployable,
        waived=() if verified is None else verified.waived,
        refused=refused,
        notes=notes,
    )


def _lines_of(step: str, record: RunRecord, workspace: Workspace) -> tuple[str, ...]:
    """What a built-in step printed in this run: what it inferred of the model, that it made a key."""
    if step not in {step_record.name for step_record in record.steps if step_record.state == "ran"}:
        return ()
    store = None if workspace.profile.store is None else workspace.objects  # of runs that others drove
    with suppress(InputError):  # it printed nothing
        (log,) = step_logs(workspace.state, run=record.run, step=step, store=store)
        return tuple(log.lines())
    return ()


def _doubts(record: RunRecord, workspace: Workspace) -> tuple[str, ...]:
    """What the trial noted about the data, where it was made in this run."""
    return tuple(line for line in _lines_of("assess", record, workspace) if line.startswith(NOTE))


def _verified(release: ReleaseOutput, workspace: Workspace) -> tuple[Verification | None, Refused | None]:
    """What verifying the release on this machine comes to, and why it is refused here: nobody may be trusted yet."""
    source = locate(f"{release.name}@{release.version}", workspace.objects)
    verified = None
    try:
        verified = verify(source, load_trust(seatrial_home(os.environ) / TRUST_FILE), now=datetime.now(UTC))
        verified.require()
    except Refused as refused:
        return verified, refused
    return verified, None
