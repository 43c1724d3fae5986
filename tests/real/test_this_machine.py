"""Steps on this machine, by the suite that every place passes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seatrial.pipeline.places.this_machine import ThisMachine
from tests.place_contract import CHECKS, WORKER_CHECKS, WORKER_STEPS, Subject, opened, write_project

PROFILE = '[profile.local]\nstore = { url = "file:.seatrial/objects" }\n'


@pytest.mark.parametrize("check", [*CHECKS, *WORKER_CHECKS], ids=lambda check: check.__name__)
def test_this_machine(check: Callable[[Subject], None], tmp_path: Path) -> None:
    write_project(tmp_path / "places", PROFILE, steps=WORKER_STEPS)
    with opened(ThisMachine, tmp_path / "places", "local", "run") as subject:
        check(subject)


def test_workers_of_which_one_is_killed_from_outside_begin_again_and_finish(tmp_path: Path) -> None:
    slow = WORKER_STEPS.replace("workers=2)\ndef together():\n", "workers=2, retries=1)\ndef together():\n    wait()\n")
    wait = """

def wait():
    print("worker", os.getpid(), flush=True)
    if not os.path.exists("/tmp/GO"):
        time.sleep(600)
""".replace("/tmp/GO", str(tmp_path / "go"))
    write_project(tmp_path / "places", PROFILE, steps=f"{slow}{wait}")
    with opened(ThisMachine, tmp_path / "places", "local", "run") as subject, ThreadPoolExecutor(1) as pool:
        record = pool.submit(subject.run, "together")
        logs = [subject.logs / name for name in ("together.log", "together.rank-1.log")]
        last = time.monotonic() + 120
        while not all(log.exists() and log.read_text().endswith("\n") for log in logs):
            assert time.monotonic() < last
            time.sleep(0.1)
        (tmp_path / "go").touch()
        os.kill(int(logs[1].read_text().split()[1]), signal.SIGKILL)
        assert record.result(120).outputs
        assert subject.log("together").read_text().count("worker ") == 4  # both, twice
