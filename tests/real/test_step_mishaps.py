"""What steps of the small project can do wrong, and what the run makes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.real.small_project import LIMIT_S, SmallProject

pytestmark = pytest.mark.real
WAIT_S = 60.0  # of seconds that pass at once on idle cores; a loaded machine takes twenty to start a run
FITS = "    data = train.to_arrow()"


@pytest.fixture
def project(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path)


def test_code_that_changes_while_it_runs_is_not_cached_under_its_old_key(project: SmallProject) -> None:
    changes = "    with open(__file__, 'a') as own:\n        own.write('HARBOURS = HARBOURS\\n')\n"
    project.edit("pipeline.py", FITS, f"{changes}{FITS}")
    done = project.call("run")
    assert done.returncode == 1
    assert "step 'model': the project's code changed while it ran." in done.stderr
    project.edit("pipeline.py", changes, "")
    assert project.states(project.json("run"))["model"] == "ran"


def test_a_step_that_calls_exit_has_failed(project: SmallProject) -> None:
    project.edit("pipeline.py", FITS, f"    raise SystemExit(0)\n{FITS}")
    done = project.call("run")
    assert done.returncode == 1
    assert "step 'model' raised SystemExit: 0" in done.stderr


def test_a_module_that_calls_exit_is_a_mistake_with_its_line(project: SmallProject) -> None:
    project.edit("pipeline.py", "HARBOURS = (", "raise SystemExit(0)\nHARBOURS = (")
    done = project.call("plan")
    assert done.returncode == 2
    assert "importing the pipeline raised SystemExit: 0" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('test = "rows.test"', 'test = "model"', "data.test must name a table, got a model."),
        ('from = "model"', 'from = "rows.train"', "model.from must name a model, got a table."),
    ],
)
def test_what_the_trial_cannot_use_is_named_by_its_key(
    project: SmallProject, old: str, new: str, expected: str
) -> None:
    project.edit("seatrial.toml", old, new)
    done = project.call("run")
    assert done.returncode == 2
    assert expected in done.stderr


def test_a_step_may_read_tables_beside_those_that_its_model_answers_for(project: SmallProject) -> None:
    project.edit("pipeline.py", '"validation", "test"))', '"validation", "test", "berths"))')
    project.edit("pipeline.py", '"train": table[', '"berths": pa.table({"berth": [1, 2]}), "train": table[')
    project.edit(
        "pipeline.py", 'inputs={"train": "rows.train"}', 'inputs={"berths": "rows.berths", "train": "rows.train"}'
    )
    project.edit("pipeline.py", "def model(train: Table,", "def model(berths: Table, train: Table,")
    assert project.json("run")["verdict"] == "pass"


def test_a_file_of_the_project_does_not_stand_in_for_a_library_of_seatrials(project: SmallProject) -> None:
    (project.folder / "cyclopts.py").write_text("raise RuntimeError('this is the project')\n")
    command = [sys.executable, "-P", "-m", "seatrial", "run"]  # as the installed command: without the working folder
    done = subprocess.run(
        command,
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_killed_run_leaves_no_process_of_its_steps(project: SmallProject) -> None:
    numbers = project.folder / "numbers"
    starts = (
        "    import os, subprocess, time\n"
        "    other = subprocess.Popen(['sleep', '600'])\n"
        f"    with open({str(numbers)!r}, 'w') as file:\n"
        "        file.write(f'{os.getpid()} {other.pid}\\n')\n"
        "    time.sleep(600)\n"
    )
    project.edit("pipeline.py", FITS, f"{starts}{FITS}")
    run = project.start("run")
    until = time.monotonic() + WAIT_S
    while not numbers.exists() or not numbers.read_text().endswith("\n"):
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=WAIT_S)
    left = [int(number) for number in numbers.read_text().split()]
    while any(map(lives, left)):
        assert time.monotonic() < until + WAIT_S, left
        time.sleep(0.05)


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
