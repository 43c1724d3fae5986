"""Claim: gaps between groups cost one pass over the rows: the numbers of Fairlearn, with bounds, fifty times faster.

Rows with a label, an answer and one of ten groups: Seatrial counts them in an Arrow table, in NumPy arrays and in Spark
(from a Parquet file, in a session that is up) and makes of four metrics each group's value, all 45 differences and all
45 ratios, with simultaneous bounds; Fairlearn's MetricFrame makes of the same arrays each group's value and the largest
difference and ratio of each metric, without bounds. All point estimates are compared in the same run. Beside them the
physical limit, one NumPy count of cell numbers that are there already. Interleaved; the order turns; what Seatrial
remembers of earlier bounds is forgotten before each. Results: benchmarks/results/fairness.json and
docs/benchmarks/fairness.md. Needs fairlearn, and Java for Spark (else that way is left out, and it says so).

    python benchmarks/fairness.py                            10⁵, 10⁶ and 10⁷ rows, 5 repeats
    python benchmarks/fairness.py --rows 10000 --repeats 2 --out /tmp/try
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

import seatrial
from seatrial.errors import InputError
from seatrial.prepare.java import java_version
from seatrial.verdicts.bounds import combined_tests, proportions
from seatrial.verdicts.evidence import Claim, Evidence, Family

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[1]
SEED = 7
GROUPS = 10
METRICS = ("accuracy", "selection_rate", "true_positive_rate", "false_positive_rate")
ARROW, NUMPY, SPARK = "Seatrial, Arrow table", "Seatrial, NumPy arrays", "Seatrial, Spark from Parquet"
PEER, LIMIT = "Fairlearn MetricFrame", "one count of cell numbers"
EXACT = 1e-12
WARM_ROWS = 20_000
PEER_S = 60.0  # for all repeats of Fairlearn at one size; at least one is made


def main() -> None:
    arguments = parse()
    measured: list[dict[str, Any]] = []
    report(people(WARM_ROWS)[0])  # every import is done before anything is measured
    metric_frame(people(WARM_ROWS)[1])
    with tempfile.TemporaryDirectory(prefix="seatrial-fairness-") as folder, spark_session(Path(folder)) as spark:
        for rows in arguments.rows:
            measured.append(measure(rows, arguments.repeats, arguments.peer_seconds, Path(folder), spark))
            print(json.dumps(measured[-1]), flush=True)
    document = {
        "claim": "Rates by group, their differences and ratios, from labels and answers",
        "groups": GROUPS,
        "metrics": METRICS,
        "repeats": arguments.repeats,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "versions": {name: version(name) for name in ("fairlearn", "pyarrow", "numpy", "pandas", "scikit-learn")},
        "measured": measured,
    }
    out = arguments.out
    (out / "benchmarks" / "results").mkdir(parents=True, exist_ok=True)
    (out / "docs" / "benchmarks").mkdir(parents=True, exist_ok=True)
    (out / "benchmarks" / "results" / "fairness.json").write_text(json.dumps(document, indent=1) + "\n")
    page = out / "docs" / "benchmarks" / "fairness.md"
    page.write_text(render(document))
    print(page.read_text())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-seconds", type=float, default=PEER_S, help="for all repeats of Fairlearn at one size")
    parser.add_argument("--out", type=Path, default=ROOT, help="where benchmarks/ and docs/ are; default: here")
    return parser.parse_args()


@contextmanager
def spark_session(folder: Path) -> Iterator[SparkSession | None]:
    """A session of as many threads as there are cores, warm; None where there is no Java."""
    try:
        java_version()
    except InputError as error:
        print(f"{SPARK}: {error.problem} Left out.")
        yield None
        return
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.memory": "2g",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": str(os.cpu_count()),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(f"local[{os.cpu_count()}]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    try:
        warm = folder / "warm.parquet"
        pyarrow.parquet.write_table(people(WARM_ROWS)[0], warm)
        for _ in range(3):  # the classes of Spark's planner are compiled while it works
            report(spark.read.parquet(str(warm)))
        yield spark
    finally:
        spark.stop()


def people(rows: int) -> tuple[pa.Table, dict[str, np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """The rows as a table with texts, as arrays with numbers of groups, and the number of each row's cell."""
    random = np.random.default_rng(SEED)
    group = random.choice(GROUPS, rows, p=np.arange(1, GROUPS + 1) / sum(range(1, GROUPS + 1)))
    label = (random.random(rows) < 0.2 + 0.03 * group).astype(np.int64)
    answer = np.where(random.random(rows) < 0.9 - 0.01 * group, label, 1 - label)
    names = pa.array([f"group {place}" for place in range(GROUPS)])
    table = pa.table({"label": label, "answer": answer, "group": names.take(pa.array(group))})
    return table, {"label": label, "answer": answer, "group": group}, group * 4 + label * 2 + answer


def measure(rows: int, repeats: int, peer_seconds: float, folder: Path, spark: SparkSession | None) -> dict[str, Any]:
    """Seconds of each way, in the order measured, and how far apart the estimates are at most."""
    table, arrays, cells = people(rows)
    ways: dict[str, Callable[[], Any]] = {
        ARROW: lambda: report(table),
        NUMPY: lambda: report(arrays),
        PEER: lambda: metric_frame(arrays),
        LIMIT: lambda: np.bincount(cells, minlength=4 * GROUPS),
    }
    if spark is not None:
        path = folder / f"{rows}.parquet"
        pyarrow.parquet.write_table(table, path, row_group_size=1_000_000)
        session = spark
        ways[SPARK] = lambda: report(session.read.parquet(str(path)))
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    found: dict[str, Any] = {}
    for repeat in range(repeats):
        # Whoever goes first finds another machine than whoever goes last: the order turns.
        order = list(ways)[repeat % len(ways) :] + list(ways)[: repeat % len(ways)]
        for way in order:
            if way == PEER and repeat > 0 and sum(seconds[PEER]) * (repeat + 1) / repeat > peer_seconds:
                continue
            proportions.forget()
            combined_tests.forget()
            started = time.perf_counter()
            found[way] = ways[way]()
            seconds[way].append(time.perf_counter() - started)
        print({way: [round(one, 3) for one in each] for way, each in seconds.items()}, flush=True)
    apart = max(difference(found[way], found[PEER]) for way in (ARROW, NUMPY, SPARK) if way in found)
    if apart > EXACT:
        raise SystemExit(f"{rows} rows: the estimates are {apart} apart")
    bounds = len(found[ARROW].evidence)
    return {"rows": rows, "seconds": seconds, "apart": apart, "estimates_with_bounds": bounds}


def report(data: Any) -> seatrial.Fairness:
    return seatrial.fairness(data, label="label", answer="answer", groups=["group"], metrics=METRICS, positive="1")


def metric_frame(arrays: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score

    frame = MetricFrame(
        metrics=dict(
            zip(METRICS, (accuracy_score, selection_rate, true_positive_rate, false_positive_rate), strict=True)
        ),
        y_true=arrays["label"],
        y_pred=arrays["answer"],
        sensitive_features=arrays["group"],  # numbers: its quickest form, texts take it longer
    )
    return {
        "overall": frame.overall,
        "by_group": frame.by_group,
        "difference": frame.difference(),
        "ratio": frame.ratio(),
    }


def difference(own: seatrial.Fairness, peer: dict[str, Any]) -> float:
    """How far apart the two are at most: overall, each group, the largest difference and the smallest ratio."""
    by_claim: dict[Claim, list[Evidence]] = {}
    for item in own.evidence:
        by_claim.setdefault(item.claim, []).append(item)
    worst = 0.0
    for metric in METRICS:
        (overall,) = by_claim[Claim(metric)]
        worst = max(worst, abs(overall.estimate - peer["overall"][metric]))
        groups = by_claim[Claim(metric, Family.GROUPS, "group")]
        for item in groups:
            place = int(item.slice.rpartition("=")[2].removeprefix("group "))
            worst = max(worst, abs(item.estimate - peer["by_group"][metric][place]))
        gaps = [abs(item.estimate) for item in by_claim[Claim(metric, Family.PAIRS, "group")]]
        ratios = [min(item.estimate, 1 / item.estimate) for item in by_claim[Claim(metric, Family.RATIOS, "group")]]
        if (len(groups), len(gaps), len(ratios)) != (GROUPS, GROUPS * (GROUPS - 1) // 2, GROUPS * (GROUPS - 1) // 2):
            raise SystemExit(f"{metric}: {len(groups)} groups, {len(gaps)} differences and {len(ratios)} ratios")
        worst = max(worst, abs(max(gaps) - peer["difference"][metric]), abs(min(ratios) - peer["ratio"][metric]))
    return float(worst)


def render(document: dict[str, Any]) -> str:
    """The table of the docs: medians with min–max, and how many times faster than Fairlearn."""
    said = (
        f"Labels and answers of {document['groups']} groups; {', '.join(document['metrics'])} overall and of each"
        " group, and every difference and ratio of two groups. Seatrial's have simultaneous bounds, Fairlearn's"
        f" {document['versions']['fairlearn']} have none. Up to {document['repeats']} interleaved repeats (n; fewer of"
        " Fairlearn where it takes minutes), medians with min–max, on"
        f" {document['machine']['cores']} cores. Made by `python benchmarks/fairness.py`."
    )
    lines = [
        *("---", "orphan: true", "---", ""),
        *("# Fairness", "", said, ""),
        "| rows | way | n | seconds | times faster than Fairlearn |",
        "|---|---|---|---|---|",
    ]
    for one in document["measured"]:
        peer = statistics.median(one["seconds"][PEER])
        for way, seconds in one["seconds"].items():
            median = statistics.median(seconds)
            spread = f"{median:.3g} ({min(seconds):.3g}–{max(seconds):.3g})"
            faster = "" if way in (PEER, LIMIT) else f"{peer / median:,.0f}"
            lines.append(f"| {one['rows']:,} | {way} | {len(seconds)} | {spread} | {faster} |")
    apart = max(one["apart"] for one in document["measured"])
    lines += ["", f"Point estimates differ by at most {apart:.2g} from Fairlearn's."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
