"""`scripts/test` by tier: what each runs, what it leaves out and says so, and whose failure is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.simulation  # it starts processes

ROOT = Path(__file__).parents[2]
# In the place of pytest: prints what it was called with, and ends as the test wants it to.
PYTEST = """#!/bin/sh
echo "pytest $*"
while [ -n "$WAIT_FOR" ] && [ ! -e "$WAIT_FOR" ]; do sleep 0.1; done
case "$*" in
  tests/unit*) exit ${UNIT:-0} ;;
  tests/cluster*) exit ${CLUSTER:-${REST:-0}} ;;
  *) exit ${REST:-0} ;;
esac
"""
Call = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Runs the script in a folder of its own: its status, the lines that it printed, and its errors."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "test", tmp_path / "scripts")
    program = tmp_path / ".venv" / "bin" / "pytest"
    program.parent.mkdir(parents=True)
    program.write_text(PYTEST)
    program.chmod(0o755)
    python = program.with_name("python")
    python.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/python\nexec sleep 600\n')
    python.chmod(0o755)

    def run(*words: str, **statuses: object) -> tuple[int, list[str], str]:
        environment = os.environ | {name: str(status) for name, status in statuses.items()}
        done = subprocess.run(
            [tmp_path / "scripts" / "test", *words], env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout.splitlines(), done.stderr

    return run


def test_unit_leaves_simulations_out_and_says_so(call: Call) -> None:
    status, lines, _ = call("unit", "-k", "name")
    assert status == 0
    assert "skips simulations" in lines[0]
    assert lines[1:] == ["pytest tests/unit -n 2 --dist loadfile -m not simulation -k name"]


def test_a_tier_runs_its_folder_alone(call: Call) -> None:
    assert call("simulation")[1] == ["pytest tests/unit -n 2 --dist loadfile -m simulation"]
    assert call("real", "-x")[1] == ["pytest tests/real -n 2 --dist loadfile -x"]
    assert call("slow")[1] == ["pytest tests/slow -n 2 --dist loadfile"]
    assert call("cluster", "-x")[1] == ["pytest tests/cluster -n 2 --dist loadfile -x"]


def test_without_a_tier_everything_runs_whatever_fails_first(call: Call) -> None:
    everything = [
        "pytest tests/unit -n 2 --dist loadfile",
        "pytest tests/real tests/slow -n 2 --dist loadfile",
        "pytest tests/cluster -n 2 --dist loadfile",
    ]
    assert call() == (0, everything, "")
    assert call("all", UNIT=1) == (1, everything, "")
    assert call("all", REST=1) == (1, everything, "")
    assert call("all", CLUSTER=1) == (1, everything, "")


def test_the_clusters_image_is_begun_first_where_everything_runs_and_ended_with_it(call: Call, tmp_path: Path) -> None:
    call("all", "-k", "name")
    call("cluster")
    assert not (tmp_path / "python").exists()
    began = time.monotonic()
    assert call("all", WAIT_FOR=tmp_path / "python")[0] == 0
    assert time.monotonic() - began < 300  # nobody waited for it
    (words,) = (tmp_path / "python").read_text().splitlines()
    assert words.startswith("-m tests.cluster.steps_image ")
    assert not Path(words.split()[-1]).exists()


def test_a_name_that_half_of_the_tests_do_not_have_is_no_failure(call: Call) -> None:
    assert call("all", UNIT=5)[0] == 0
    assert call("all", REST=5)[0] == 0
    assert call("all", UNIT=5, REST=5)[0] == 5


def test_what_is_interrupted_begins_nothing_else(call: Call) -> None:
    assert call("all", UNIT=2) == (2, ["pytest tests/unit -n 2 --dist loadfile"], "")
    assert call("all", REST=2)[1][-1] == "pytest tests/real tests/slow -n 2 --dist loadfile"


def test_an_unknown_tier_names_those_there_are(call: Call) -> None:
    status, lines, error = call("units")
    assert (status, lines) == (2, [])
    assert error == "scripts/test: unknown tier: units. Use unit, simulation, real, slow, cluster or all.\n"


def collected(folder: Path, *options: str) -> list[str]:
    shutil.copy(ROOT / "tests" / "unit" / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    simulation: slow\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_a_file_of_simulations_alone_is_not_imported_by_the_unit_tier(tmp_path: Path) -> None:
    (tmp_path / "test_long.py").write_text("import pytest\npytestmark = pytest.mark.simulation\nraise SystemExit\n")
    (tmp_path / "test_short.py").write_text("def test_it() -> None: ...\n")
    assert "1 passed" in collected(tmp_path, "-m", "not simulation")[-1]


def test_a_unit_test_that_starts_a_process_fails_and_a_simulation_may(tmp_path: Path) -> None:
    (tmp_path / "test_both.py").write_text(
        "import pytest, subprocess\n"
        "def test_unit() -> None: subprocess.run(['true'], check=True)\n"
        "@pytest.mark.simulation\n"
        "def test_simulation() -> None: subprocess.run(['true'], check=True)\n"
    )
    lines = collected(tmp_path)
    assert "1 failed, 1 passed" in lines[-1]
    assert any("mark it pytest.mark.simulation" in line for line in lines)
