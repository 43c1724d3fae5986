"""A run whose driver was replaced goes on under its name, and one that others drive is followed by its record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.cli import main
from seatrial.errors import InputError, StepFailed
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.driver import follow
from seatrial.pipeline.driver.follow import follow_run
from seatrial.pipeline.driver.stop import stop_run
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.places.place import Place
from seatrial.pipeline.running.execute_step import execute_step
from seatrial.pipeline.running.run_pipeline import FinishedRun, run_pipeline
from seatrial.pipeline.running.run_records import (
    ErrorDocument,
    Identity,
    Origin,
    RunningStep,
    RunRecord,
    StepRecord,
    read_run,
    write_run,
)
from seatrial.pipeline.steps.declaration import Step
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import Workspace
from tests.pipeline_sample import opened_ships

RUN = "20260101T000000-abcdef"
IDENTITY = Identity(RUN, "2026-01-01T00:00:00Z", Origin("laptop", "by hand: anna"))
PIPELINE = """\
from seatrial import step


@step()
def first():
    return {"number": 1}


@step(inputs={"first": "first"})
def second(first):
    return {"number": first["number"] + 1}
"""


class Here:
    """Runs steps in this process, and says why one waits; `broken` is a step that ends the driver."""

    code: str | None = "c" * 64

    def __init__(self, run: str, workspace: Workspace, broken: str | None) -> None:
        self._run, self._workspace, self._broken = run, workspace, broken
        self.ran: list[str] = []
        self.replaced: list[bool] = []
        self.running: list[RunningStep] = []  # as the record has them when each began

    def run(self, job: Job, step: Step, *, log: Path, replace: bool, on_waiting: Callable[[str], None]) -> CacheRecord:
        on_waiting("no node takes its pod")
        self.running += read_run(self._workspace.objects, self._run).running
        if step.name == self._broken:
            raise KeyboardInterrupt
        self.ran.append(step.name)
        self.replaced.append(replace)
        session = SharedSession(self._workspace, log)
        return execute_step(job, step, self._workspace, self._run, session=session, replace=replace)

    def end(self) -> None: ...


class Shown:
    """What a run tells whoever shows it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, step: str, reason: str, log: Path | None) -> None:
        self.lines.append(f"{step} {reason}")

    def waiting(self, step: str, problem: str) -> None:
        self.lines.append(f"{step} waits {problem}")

    def ended(self, record: StepRecord) -> None:
        self.lines.append(f"{record.name} {record.state}")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with opened_ships(tmp_path, PIPELINE) as workspace:
        yield workspace


@contextmanager
def place(workspace: Workspace, broken: str | None = None) -> Iterator[Here]:
    yield Here(RUN, workspace, broken)


def run(workspace: Workspace, here: Here, identity: Identity = IDENTITY, *, use_cache: bool = True) -> FinishedRun:
    pipeline = load_pipeline(workspace.project, sets=(), rehearse=False)
    opened: Place = here
    return run_pipeline(
        pipeline.graph,
        pipeline.parameters,
        workspace,
        Shown(),
        rehearse=False,
        use_cache=use_cache,
        open_place=lambda *_: opened,
        identity=identity,
    )


@pytest.mark.parametrize("use_cache", [True, False])
def test_what_this_run_made_before_is_not_made_again_and_stays_what_it_was(
    workspace: Workspace, *, use_cache: bool
) -> None:
    other = replace(IDENTITY, run="20251231T000000-abcdef")
    with place(workspace) as here:
        run(workspace, Here(other.run, workspace, None), other)
        with pytest.raises(KeyboardInterrupt):
            run(workspace, Here(RUN, workspace, "first" if use_cache else "second"), use_cache=False)
        before = {step.name: step for step in read_run(workspace.objects, RUN).steps}
        finished = run(workspace, here, use_cache=use_cache)
    after = {step.name: step for step in finished.record.steps}
    assert finished.error is None
    assert here.ran == ([] if use_cache else ["second"])  # the other run's serve where the cache does
    assert all(after[name] == step for name, step in before.items())
    assert finished.record.started == IDENTITY.started


def test_what_ended_while_no_driver_looked_is_taken_over_from_its_place(workspace: Workspace) -> None:
    with place(workspace) as here:
        run(workspace, here)
        lost = replace(read_run(workspace.objects, RUN), steps=(), ending="running")
        write_run(workspace.objects, lost)
        finished = run(workspace, again := Here(RUN, workspace, None), use_cache=False)
    assert again.ran == ["first", "second"]  # where its Job is still there it is not run, but asked for its answer
    assert {step.reason for step in finished.record.steps} == {"it ended while the driver was replaced"}
    assert again.replaced == [False, False]


def test_the_record_says_what_runs_why_it_waits_and_where_from(workspace: Workspace) -> None:
    with place(workspace) as here:
        finished = run(workspace, here)
    assert here.running == [
        RunningStep("first", "never run", "no node takes its pod"),
        RunningStep("second", "never run", "no node takes its pod"),
    ]
    record = read_run(workspace.objects, RUN)
    assert (record.ending, record.running, record.origin) == ("done", (), IDENTITY.origin)
    assert finished.record == record


RECORD = RunRecord(RUN, IDENTITY.started, "prod", False, {}, "running", (), origin=IDENTITY.origin)


def test_a_run_of_others_is_shown_as_it_goes_and_ends(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "READ_EVERY_S", 0.01)
    first = StepRecord("first", "cached", "0" * 64, 0.0, "cached")
    second = StepRecord(
        "second",
        "failed",
        "1" * 64,
        2.0,
        "no wind",
        errors=({"code": "step", "path": "pipeline.py", "line": 11, "problem": "no wind", "hint": None},),
    )
    going = replace(RECORD, steps=(first,), running=(RunningStep("second", "never run", "no node takes its pod"),))
    write_run(workspace.objects, going)
    shown = Shown()

    def end_later() -> None:
        while "second waits no node takes its pod" not in shown.lines:
            time.sleep(0.01)
        write_run(workspace.objects, replace(RECORD, ending="failed", steps=(first, second)))

    ends = threading.Thread(target=end_later)
    ends.start()
    finished = follow_run(going, workspace, shown)
    ends.join()
    assert shown.lines == ["first cached", "second never run", "second waits no node takes its pod", "second failed"]
    assert isinstance(finished.error, StepFailed)
    assert (finished.error.path, finished.error.line) == ("pipeline.py", 11)
    assert f"seatrial logs {RUN}" in str(finished.error)


def test_a_run_that_was_stopped_or_could_not_begin_is_told_so(workspace: Workspace) -> None:
    write_run(workspace.objects, replace(RECORD, ending="interrupted"))
    stopped = follow_run(RECORD, workspace, Shown()).error
    assert stopped is not None
    assert "the run was stopped" in str(stopped)
    wrong: ErrorDocument = {
        "code": "input",
        "path": "pipeline.py",
        "line": 1,
        "problem": "no module",
        "hint": "Make it.",
    }
    write_run(workspace.objects, replace(RECORD, ending="failed", errors=(wrong,)))
    error = follow_run(RECORD, workspace, Shown()).error
    assert isinstance(error, InputError)
    assert str(error) == "pipeline.py:1: no module. Make it."


def test_a_run_of_a_process_is_ended_where_it_runs(workspace: Workspace) -> None:
    with pytest.raises(InputError, match=r"driven by a process on laptop.*Press Ctrl-C where it runs"):
        stop_run(RECORD, workspace)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--detach",), "--detach needs a cluster, and none was named. Add --on kubectl."),
        (("--schedule", "0 3 * * *"), "--schedule needs a cluster"),
        (("--dry-run",), "--dry-run needs a cluster"),
        (("--detach", "--on", "kubectl"), "[profile.prod.cluster] must have a driver_service_account for --detach"),
        (("--schedule", "0 25 * * *", "--on", "kubectl"), "the hour of a schedule must be 0 to 23, got '25'"),
        (("--parallel", "0"), "Must be >= 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_runs(
    workspace: Workspace, words: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--profile", "prod", "--directory", str(workspace.project.directory), *words])
    assert ended.value.code == 2
    assert problem in capsys.readouterr().err
    assert not list(workspace.objects.list("runs/"))
