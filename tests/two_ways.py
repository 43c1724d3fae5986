"""One model, table and policy by both ways: `seatrial.assess`, and a project that `init --from` wrote and that is run.

Both are measured by the same function, and so have to say the same. Each way has its own record of uses.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

import seatrial
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.jobs.step_values import ArtifactOutput
from seatrial.pipeline.new_project.init_from_model import init_from_model
from seatrial.pipeline.places import this_machine
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.project.settings import FILE_NAME
from seatrial.pipeline.running import run_pipeline as running
from seatrial.pipeline.running.execute_step import execute_step
from seatrial.pipeline.steps.builtin import NOTE, built_in_step
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import STATE_FOLDER, Workspace, open_project
from seatrial.stores.artifacts import read_artifact
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.trial.question import Question
from seatrial.trial.spelling import project_key
from seatrial.verdicts.judge import judge
from seatrial.verdicts.trial import Trial
from seatrial.verdicts.uses import USES, UseRecord
from seatrial.verdicts.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """What is tried: a model's file, the table it is measured on, and the rest of the question."""

    model: Path
    table: pa.Table
    question: Question
    policy: str  # the lines of [policy]
    train: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What one way says of a case: the verdict and what it rests on, the data checks, and what was recorded."""

    verdict: Verdict
    trial: Trial
    notes: tuple[str, ...]
    uses: dict[str, UseRecord]  # by digest of the test data and number: the digests of the model and the evaluation


class _Quiet:
    """Takes how a run goes, and shows nothing."""

    def started(self, step: str, reason: str, log: Path | None) -> None: ...

    def waiting(self, step: str, problem: str) -> None: ...

    def ended(self, record: Any) -> None: ...


def both_ways(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Said, Said]:
    """What `assess` says, and what `run` does; everything in this process. Each counts its first use of the test data.

    `init` measures by the policy that it writes itself: what it stored goes before the case's policy is asked.
    """
    table, train = folder / "test.parquet", None
    pyarrow.parquet.write_table(case.table, table)
    if case.train is not None:
        train = folder / "train.parquet"
        pyarrow.parquet.write_table(case.train, train)
    monkeypatch.delenv("SEATRIAL_STATE", raising=False)  # a project's uses are counted in its folder,
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))  # and those of `assess` here
    # Notes name fields of the question as their surface does: here both as the project's file.
    monkeypatch.setattr("seatrial.tryout.assess.python_argument", project_key)
    log = steps_in_this_process(monkeypatch)
    project = folder / "project"
    init_from_model(
        project,
        model=case.model,
        test=str(table),
        validation=None,
        train=None if train is None else str(train),
        question=case.question,
        progress=_Quiet(),
    )
    shutil.rmtree(project / STATE_FOLDER)
    file = project / FILE_NAME
    written = file.read_text(encoding="utf-8")
    file.write_text(f"{written[: written.index('[policy]')]}{case.policy}", encoding="utf-8")
    log.seek(0)
    log.truncate()
    ran = _run(project, log)
    return _tried(case, table, train, file, folder / "state" / "seatrial"), ran


def assert_the_same(tried: Said, ran: Said) -> None:
    """Verdict, evidence, notes and digests, number by number."""
    assert tried.trial.evidence == ran.trial.evidence
    assert tried.trial == ran.trial
    assert tried.verdict == ran.verdict
    assert tried.notes == ran.notes
    assert tried.uses == ran.uses
    assert len(ran.uses) == 1


def steps_in_this_process(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Steps of a run are executed here, as their processes would; what they print goes to what is returned."""
    printed = io.StringIO()

    def here(
        job: Job, workspace: Workspace, run: str, *, log: Path, children: object, replace: bool, timeout_s: int | None
    ) -> CacheRecord:
        step = built_in_step(job.step)
        assert step is not None, "these projects have no steps of their own"
        with contextlib.redirect_stdout(printed):
            return execute_step(job, step, workspace, run, session=SharedSession(workspace, log), replace=replace)

    monkeypatch.setattr(this_machine, "run_step_process", here)
    return printed


def _run(directory: Path, log: io.StringIO) -> Said:
    """`seatrial run` as far as the trial."""
    project = load_project(directory)
    pipeline = load_pipeline(project, sets=(), rehearse=False)
    graph = {name: step for name, step in pipeline.graph.items() if name != "release"}
    with open_project(project, "local") as workspace:
        finished = running.run_pipeline(graph, pipeline.parameters, workspace, _Quiet(), rehearse=False, use_cache=True)
        if finished.error is not None:
            raise finished.error
        output = finished.outputs["assess"]
        assert isinstance(output, ArtifactOutput)
        document = read_artifact(workspace.objects, output.digest)["evidence.json"]
        trial = from_json(Trial, document, path="evidence.json")
        uses = _uses(workspace.objects)
    notes = tuple(line.removeprefix(NOTE) for line in log.getvalue().splitlines() if line.startswith(NOTE))
    return Said(judge(project.policy, trial), trial, notes, uses)


def _tried(case: Case, table: Path, train: Path | None, policy: Path, state: Path) -> Said:
    """`seatrial.assess` with the policy in the project's file."""
    question = case.question
    found = seatrial.assess(
        case.model,
        table,
        label=question.label,
        groups=question.groups,
        positive=question.positive,
        classes=question.classes,
        inputs=question.inputs,
        threshold=question.threshold,
        weight=question.weight,
        train=train,
        policy=policy,
    )
    trial = from_json(Trial, to_json(found.trial), path="evidence.json")
    return Said(found.verdict, trial, tuple(map(str, found.notes)), _uses(open_objects(StoreSettings(state.as_uri()))))


def _uses(objects: Objects) -> dict[str, UseRecord]:
    """The record of uses in a store."""
    keys = [info.key for info in objects.list(USES)]
    return {key: from_json(UseRecord, objects.get(key).data, path=key) for key in keys}
