"""What every place where steps run has to do: one suite, for this machine and for a cluster."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from seatrial.errors import SeatrialError, StepFailed
from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.jobs.job import job_for
from seatrial.pipeline.places.place import Place
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.running.run_pipeline import OpenPlace
from seatrial.pipeline.steps.graph import Graph
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import Workspace, open_project
from seatrial.stores.artifacts import read_artifact

PIPELINE = '''\
"""Steps that end in every way."""

import json
import os
import signal
import socket
import sys
import time

import elsewhere
from seatrial import step


@step(cpu="600m", memory="512Mi")
def counts(*, number: int = 3):
    print("counted to", number)
    return {"number": elsewhere.doubled(number)}


@step(cpu="600m", memory="512Mi")
def raises():
    raise ValueError("no such ship")


@step(cpu="600m", memory="512Mi")
def exits():
    sys.exit(3)


@step(cpu="600m", memory="512Mi")
def vanishes():
    os._exit(7)


@step(cpu="500m", memory="512Mi", timeout_s=20)
def dawdles():
    print("began", flush=True)
    time.sleep(600)


@step(cpu="600m", memory="512Mi", retries=1)
def dies():
    print("began", flush=True)
    die()


def die():
    if os.getpid() == 1:  # the first process of a pod, which cannot kill itself
        os._exit(128 + signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
'''
WORKER_STEPS = '''\


def meet():
    """Rank 0 hears of every other rank, at the address that all of them are told."""
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    if rank == 0:
        with socket.create_server(("", place[1])) as server:
            server.settimeout(120)
            return [0, *sorted(int(server.accept()[0].recv(8)) for _ in range(world - 1))]
    for _ in range(600):
        try:
            with socket.create_connection(place, 5) as connection:
                connection.sendall(str(rank).encode())
                return None
        except OSError:
            time.sleep(0.2)


@step(cpu="300m", memory="512Mi", workers=2)
def together():
    ranks = meet()
    print("met", ranks, flush=True)
    task = json.loads(os.environ["TF_CONFIG"])
    if ranks is not None:
        return {"ranks": ranks, "task": task["task"], "addresses": len(set(task["cluster"]["worker"]))}


@step(cpu="300m", memory="512Mi", workers=2)
def one_raises():
    if meet() is None:
        raise ValueError("no such ship")
    time.sleep(600)


@step(cpu="300m", memory="512Mi", workers=2, retries=1)
def one_dies():
    print("began", flush=True)
    if meet() is None:
        die()
    time.sleep(600)
'''
ENDS_WITHIN_S = 120.0  # of what would wait for 600 s
ELSEWHERE = "def doubled(number):\n    return 2 * number\n"
RAISED_AT = 1 + PIPELINE[: PIPELINE.index("    raise ValueError")].count("\n")


def write_project(folder: Path, profiles: str, *, steps: str = "") -> None:
    """A project of these steps and of `steps`, with `profiles` at the end of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.py").write_text(f"{PIPELINE}{steps}")
    (folder / "elsewhere.py").write_text(ELSEWHERE)
    (folder / "seatrial.toml").write_text(f'[project]\nname = "places"\n\n{profiles}')


def forget_modules() -> None:
    """Forgets another test's modules of the same names."""
    for module in ("pipeline", "elsewhere", "words"):
        sys.modules.pop(module, None)


@dataclass
class Subject:
    """A place, opened for a run of the project."""

    place: Place
    graph: Graph
    workspace: Workspace
    logs: Path
    waiting: list[str] = field(default_factory=list)  # why steps had not begun

    def run(self, step: str, *, replace: bool = True) -> CacheRecord:
        """Runs one step; what it printed is in `log`."""
        job = job_for(self.graph[step], {}, {}, self.workspace)
        return self.place.run(
            job, self.graph[step], log=self.log(step), replace=replace, on_waiting=self.waiting.append
        )

    def fails(self, step: str) -> SeatrialError:
        """Runs a step that has to fail."""
        with pytest.raises(SeatrialError) as caught:
            self.run(step)
        return caught.value

    def log(self, step: str) -> Path:
        return self.logs / f"{step}.log"


@contextmanager
def opened(open_place: OpenPlace, folder: Path, profile: str, run: str) -> Iterator[Subject]:
    """The place, and its end."""
    forget_modules()
    project = load_project(folder)
    graph = load_pipeline(project, sets=(), rehearse=False).graph
    with open_project(project, profile) as workspace:
        logs = workspace.state / "runs" / run
        logs.mkdir(parents=True)
        place = open_place(run, graph, workspace, logs)
        try:
            yield Subject(place, graph, workspace, logs)
        finally:
            place.end()


def check_what_a_step_returns_is_kept(subject: Subject) -> None:
    record = subject.run("counts")
    (output,) = record.outputs.values()
    assert read_artifact(subject.workspace.objects, output.digest) == {"document.json": b'{"number": 6}'}
    assert subject.log("counts").read_text() == "counted to 3\n"


def check_an_error_is_told_with_its_line(subject: Subject) -> None:
    error = subject.fails("raises")
    assert isinstance(error, StepFailed)
    assert error.problem == "step 'raises' raised ValueError: no such ship"
    assert (Path(str(error.path)).name, error.line) == ("pipeline.py", RAISED_AT)
    assert "Traceback" in subject.log("raises").read_text()


def check_exit_is_a_failure(subject: Subject) -> None:
    assert subject.fails("exits").problem == "step 'exits' raised SystemExit: 3"


def check_no_answer_is_a_failure(subject: Subject) -> None:
    assert "ended with status 7 and gave no answer" in subject.fails("vanishes").problem


def check_a_step_that_takes_too_long_is_ended(subject: Subject) -> None:
    assert "it took longer than its timeout_s of 20 s" in subject.fails("dawdles").problem


def check_a_killed_step_is_tried_as_often_as_it_says(subject: Subject) -> None:
    assert "its process was killed (SIGKILL)" in subject.fails("dies").problem
    assert subject.log("dies").read_text().count("began\n") == 2


def check_the_end_of_the_run_ends_its_steps(subject: Subject) -> None:
    errors: list[SeatrialError] = []

    def run() -> None:
        try:
            subject.run("dawdles")
        except SeatrialError as error:
            errors.append(error)

    waiting = threading.Thread(target=run)
    waiting.start()
    last = time.monotonic() + 60.0
    while not (subject.log("dawdles").exists() and "began" in subject.log("dawdles").read_text()):
        assert time.monotonic() < last
        time.sleep(0.1)
    subject.place.end()
    waiting.join(60.0)
    assert not waiting.is_alive()
    assert isinstance(errors[0], StepFailed)
    assert "timeout_s" not in errors[0].problem
    assert "the run is ending" in subject.fails("counts").problem


def check_workers_find_each_other_and_rank_0_answers(subject: Subject) -> None:
    (output,) = subject.run("together").outputs.values()
    (document,) = read_artifact(subject.workspace.objects, output.digest).values()
    assert json.loads(document) == {"ranks": [0, 1], "task": {"type": "worker", "index": 0}, "addresses": 2}
    assert sorted(subject.log("together").read_text().splitlines()) == ["[rank 1] met None", "met [0, 1]"]


def check_a_worker_that_raises_ends_the_step_at_once_in_its_own_words(subject: Subject) -> None:
    began = time.monotonic()
    error = subject.fails("one_raises")
    assert time.monotonic() - began < ENDS_WITHIN_S
    assert error.problem == "rank 1 of 2: step 'one_raises' raised ValueError: no such ship"
    assert "[rank 1] Traceback" in subject.log("one_raises").read_text()


def check_a_killed_worker_ends_all_and_they_begin_again_together(subject: Subject) -> None:
    began = time.monotonic()
    assert "rank 1 of 2: step 'one_dies': its process was killed (SIGKILL)" in subject.fails("one_dies").problem
    assert time.monotonic() - began < ENDS_WITHIN_S
    lines = subject.log("one_dies").read_text().splitlines()
    assert (lines.count("began"), lines.count("[rank 1] began")) == (2, 2)


CHECKS = (
    check_what_a_step_returns_is_kept,
    check_an_error_is_told_with_its_line,
    check_exit_is_a_failure,
    check_no_answer_is_a_failure,
    check_a_step_that_takes_too_long_is_ended,
    check_a_killed_step_is_tried_as_often_as_it_says,
    check_the_end_of_the_run_ends_its_steps,
)
WORKER_CHECKS = (
    check_workers_find_each_other_and_rank_0_answers,
    check_a_worker_that_raises_ends_the_step_at_once_in_its_own_words,
    check_a_killed_worker_ends_all_and_they_begin_again_together,
)
