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
    "azure.identity",
    "catboost",
    "kfp",
    "kubernetes",
    "lightgbm",
    "mlflow",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "pyarrow.dataset",
    "pyarrow.fs",
    "pyarrow.parquet",
    "pyiceberg",
    "pyspark",
    "requests",
    "rich",
    "scipy",
    "securesystemslib",
    "skl2onnx",
    "sklearn",
    "sqlalchemy",
    "tensorflow",
    "torch",
    "uvicorn",
    "uvloop",
    "xgboost",
)
# What answering takes; pyarrow loads pandas, where it is installed, to make arrays of NumPy.
ANSWERING = {"numpy", "onnx", "onnxruntime", "pandas", "pyarrow", "pyarrow.fs", "pyarrow.parquet"}
COUNTED = """
import sys
from seatrial.cli import main
try:
    main({words!r})
except SystemExit as ended:
    status = ended.code
print("LOADED", status, *sorted(set(sys.modules) & set({work!r})))
"""
STEPS = """from seatrial import step


@step()
def rows(*, many: int = 3):
    return {"many": many}


@step(inputs={"rows": "rows"})
def double(rows):
    return {"many": 2 * rows["many"]}
"""

TABLES = """from seatrial import step


@step()
def rows(*, many: int = 3):
    import pyarrow as pa

    return pa.table({"n": list(range(many))})


@step(inputs={"rows": "rows"})
def copy(rows):
    return rows.to_arrow()
"""


def loaded(folder: Path, *words: str) -> list[str]:
    """What a command, run on its own, has loaded of `WORK`; it has to end well."""
    code = COUNTED.format(words=list(words), work=WORK)
    environment = {**os.environ, "SEATRIAL_HOME": str(folder.parent / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    line = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("LOADED"))
    _, status, *names = line.split()
    assert status == "0", done.stderr
    return names


def seatrial(folder: Path, *words: str) -> None:
    environment = {**os.environ, "SEATRIAL_HOME": str(folder.parent / "home")}
    subprocess.run([sys.executable, "-m", "seatrial", *words], cwd=folder, env=environment, check=True)


def cached(folder: Path, source: str) -> Path:
    """A project of these steps, run once."""
    folder.mkdir()
    (folder / "seatrial.toml").write_text('[project]\nname = "small"\n')
    (folder / "pipeline.py").write_text(source)
    seatrial(folder, "run")
    return folder


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of Python steps, all of them cached."""
    return cached(tmp_path_factory.mktemp("steps") / "p", STEPS)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose steps make tables of the catalog, all of them cached."""
    return cached(tmp_path_factory.mktemp("tables") / "p", TABLES)


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


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_cached_project_of_tables_loads_neither_the_catalog_nor_arrow(tables: Path, command: str) -> None:
    assert loaded(tables, command) == []


@pytest.mark.parametrize("words", ["plan", "run", "verify", "releases", "runs", "logs", "diff ships@1 ships@1"])
def test_a_cached_project_around_a_model_loads_nothing_that_works(finished: Path, words: str) -> None:
    assert loaded(finished, *words.split()) == []


def test_a_report_is_written_without_the_model(finished: Path) -> None:
    assert set(loaded(finished, "report")) <= {"numpy"}


@pytest.mark.parametrize("words", ["predict ships@1 ../test.csv", "try ../model.onnx ../test.csv --label late"])
def test_answers_need_the_runtime_and_arrow_alone(finished: Path, words: str) -> None:
    assert set(loaded(finished, *words.split())) <= ANSWERING


def test_the_example_needs_no_more_than_any_model(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    assert set(loaded(tmp_path / "p", "try", "--example")) <= ANSWERING


@pytest.mark.parametrize(
    "words", ["--help", *(f"{command} --help" for command in ("run", "try", "init", "doctor", "keys", "store"))]
)
def test_help_loads_nothing_that_works(tmp_path: Path, words: str) -> None:
    (tmp_path / "p").mkdir()
    assert set(loaded(tmp_path / "p", *words.split())) <= {"rich"}
