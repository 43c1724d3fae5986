"""Claim: a run with nothing to do costs a few times `seatrial --help`, tables of the catalog included.

Chains of 4 and 10 steps, each giving a small value or a small table to the next, are run once and then again with
everything cached: `seatrial run` and `seatrial plan`, ZenML's cached pipeline, Metaflow's `resume`, and kfp's local
runner, which has no cache and so runs its steps. Each peer is installed by uv into an environment of its own below a
temporary folder. All of them take turns in one run: whole processes, wall clock and CPU. Beside them stand a bare
Python and `seatrial --help`, of which everything is a multiple. Results: benchmarks/results/cached.json and
docs/benchmarks/cached.md.

    python benchmarks/cached.py                                  4 and 10 steps, 5 repeats, all peers
    python benchmarks/cached.py --repeats 2 --peers --out /tmp/try   Seatrial alone, a quick look
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PEERS = {"ZenML": "zenml[local]", "Metaflow": "metaflow", "kfp": "kfp"}
HELP = "seatrial --help"
PYTHON_ALONE = "python -c pass"
LIMIT_S = 600
# Everybody's bytecode is kept, as in daily use; a peer's is written by its first run.
SHELL = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

PROJECT = '[project]\nname = "cached"\n'

# Each chain: what stands before its steps, its first step, one of the others, and what stands behind them.
SEATRIAL = """from seatrial import step


@step()
def s1(*, many: int = 3):
    return {{"many": many}}
"""
SEATRIAL_STEP = """

@step(inputs={{"before": "s{before}"}})
def s{number}(before):
    return {{"many": before["many"] + 1}}
"""
SEATRIAL_TABLES = """import pyarrow as pa

from seatrial import step


@step()
def s1(*, many: int = 3):
    return pa.table({{"n": list(range(many))}})
"""
SEATRIAL_TABLES_STEP = """

@step(inputs={{"before": "s{before}"}})
def s{number}(before):
    return before.to_arrow()
"""
ZENML = """from zenml import pipeline, step


@step
def s1() -> int:
    return 3
"""
ZENML_STEP = """

@step
def s{number}(before: int) -> int:
    return before + 1
"""
ZENML_END = """

@pipeline(enable_cache=True)
def chain():
    a = s1()
{calls}

chain()
"""
METAFLOW = """from metaflow import FlowSpec, step


class Chain(FlowSpec):
"""
METAFLOW_STEP = """
    @step
    def {name}(self):
        self.many = {value}
        {then}
"""
METAFLOW_END = """

if __name__ == "__main__":
    Chain()
"""
KFP = """from kfp import dsl, local

local.init(runner=local.SubprocessRunner(use_venv=False))


@dsl.component(base_image="unused", install_kfp_package=False)
def s1(before: int) -> int:
    return before
"""
KFP_STEP = """

@dsl.component(base_image="unused", install_kfp_package=False)
def s{number}(before: int) -> int:
    return before + 1
"""
KFP_END = """

@dsl.pipeline
def chain():
    a = s1(before=3)
{calls}

chain()
"""


@dataclass(frozen=True)
class Way:
    """A command that is timed, and the folder and environment that it runs in."""

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: dict[str, str]


@dataclass(frozen=True)
class Took:
    """Of one whole process with all that it started."""

    seconds: float
    cpu_s: float


def main() -> None:
    arguments = parse()
    results: dict[str, dict[str, list[Took]]] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="seatrial-cached-") as place:
        folder = arguments.environments or Path(place)
        peers = {name: environment(name, folder, versions) for name in arguments.peers}
        for steps in arguments.steps:
            ways = list(prepared(Path(place) / str(steps), steps, peers))
            runs: dict[str, list[Took]] = {way.name: [] for way in ways}
            for turn in range(arguments.repeats):
                for way in ways:
                    runs[way.name].append(timed(way))
                print(f"{steps} steps, turn {turn + 1} of {arguments.repeats}", flush=True)
            results[str(steps)] = runs
    document = {
        "claim": "A run with nothing to do, as a multiple of `seatrial --help`",
        "repeats": arguments.repeats,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "versions": versions,
        "runs": {
            steps: {name: [vars(took) for took in each] for name, each in runs.items()}
            for steps, runs in results.items()
        },
    }
    out = arguments.out
    results_file = (out or ROOT / "benchmarks" / "results") / "cached.json"
    results_file.parent.mkdir(parents=True, exist_ok=True)
    results_file.write_text(json.dumps(document, indent=1) + "\n")
    page = (out or ROOT / "docs" / "benchmarks") / "cached.md"
    page.write_text(rendered(document))
    print(page.read_text())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[4, 10])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--environments", type=Path, help="where the peers' environments are kept for another run")
    parser.add_argument("--out", type=Path, help="a folder for both results, instead of the repository's")
    return parser.parse_args()


def environment(name: str, folder: Path, versions: dict[str, str]) -> Path:
    """The Python of an environment that has this peer and nothing of ours."""
    python = folder / name.lower() / "bin" / "python"
    own = ROOT / ".uv" / "bin" / "uv"
    uv = own if own.exists() else "uv"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--seed", "--python", sys.executable, folder / name.lower()], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, PEERS[name]], check=True)
    package = PEERS[name].partition("[")[0]
    asked = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    versions[name] = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    return python


def prepared(folder: Path, steps: int, peers: dict[str, Path]) -> list[Way]:
    """Every way, its first run done."""
    own = SHELL | {"SEATRIAL_HOME": str(folder / "home")}
    seatrial = (str(Path(sys.executable).with_name("seatrial")),)
    ways = [Way(PYTHON_ALONE, (sys.executable, "-c", "pass"), ROOT, own), Way(HELP, (*seatrial, "--help"), ROOT, own)]
    chains = (("", SEATRIAL, SEATRIAL_STEP), (", tables", SEATRIAL_TABLES, SEATRIAL_TABLES_STEP))
    for kind, first, step in chains:
        project = folder / f"seatrial{'-tables' if kind else ''}"
        project.mkdir(parents=True)
        (project / "seatrial.toml").write_text(PROJECT)
        rest = (step.format(number=number, before=number - 1) for number in range(2, steps + 1))
        (project / "pipeline.py").write_text(first.format() + "".join(rest))
        run = Way(f"seatrial run{kind}", (*seatrial, "run"), project, own)
        output(run)
        printed = output(replace(run, command=(*seatrial, "run", "--json")))
        cached, _ = json.JSONDecoder().raw_decode(printed)  # hints stand behind it
        states = [step["state"] for step in cached["steps"]]
        if states != ["cached"] * steps:
            raise SystemExit(f"{run.name}: not cached: {states}")
        ways += [run, Way(f"seatrial plan{kind}", (*seatrial, "plan"), project, own)]
    for name, python in peers.items():
        ways.append(PREPARE[name](folder, steps, python))
    return ways


def zenml(folder: Path, steps: int, python: Path) -> Way:
    """A pipeline on the local stack, its cache on; analytics off, its store in a folder of its own."""
    numbers = range(2, steps + 1)
    calls = "".join(f"    a = s{number}(a)\n" for number in numbers)
    rest = "".join(ZENML_STEP.format(number=number) for number in numbers)
    here = written(folder / "zenml", ZENML + rest + ZENML_END.format(calls=calls))
    quiet = {
        "ZENML_CONFIG_PATH": str(here / "config"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_ENABLE_REPO_INIT_WARNINGS": "false",
    }
    way = Way("ZenML, cached pipeline", (str(python), "chain.py"), here, SHELL | quiet)
    output(way)
    if "cached version" not in output(way).lower():
        raise SystemExit("ZenML: its second run did not use its cache")
    return way


def metaflow(folder: Path, steps: int, python: Path) -> Way:
    """A flow in its local datastore; `resume` of its last step clones every step before."""
    names = ["start", *(f"s{number}" for number in range(2, steps)), "end"]
    bodies = []
    for place, name in enumerate(names):
        then = f"self.next(self.{names[place + 1]})" if name != "end" else "pass"
        bodies.append(METAFLOW_STEP.format(name=name, value="3" if name == "start" else "self.many + 1", then=then))
    here = written(folder / "metaflow", METAFLOW + "".join(bodies) + METAFLOW_END)
    quiet = {
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(here),
        "METAFLOW_HOME": str(here / "home"),
        "METAFLOW_USER": "benchmark",
        "USER": "benchmark",
    }
    output(Way("Metaflow", (str(python), "chain.py", "run"), here, SHELL | quiet))
    # `resume end` clones all steps but the last, which it runs: a resume without anything to run is refused.
    return Way("Metaflow, resume", (str(python), "chain.py", "resume", "end"), here, SHELL | quiet)


def kfp(folder: Path, steps: int, python: Path) -> Way:
    """The local runner without an environment a step; it has no cache."""
    numbers = range(2, steps + 1)
    calls = "".join(f"    a = s{number}(before=a.output)\n" for number in numbers)
    rest = "".join(KFP_STEP.format(number=number) for number in numbers)
    here = written(folder / "kfp", KFP + rest + KFP_END.format(calls=calls))
    way = Way("kfp, local runner (no cache)", (str(python), "chain.py"), here, SHELL)
    output(way)
    return way


PREPARE: dict[str, Callable[[Path, int, Path], Way]] = {"ZenML": zenml, "Metaflow": metaflow, "kfp": kfp}


def written(folder: Path, source: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "chain.py").write_text(source)
    return folder


def output(way: Way) -> str:
    """What the command printed; the benchmark ends where it failed."""
    done = subprocess.run(
        way.command, cwd=way.folder, env=way.environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    if done.returncode != 0:
        raise SystemExit(f"{way.name} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def timed(way: Way) -> Took:
    """The whole process; CPU is of it and all that it waited for."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        way.command,
        cwd=way.folder,
        env=way.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=LIMIT_S,
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def rendered(document: dict[str, Any]) -> str:
    """The page: medians, their range, and the median of the ratios within each turn."""
    machine, versions = document["machine"], document["versions"]
    with_peers = "".join(f", {name} {version}" for name, version in versions.items())
    what = (
        f"Chains of steps that are all cached; {document['repeats']} interleaved repeats, whole processes, on "
        f"{machine['cores']} cores, Python {machine['python']}{with_peers}. Ratios are to `{HELP}` of the same turn, "
        "medians with min–max. Made by `python benchmarks/cached.py`."
    )
    lines = ["---", "orphan: true", "---", "", "# Nothing to do", "", what]
    for steps, runs in document["runs"].items():
        lines += [
            "",
            f"## {steps} steps",
            "",
            "| way | seconds | times `--help` | CPU s | times `--help`, CPU |",
            "|---|---|---|---|---|",
        ]
        for name, each in runs.items():
            cells = []
            for key in ("seconds", "cpu_s"):
                values = [took[key] for took in each]
                ratios = [took[key] / least[key] for took, least in zip(each, runs[HELP], strict=True)]
                cells += [spread(values), spread(ratios)]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


if __name__ == "__main__":
    main()
