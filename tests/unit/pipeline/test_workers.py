"""Workers of a step: what each is told of the others, which one it is, and whose failure counts."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from seatrial.errors import InputError, Problems, StepFailed
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.jobs.step_key import KeyParts
from seatrial.pipeline.places.rendezvous import VARIABLES, rendezvous, worker_rank
from seatrial.pipeline.running import step_command
from seatrial.pipeline.running.step_command import perform
from seatrial.pipeline.running.worker_failures import WorkerFailure, first_failure, of_rank, rank_lines

ADDRESSES = ["a:1", "b:2", "c:3"]


def test_a_worker_is_told_what_torch_and_tensorflow_ask_for() -> None:
    environment = rendezvous(2, ADDRESSES, master=("a", 9), local_rank=0, local_world=1)
    assert environment == {
        "MASTER_ADDR": "a",
        "MASTER_PORT": "9",
        "RANK": "2",
        "WORLD_SIZE": "3",
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "TF_CONFIG": environment["TF_CONFIG"],
    }
    assert environment.keys() == set(VARIABLES)
    assert json.loads(environment["TF_CONFIG"]) == {
        "cluster": {"worker": ADDRESSES},
        "task": {"type": "worker", "index": 2},
    }


def test_a_rank_is_that_of_the_environment_where_the_step_has_workers() -> None:
    environment = rendezvous(2, ADDRESSES, master=("a", 9), local_rank=2, local_world=3)
    assert worker_rank(3, environment, step="model") == 2
    assert worker_rank(1, environment, step="model") == 0  # somebody else's workers


def test_a_step_of_one_worker_knows_of_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", rendezvous(1, ADDRESSES, master=("a", 9), local_rank=1, local_world=3))
    told: list[dict[str, str]] = []
    monkeypatch.setattr(step_command, "execute_step", lambda *_, **__: told.append(dict(os.environ)))
    job = Job("model", KeyParts("model", "torch", "c" * 64, {}, {}), {})
    unused = cast("Any", SimpleNamespace(end=lambda: None, name="model"))
    perform(job, unused, unused, "run", session=unused, replace=False, environment=os.environ)
    assert told == [{}]


@pytest.mark.parametrize("environment", [{}, {"RANK": "0", "WORLD_SIZE": "2"}, {"RANK": "3", "WORLD_SIZE": "3"}])
def test_another_number_of_workers_than_the_keys_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(InputError, match="step 'model' has 3 workers, and RANK and WORLD_SIZE say"):
        worker_rank(3, environment, step="model")


def failed(rank: int, *, at: float | None = None, killed: bool = False) -> WorkerFailure:
    answer = b"" if at is None else json.dumps({"errors": [], "failed_at": at}).encode()
    return WorkerFailure(rank, answer, killed)


def test_the_failure_that_counts_is_a_kill_else_a_death_else_the_first_by_its_clock() -> None:
    assert first_failure([failed(0, at=5.0), failed(1, at=4.5), failed(2, at=6.0)]).rank == 1
    assert first_failure([failed(0, at=5.0), failed(1, killed=True)]).rank == 1
    assert first_failure([failed(0, at=5.0), failed(1)]).rank == 1  # it died, and the other lost its connection


def test_an_error_says_whose_it_is_where_there_are_several_workers() -> None:
    error = StepFailed("it sank.", path="a.py", line=3, hint="Swim.")
    assert of_rank(error, 0, 1) is error
    told = of_rank(error, 2, 4)
    assert (type(told), str(told)) == (StepFailed, "a.py:3: rank 2 of 4: it sank. Swim.")
    several = of_rank(Problems([error, error]), 2, 4)
    assert [each.problem for each in several.each] == ["rank 2 of 4: it sank."] * 2


def test_lines_of_a_worker_bear_its_rank() -> None:
    assert rank_lines(3, b"one\ntwo") == b"[rank 3] one\n[rank 3] two\n"
    assert rank_lines(3, b"") == b""
