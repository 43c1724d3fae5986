"""The process of a task's step: it is over when that process is, and not when all that it left behind is."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.errors import StepFailed
from seatrial.pipeline.tasks import step_child
from seatrial.pipeline.tasks.step_child import run_child

pytestmark = pytest.mark.simulation


def write_script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("left_behind", ["sleep 60 &", "setsid sleep 20 &"])
def test_a_step_ends_with_its_process_whatever_that_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_behind: str
) -> None:
    monkeypatch.setattr(sys, "executable", write_script(tmp_path / "child", f"{left_behind}\necho done\nexit 3\n"))
    monkeypatch.setattr(step_child, "LOOK_S", 0.05)
    began = time.monotonic()
    assert run_child((), log=tmp_path / "log", environment=os.environ, timeout_s=None) == 3
    assert time.monotonic() - began < 15.0
    assert (tmp_path / "log").read_text() == "done\n"


@pytest.mark.usefixtures("signals")
def test_a_step_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", write_script(tmp_path / "child", "sleep 60\n"))
    with pytest.raises(StepFailed, match="longer than its timeout_s of 1 s"):
        run_child((), log=tmp_path / "log", environment=os.environ, timeout_s=1)
