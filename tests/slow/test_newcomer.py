"""A newcomer with a table that no example has seen: from `init` to a report by typing what each command says next."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from tests.slow.conftest import LIMIT_S

pytestmark = pytest.mark.slow
NEXT = re.compile(r"^Next: (.+)$", re.MULTILINE)
INCONCLUSIVE = 3


def _cells(csv: Path) -> str:
    """569 biopsies, of which 212 are malignant; returns the options that name what is predicted."""
    frame = load_breast_cancer(as_frame=True).frame
    frame["diagnosis"] = frame.pop("target").map({0: "malignant", 1: "benign"})
    frame.to_csv(csv, index=False)
    return "--label diagnosis --positive malignant"


def _diabetes(csv: Path) -> str:
    """442 patients and how far their illness went in a year, a number."""
    load_diabetes(as_frame=True).frame.to_csv(csv, index=False)
    return "--label target"


@pytest.mark.parametrize(
    ("table", "verbs", "status"),
    [
        (_cells, ("init", "put", "run --rehearse", "run", "report"), 0),
        (_diabetes, ("init", "put", "run --rehearse"), INCONCLUSIVE),  # 66 rows to rehearse on decide nothing
    ],
)
def test_each_command_names_the_next(
    tmp_path: Path,
    table: Callable[[Path], str],
    verbs: tuple[str, ...],
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SEATRIAL_HOME": str(tmp_path / "home"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    folder = tmp_path
    typed: list[str] = []
    seconds: list[str] = []
    line = f"seatrial init project --data data.csv {table(tmp_path / 'data.csv')}"
    while len(typed) < len(verbs):
        for command in line.split(" && "):
            if command.startswith("cd "):
                folder /= command.removeprefix("cd ")
                continue
            begun = time.monotonic()
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
            seconds.append(f"  {time.monotonic() - begun:5.1f} s  {command}")
            typed.append(command)
            assert done.returncode == (status if len(typed) == len(verbs) else 0), (
                f"{command}\n{done.stdout}{done.stderr}"
            )
        line = NEXT.findall(done.stdout + done.stderr)[-1]
    with capsys.disabled():
        print(f"\nA newcomer with {table.__name__.strip('_')}:\n" + "\n".join(seconds))
    for command, verb in zip(typed, verbs, strict=True):
        assert command.startswith(f"seatrial {verb}")
