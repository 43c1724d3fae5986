"""A command imports what it uses: where nothing has to be done, nothing that only work needs is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.csv
import pytest

from tests.real.finished_project import GOOD, linear, ships

pytestmark = pytest.mark.simulation

# Each takes a tenth of a second or more, and computes, trains, reads tables or talks to a cloud.
WORK = (
    "azure",
    "lightgbm",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "pyiceberg",
    "pyspark",
    "requests",
    "rich",
    "securesystemslib",
    "sklearn",
    "sqlalchemy",
    "tensorflow",
    "torch",
    "xgboost",
)
COUNTED = """
import sys
from seatrial.cli import main
try:
    main({words!r})
except SystemExit as ended:
    status = ended.code
loaded = {{name.partition(".")[0] for name in sys.modules}}
print("LOADED", status, *sorted(loaded & set({work!r})))
"""
STEPS = """from seatrial import step


@step()
def rows(*, many: int = 3):
    return {"many": many}


@step(inputs={"rows": "rows"})
def double(rows):
    return {"many": 2 * rows["many"]}
"""


def loaded(folder: Path, *words: str) -> list[str]:
    """What a command, run on its own, has loaded of `WORK`; it has to end well."""
    code = COUNTED.format(words=list(words), work=WORK)
    environment = {**os.environ, "SEATRIAL_HOME": str(folder.parent / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    line = next(one for one in reversed(done.stdout.splitlines()) if one.startswith("LOADED"))
    _, status, *names = line.split()
    assert status == "0", done.stderr
    return names


def seatrial(folder: Path, *words: str) -> None:
    environment = {**os.environ, "SEATRIAL_HOME": str(folder.parent / "home")}
    subprocess.run([sys.executable, "-m", "seatrial", *words], cwd=folder, env=environment, check=True)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of Python steps, all of them cached."""
    folder = tmp_path_factory.mktemp("steps") / "p"
    folder.mkdir()
    (folder / "seatrial.toml").write_text('[project]\nname = "small"\n')
    (folder / "pipeline.py").write_text(STEPS)
    seatrial(folder, "run")
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project around a finished model, all of it cached, with a release."""
    around = tmp_path_factory.mktemp("finished")
    (around / "model.onnx").write_bytes(linear(GOOD))
    pyarrow.csv.write_csv(ships(), around / "test.csv")
    seatrial(around, "init", "ships", "--from", "model.onnx", "--test", "test.csv", "--label", "late")
    seatrial(around / "ships", "run")
    return around / "ships"


@pytest.mark.parametrize("command", ["plan", "run", "runs", "releases"])
def test_a_cached_project_of_steps_loads_nothing_that_works(steps: Path, command: str) -> None:
    assert loaded(steps, command) == []


@pytest.mark.parametrize("command", ["plan", "run", "verify", "releases", "runs"])
def test_a_cached_project_around_a_model_loads_nothing_that_works(finished: Path, command: str) -> None:
    assert loaded(finished, command) == []


@pytest.mark.parametrize("command", ["doctor", "keys", "store"])
def test_the_help_of_a_command_loads_nothing_that_works(tmp_path: Path, command: str) -> None:
    (tmp_path / "p").mkdir()
    assert set(loaded(tmp_path / "p", command, "--help")) <= {"rich"}
