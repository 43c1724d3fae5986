"""The children of a run: what they leave behind, and what their parent makes of their answers."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from seatrial.errors import InputError, Problems, SeatrialError, StepFailed
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.jobs.step_key import KeyParts
from seatrial.pipeline.jobs.step_values import ArtifactOutput
from seatrial.pipeline.running import step_process
from seatrial.pipeline.running.step_process import StepProcesses, answer_file, read_errors, run_step_process
from seatrial.stores.documents import to_json

pytestmark = pytest.mark.simulation

WAIT_S = 60.0  # of what takes a second on idle cores
SLEEPER = "import time; time.sleep(600)"
# Starts a process of its own, tells its number, and waits; with "stubborn" it does not leave when asked to.
PARENT = f"""
import signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.Popen([sys.executable, "-c", {SLEEPER!r}]).pid, flush=True)
time.sleep(600)
"""


def number_in(log: Path) -> int:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if log.exists() and (text := log.read_text()).endswith("\n"):
            return int(text)
        time.sleep(0.02)
    raise AssertionError("the child did not start its own")


def is_gone(process: int) -> bool:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True  # ended; whoever adopted it has not noticed yet
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("manner", ["obedient", "stubborn"])
def test_ending_the_children_ends_what_they_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manner: str
) -> None:
    monkeypatch.setattr(step_process, "TERM_TIMEOUT_S", 0.5)
    children = StepProcesses()
    started = children.start([sys.executable, "-c", PARENT, manner], tmp_path / "log", {})
    grandchild = number_in(tmp_path / "log")
    children.end()
    assert started.returncode is not None
    assert started.stdin is not None
    started.stdin.close()
    assert is_gone(grandchild)


def test_nothing_is_started_once_the_run_ends(tmp_path: Path) -> None:
    children = StepProcesses()
    children.end()
    with pytest.raises(StepFailed, match="ending"):
        children.start([sys.executable, "-c", ""], tmp_path / "log", {})


# Both workers of a step: what rank 1 does, and how rank 0 notices it.
WORKER = """
import json, os, sys, time
def fail(problem):
    with open(sys.argv[1], "w") as file:
        error = {"code": "step-failed", "problem": problem, "path": None, "line": None, "hint": None}
        json.dump({"errors": [error], "failed_at": time.time()}, file)
if os.environ["RANK"] == "1":
"""
DIES = "    os._exit(7)\ntime.sleep(0.2)\nfail('connection closed.')\nsys.exit(1)"
STAYS = "    fail('no wind.')\ntime.sleep(600)"


@pytest.mark.parametrize(
    ("does", "problem"),
    [(DIES, "rank 1 of 2: step 'model' ended with status 7"), (STAYS, "rank 1 of 2: no wind")],
    ids=["dies", "stays"],
)
def test_the_worker_that_failed_is_told_and_the_others_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, problem: str
) -> None:
    monkeypatch.setattr(step_process, "TERM_TIMEOUT_S", 0.5)
    monkeypatch.setattr(step_process, "LOOK_S", 0.5)
    monkeypatch.setattr(
        step_process,
        "_command",
        lambda _job, job_file, *_, **__: [sys.executable, "-S", "-c", WORKER + does, str(answer_file(job_file))],
    )
    job = Job("model", KeyParts("model", "torch", "c" * 64, {}, {}, workers=2), {})
    began = time.monotonic()
    with pytest.raises(StepFailed, match=problem):
        run_step_process(
            job,
            cast("Any", None),
            "run",
            log=tmp_path / "model.log",
            children=StepProcesses(),
            replace=False,
            timeout_s=None,
        )
    assert time.monotonic() - began < WAIT_S


def test_a_step_that_ends_between_two_looks_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = KeyParts("rows", "builtin", "c" * 64, {}, {})
    made = CacheRecord(parts.key, parts, "run", {"rows": ArtifactOutput("d" * 64, "document")})
    left = tmp_path / "made.json"
    left.write_bytes(to_json(made))
    copies = "import shutil, sys; shutil.copy(*sys.argv[1:])"
    monkeypatch.setattr(
        step_process,
        "_command",
        lambda _job, job_file, *_, **__: [sys.executable, "-S", "-c", copies, str(left), str(answer_file(job_file))],
    )
    look = step_process._raise_failure

    def waits_and_looks(workers: Sequence[Any], job: Job, log: Path) -> None:
        workers[0].child.wait(WAIT_S)  # it ran when the round began, and has ended when it goes on
        look(workers, job, log)

    monkeypatch.setattr(step_process, "_raise_failure", waits_and_looks)
    done = run_step_process(
        Job("rows", parts, {}),
        cast("Any", None),
        "run",
        log=tmp_path / "rows.log",
        children=StepProcesses(),
        replace=False,
        timeout_s=None,
    )
    assert done == made


def answer(*errors: SeatrialError) -> bytes:
    return json.dumps({"errors": [error.as_document() for error in errors]}).encode()


def test_an_error_comes_back_as_it_was() -> None:
    there = InputError("no.", path="a.py", line=3, hint="Yes.")
    (back,) = read_errors(answer(there), otherwise="Its log: x.log")
    assert (type(back), str(back)) == (InputError, str(there))


def test_several_errors_come_back_each() -> None:
    there = Problems([InputError("one.", hint="Mend it."), InputError("two.", hint="And it.")])
    assert [one.problem for one in read_errors(answer(*there.each), otherwise="Its log: x.log")] == ["one.", "two."]


def test_an_error_of_the_projects_own_class_is_that_of_a_step() -> None:
    class Stormy(SeatrialError):
        code: ClassVar[str] = "stormy"

    (back,) = read_errors(answer(Stormy("too much wind.")), otherwise="Its log: x.log")
    assert isinstance(back, StepFailed)
    assert str(back) == "too much wind. Its log: x.log"


@pytest.mark.parametrize("said", [b"", b"null", b"{}", b'{"errors": []}', b"\xff"])
def test_what_is_no_answer_gives_no_errors(said: bytes) -> None:
    assert read_errors(said, otherwise="Its log: x.log") == ()
