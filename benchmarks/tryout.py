"""Claim: `seatrial try` costs little more than reading the table and asking the model, in memory that hardly grows.

For each model and number of rows, interleaved and each in a process of its own: the command from its start to its end
(seconds, peak memory) and its scoring phase; beside them the physical limits, a bare read of the same file and
onnxruntime on the same rows, already in memory as it takes them. Results: benchmarks/results/tryout.json and
docs/benchmarks/tryout.md. Needs scikit-learn and skl2onnx.

    python benchmarks/tryout.py                     10⁴, 10⁵ and 10⁶ rows, 5 repeats
    python benchmarks/tryout.py --rows 10000 --repeats 2 --out /tmp/try
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

ROOT = Path(__file__).parents[1]
SEED = 7
NUMBERS = tuple(f"n{place}" for place in range(12))
TRAINED = 40_000  # rows that the models of numbers are fitted on
LARGE_BYTES = 10 * 2**20  # what the claim calls a large model
READ_ROWS = 65_536  # of one read, as the command has them
RUN_ROWS = 16_384  # of one run, as packaged models have them
TRY, SCORING, READ, RUN = "seatrial try", "its scoring phase", "bare read", "onnxruntime alone"
KIB_IN_MIB = 1024


@dataclass(frozen=True)
class Case:
    """A model's file, and what makes a table of so many rows for it."""

    name: str
    model: Path
    label: str
    groups: str
    table: Callable[[int], pa.Table]


def main() -> None:
    arguments = parse()
    if arguments.child:
        seconds = CHILDREN[arguments.child[0]](*arguments.child[1:])
        print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}))
        return
    measured: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="seatrial-tryout-") as name:
        folder = Path(name)
        for case in (census(), *numbers(folder)):
            for rows in arguments.rows:
                path = folder / f"{case.name}-{rows}.parquet"
                pa.parquet.write_table(case.table(rows), path, compression="zstd")
                measured.append(measure(case, path, rows, arguments.repeats, folder))
                print(summary(measured[-1]), flush=True)
                path.unlink()
    document = {
        "claim": "seatrial try beside a bare read and onnxruntime on the same rows",
        "repeats": arguments.repeats,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "measured": measured,
    }
    out = arguments.out
    (out / "benchmarks" / "results").mkdir(parents=True, exist_ok=True)
    (out / "docs" / "benchmarks").mkdir(parents=True, exist_ok=True)
    (out / "benchmarks" / "results" / "tryout.json").write_text(json.dumps(document, indent=1) + "\n")
    page = out / "docs" / "benchmarks" / "tryout.md"
    page.write_text(render(document))
    print(page.read_text())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT, help="where benchmarks/ and docs/ are; default: here")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


def census() -> Case:
    """The example's model: ten named columns, six of them texts. Its people are drawn again, a little older or not."""
    folder = ROOT / "examples" / "try"
    people = pa.parquet.read_table(folder / "census.parquet")

    def table(rows: int) -> pa.Table:
        random = np.random.default_rng(SEED)
        found = people.take(random.integers(0, people.num_rows, rows))
        for name in ("age", "hours_per_week"):
            moved = found.column(name).to_numpy() + random.integers(-3, 4, rows)
            found = found.set_column(found.column_names.index(name), name, pa.array(moved))
        return found

    return Case("census", folder / "census.onnx", "income", "sex,race,age:30,50", table)


def numbers(folder: Path) -> tuple[Case, ...]:
    """Two models of one matrix of float32: a logistic regression, and a forest of more than 10 MB."""
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    def table(rows: int, seed: int = SEED) -> pa.Table:
        random = np.random.default_rng(seed)
        values = random.normal(0, 1, (rows, len(NUMBERS))).astype(np.float32)
        signal = values[:, :4].sum(axis=1) + values[:, 4] * values[:, 5] + random.normal(0, 1, rows)
        columns = {name: pa.array(values[:, place]) for place, name in enumerate(NUMBERS)}
        groups = {
            "sex": pa.array(random.choice(["Female", "Male"], rows)),
            "region": pa.array(random.choice(["north", "east", "south", "west"], rows)),
        }
        return pa.table({**columns, **groups, "y": pa.array(np.where(signal > 0, "yes", "no"))})

    train = table(TRAINED, SEED + 1)
    matrix = np.column_stack([train.column(name).to_numpy() for name in NUMBERS])
    labels = train.column("y").to_numpy(zero_copy_only=False)
    cases = []
    for name, estimator in (
        ("logistic", LogisticRegression()),
        ("forest", RandomForestClassifier(200, max_leaf_nodes=1500, random_state=SEED, n_jobs=-1)),
    ):
        exported = to_onnx(estimator.fit(matrix, labels), matrix[:1], options={"zipmap": False})
        path = folder / f"{name}.onnx"
        path.write_bytes(exported.SerializeToString())
        cases.append(Case(name, path, "y", "sex,region", table))
    if (size := cases[-1].model.stat().st_size) < LARGE_BYTES:
        raise SystemExit(f"the forest has {size:,} bytes, and should be a large model")
    return tuple(cases)


def measure(case: Case, path: Path, rows: int, repeats: int, folder: Path) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {TRY: [], SCORING: [], READ: [], RUN: []}
    memory: dict[str, list[float]] = {TRY: [], READ: [], RUN: []}
    ways = (TRY, SCORING, READ, RUN)
    for repeat in range(repeats):
        for way in ways if repeat % 2 == 0 else reversed(ways):  # whoever goes first finds another machine
            taken, answer, peak = run(way, case, path, folder / f"state-{case.name}-{rows}-{repeat}-{ways.index(way)}")
            seconds[way].append(taken if answer is None else answer)
            if way in memory:
                memory[way].append(peak)
    return {
        "model": case.name,
        "model_bytes": case.model.stat().st_size,
        "rows": rows,
        "file_bytes": path.stat().st_size,
        "seconds": seconds,
        "peak_mib": memory,
    }


def run(way: str, case: Case, path: Path, state: Path) -> tuple[float, float | None, float]:
    """One process: seconds from its start to its end, the seconds that it says itself (None: none), peak MiB."""
    child = {TRY: "command", SCORING: "scoring", READ: "read", RUN: "run"}[way]
    words = [sys.executable, __file__, "--child", child, str(case.model), str(path), case.label, case.groups]
    environment = {**os.environ, "SEATRIAL_STATE": str(state)}
    started = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{way}: {done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    return taken, said["seconds"], said["peak_mib"]


def peak_mib() -> float:
    """Of this process since its program began; what getrusage says would have its parent's in it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / KIB_IN_MIB


def command(model: str, path: str, label: str, groups: str) -> None:
    """The command itself, from its first import to its report."""
    from seatrial.cli import main as seatrial

    report = Path(os.environ["SEATRIAL_STATE"]).with_suffix(".html")
    words = ["try", model, path, "--label", label, "--groups", groups, "--report", str(report), "--json"]
    try:
        seatrial(words)
    except SystemExit as ended:
        if ended.code not in (0, 3):
            raise


def scoring(model: str, path: str, label: str, groups: str) -> float:
    """Seconds of the scoring phase of an attempt."""
    from seatrial.trial.question import Question
    from seatrial.tryout.command import split_groups
    from seatrial.tryout.open_inputs import try_model

    began: dict[str, float] = {}

    def on_progress(phase: str, done: int, rows: int | None) -> None:
        del done, rows
        began.setdefault(phase, time.perf_counter())

    question = Question(label, groups=split_groups((groups,)))
    try_model(
        model, path, question, state=Path(os.environ["SEATRIAL_STATE"]), now=datetime.now(UTC), on_progress=on_progress
    )
    return began["measuring"] - began["scoring"]


def read(model: str, path: str, label: str, groups: str) -> float:
    """Seconds of a bare read of all columns, in batches."""
    del model, label, groups
    started = time.perf_counter()
    with pa.parquet.ParquetFile(path) as file:
        for _ in file.iter_batches(batch_size=READ_ROWS):
            pass
    return time.perf_counter() - started


def run_alone(model: str, path: str, label: str, groups: str) -> float:
    """Seconds that onnxruntime itself takes for all rows, in batches; reading and converting are not counted."""
    import onnxruntime

    del label, groups
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    total = 0.0
    with pa.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=RUN_ROWS):
            feed = {one.name: tensor(batch, one) for one in inputs}
            started = time.perf_counter()
            session.run(None, feed)
            total += time.perf_counter() - started
    return total


def tensor(batch: pa.RecordBatch, wanted: Any) -> Any:
    """What onnxruntime takes for one of its inputs: a column, or the matrix of all numbers."""
    if wanted.name not in batch.schema.names:
        return np.column_stack([batch.column(name).to_numpy() for name in NUMBERS]).astype(np.float32)
    column = batch.column(wanted.name)
    if "string" not in wanted.type:
        return column.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, 1)
    encoded = column.fill_null("").dictionary_encode()
    return np.array(encoded.dictionary.to_pylist(), object)[encoded.indices.to_numpy()].reshape(-1, 1)


CHILDREN: dict[str, Callable[..., float | None]] = {
    "command": command,
    "scoring": scoring,
    "read": read,
    "run": run_alone,
}


def summary(one: dict[str, Any]) -> str:
    medians = ", ".join(f"{way} {statistics.median(seconds):.2f} s" for way, seconds in one["seconds"].items())
    return f"{one['model']}, {one['rows']:,} rows: {medians}; peak {statistics.median(one['peak_mib'][TRY]):.0f} MiB"


HEADER = (
    *("model", "rows", "whole", "scoring", "read", "onnxruntime", "scoring ÷ onnxruntime"),
    *("whole ÷ (read + onnxruntime)", "peak MiB", "peak of a bare read"),
)


def render(document: dict[str, Any]) -> str:
    """The table of the docs: medians with min–max, and how many times the limits the command takes."""
    said = (
        f"`seatrial try MODEL TABLE --label … --groups …` from its start to its end, each time in a process of its own;"
        f" {document['repeats']} interleaved repeats, medians with min–max in seconds, on"
        f" {document['machine']['cores']} cores. Beside it a bare read of the same Parquet file, and onnxruntime on the"
        " same rows, already converted. Made by `python benchmarks/tryout.py`."
    )
    lines = [
        *("---", "orphan: true", "---", ""),
        *("# Trying a model", "", said, ""),
        f"| {' | '.join(HEADER)} |",
        "|" + "---|" * len(HEADER),
    ]
    for one in document["measured"]:
        times = {way: statistics.median(seconds) for way, seconds in one["seconds"].items()}
        shown = {way: f"{times[way]:.2f} ({min(found):.2f}–{max(found):.2f})" for way, found in one["seconds"].items()}
        lines.append(
            f"| {one['model']}, {one['model_bytes'] / 2**20:.2f} MiB | {one['rows']:,} | {shown[TRY]}"
            f" | {shown[SCORING]} | {shown[READ]} | {shown[RUN]} | {times[SCORING] / times[RUN]:.2f}"
            f" | {times[TRY] / (times[READ] + times[RUN]):.2f}"
            f" | {statistics.median(one['peak_mib'][TRY]):.0f} | {statistics.median(one['peak_mib'][READ]):.0f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
