"""The gates: each an environment of its own with pinned versions, and a process that takes one case after the other."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from gates_cases import Drawn, answer_table

from seatrial.trial.self_test.case import judge_case
from seatrial.verdicts.verdict import Outcome

ADAPTERS = Path(__file__).with_name("gate_adapters")
CASE_LIMIT_S = 600.0
END_LIMIT_S = 10.0
QUIET = {  # one thread each, and no calls home
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
    "TQDM_DISABLE": "1",
    "GSK_DISABLE_ANALYTICS": "true",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DISABLE_DEEPCHECKS_ANONYMOUS_TELEMETRY": "true",
    "DISABLE_LATEST_VERSION_CHECK": "true",
}
_MOST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate that people use: what is installed for it, and the file that speaks to it."""

    name: str
    packages: tuple[str, ...]
    adapter: str
    draws: int  # by default: as many as its speed allows


GATES = (
    Gate("Fairlearn", ("fairlearn==0.15.0", "pyarrow"), "with_fairlearn.py", 8),
    Gate("MLflow", ("mlflow==3.17.2", "pyarrow"), "with_mlflow.py", 3),
    Gate("Evidently", ("evidently==0.7.23", "pandas==2.3.3", "pyarrow"), "with_evidently.py", 2),
    Gate(
        "deepchecks",
        (
            "deepchecks==0.19.1",
            "setuptools<81",
            "scikit-learn==1.3.2",
            "scipy==1.11.4",
            "category_encoders==2.6.4",
            "numpy==1.26.4",
            "pandas==2.2.3",
            "pyarrow==17.0.0",
        ),
        "with_deepchecks.py",
        1,
    ),
    Gate("Giskard", ("giskard==2.19.2", "pyarrow==17.0.0"), "with_giskard.py", 1),
    Gate("bdp-model-gate", ("bdp-model-gate[structured]==0.7.0", "pyarrow"), "with_model_gate.py", 2),
)
SEATRIAL, DRAWS_OF_SEATRIAL = "Seatrial", 8


@dataclass(frozen=True, slots=True)
class Decision:
    """What one gate did with one case of one draw."""

    passed: bool
    seconds: float
    said: str
    error: bool = False


def decide_by_seatrial(drawn: Drawn) -> Decision:
    """The whole trial and the stated policy, with Seatrial's defaults for everything else."""
    start = time.process_time()
    case = drawn.case
    made = type(case)(
        case.name, lambda: drawn.subject, case.require, case.policy, case.caught_by, otherwise=case.otherwise
    )
    verdict = judge_case(made)
    seconds = time.process_time() - start
    stopped = [finding for finding in verdict.findings if finding.outcome is not Outcome.PASS]
    flags = {flag.code for finding in stopped for evidence in finding.deciding for flag in evidence.flags}
    words = "; ".join(f"{finding.outcome}: {finding.requirement}" for finding in stopped) or "pass"
    words += f" ({', '.join(sorted(flags))})" if flags else ""
    return Decision(verdict.passed, seconds, words[:_MOST_WORDS])


def environment(gate: Gate, folder: Path, uv: str | Path) -> Path:
    """The Python that has this gate and nothing of ours; made where it is not there yet."""
    place = folder / gate.name.lower()
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        subprocess.run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, place], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *gate.packages], check=True)
        (place / "complete").touch()
    return python


class Worker:
    """One process of an adapter; a case that outlasts its limit ends the process, and the next starts another."""

    def __init__(self, command: list[str], *, limit_s: float = CASE_LIMIT_S) -> None:
        self._command, self._limit_s = command, limit_s
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader: threading.Thread | None = None

    def decide(self, folder: Path, drawn: Drawn) -> Decision:
        """What the gate says of the case in `folder`, whose model answers the adapter's questions."""
        self._start()
        self._tell(str(folder))
        while True:
            try:
                line = self._lines.get(timeout=self._limit_s)
            except queue.Empty:
                self.close()
                return Decision(passed=False, seconds=self._limit_s, said="ran into the time limit", error=True)
            if not line:
                self.close()
                return Decision(passed=False, seconds=0.0, said="the process ended", error=True)
            answer = json.loads(line)
            if "ask" not in answer:
                return Decision(**answer)
            self._tell(str(_answered(drawn, Path(answer["ask"]))))

    def close(self) -> None:
        """Ends the process, where one runs."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(END_LIMIT_S)
        if self._reader is not None:
            self._reader.join(END_LIMIT_S)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._process = None

    def _start(self) -> None:
        if self._process is not None:
            return
        quiet = os.environ | QUIET
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=quiet,
        )
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=_read, args=(self._process, self._lines.put), daemon=True)
        self._reader.start()

    def _tell(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


def _read(process: subprocess.Popen[str], put: Callable[[str], None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        put(line)
    put("")


def _answered(drawn: Drawn, rows: Path) -> Path:
    """The model's answers to the rows of a file, as another file."""
    signature = drawn.subject.predictor.signature
    table = pq.read_table(rows)
    for column in signature.inputs:  # a perturbation may have made numbers of another type
        if column.kind == "number":
            place = table.column_names.index(column.name)
            table = table.set_column(place, column.name, table.column(column.name).cast("float64"))
    answers = drawn.subject.predictor.predict(table)
    with tempfile.NamedTemporaryFile(suffix=".parquet", delete=False) as file:
        pq.write_table(answer_table(answers), file.name)
    return Path(file.name)
