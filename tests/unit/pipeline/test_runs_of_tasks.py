"""Runs whose tasks write beside the record: what follows of it for whoever looks on, and for `gc`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.garbage.needed import find_needed
from seatrial.pipeline.jobs.step_key import KeyParts
from seatrial.pipeline.jobs.step_values import ArtifactOutput
from seatrial.pipeline.places.run_documents import begun_key
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.running.run_pipeline import FinishedRun
from seatrial.pipeline.running.run_records import RunningStep, RunRecord, TaskStep, read_run, write_run
from seatrial.pipeline.running.run_result import conclude_tasks
from seatrial.pipeline.workspace import Workspace, open_project
from seatrial.stores.artifacts import write_artifact
from seatrial.stores.documents import sha256, to_json
from seatrial.verdicts.judge import Outcome
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import Trial

RUN = "20260101T000000-abcdef"
RECORD = RunRecord(
    RUN,
    "2026-01-01T00:00:00Z",
    "shared",
    False,
    {},
    "running",
    (),
    tasks=(TaskStep("rows", ()), TaskStep("assess", ())),
)
PARTS = KeyParts("rows", "python", "c" * 64, {}, {})
MADE = CacheRecord(PARTS.key, PARTS, RUN, {"rows": ArtifactOutput("d" * 64, "document")})
DAY = timedelta(days=1)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "seatrial.toml").write_text(
        '[project]\nname = "ships"\n[profile.shared]\nstore = { url = "file:store" }\n'
        '[data]\ntest = "rows.test"\nlabel = "late"\ntask = "binary"\n[model]\nfrom = "model"\n'
        '[[policy.require]]\nmetric = "accuracy"\nat_least = 0.5\n'
    )
    with open_project(load_project(tmp_path), "shared") as opened:
        yield opened


def test_a_run_goes_on_for_gc_while_its_tasks_write(workspace: Workspace, tmp_path: Path) -> None:
    write_run(workspace.objects, RECORD)
    (record,) = (tmp_path / "store").rglob(f"{RUN}.json")
    os.utime(record, ((datetime.now(UTC) - 3 * DAY).timestamp(),) * 2)

    def needed() -> frozenset[str]:
        since = datetime.now(UTC) - DAY
        return find_needed(workspace.objects, {MADE.key: MADE}, young=frozenset(), since=since).keys

    assert needed() == frozenset()
    workspace.objects.put(begun_key(RUN, "assess"), to_json(RunningStep("assess", "never run")))
    assert needed() == {MADE.key}


@pytest.mark.parametrize("same", [True, False])
def test_whoever_follows_writes_the_verdict_of_a_run_whose_last_task_could_not(
    workspace: Workspace, same: bool
) -> None:
    policy = sha256(to_json(workspace.project.policy if same else Policy(confidence=0.5)))
    trial = Trial("m" * 64, policy, "test", 0.95, 7, (), (), None)
    digest = write_artifact(workspace.objects, {"evidence.json": to_json(trial)})
    write_run(workspace.objects, replace(RECORD, tasks=()))
    finished = FinishedRun(replace(RECORD, ending="done"), {"assess": ArtifactOutput(digest, "trial")}, None)
    assert conclude_tasks(finished, workspace).trial == trial
    assert read_run(workspace.objects, RUN).verdict == (Outcome.INCONCLUSIVE if same else None)
