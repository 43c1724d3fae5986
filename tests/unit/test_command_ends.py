"""Ctrl-C and a closed pipe end a command with the status that shells expect; what cannot be meant is a mistake."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli import INTERRUPTED, main
from seatrial.pipeline.workspace import STATE_VARIABLE
from seatrial.stores.embedded import lease


def test_an_interrupted_command_says_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(state: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lease, "status", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["store", "status"])
    assert ended.value.code == INTERRUPTED
    assert "the next run continues" in capsys.readouterr().err


def test_ctrl_c_while_the_command_is_still_being_loaded_shows_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str, *rest: Any) -> object:
        if name == "cyclopts":
            raise KeyboardInterrupt
        return imported(name, *rest)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["plan"])
    assert ended.value.code == INTERRUPTED
    assert "Interrupted" in capsys.readouterr().err


@pytest.mark.simulation
def test_a_reader_that_left_is_not_told_success() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", "store", "status"],
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=100,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    "command", [("runs", "--newest", "-1"), ("serve", "--port", "99999"), ("serve", "--threads", "0")]
)
def test_a_number_that_cannot_be_is_a_mistake(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert command[1] in capsys.readouterr().err


def test_the_store_command_looks_where_the_project_keeps_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "elsewhere"))
    with pytest.raises(SystemExit):
        main(["store", "status", "--json", "--directory", str(tmp_path)])
    assert json.loads(capsys.readouterr().out)["folder"] == str(tmp_path / "elsewhere" / "store")
