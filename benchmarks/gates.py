"""Claim: Seatrial's trial stops planted bad models that the gates people use let through; how many, and at what cost.

All planted cases of the self-test, each drawn anew, through Seatrial and, with the settings nearest
to what is stated that their own docs recommend, through Fairlearn, MLflow, Evidently, deepchecks, Giskard and
bdp-model-gate. Each of these is installed by uv, in pinned versions, into an environment of its own, where an adapter
(benchmarks/gate_adapters) reads plain files. TFMA is left out: it does not install, since its apache-beam needs pyvcf.
A comparison on our own cases favours us. Results: benchmarks/results/gates.json and docs/benchmarks/gates.md.

    python benchmarks/gates.py --environments FOLDER                all gates, with the draws that their speed allows
    python benchmarks/gates.py --environments FOLDER --gates Fairlearn Seatrial --draws 200
    python benchmarks/gates.py --environments FOLDER --added        cases planted since, in each gate's former draws
    python benchmarks/gates.py --environments FOLDER --gates Seatrial --draws 200 --more        after the stored draws
    python benchmarks/gates.py --render                             the page and the pictures again, from what is stored
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from gates_cases import drawn_cases, write_case
from gates_page import described, render, sentence
from gates_picture import picture
from gates_workers import (
    ADAPTERS,
    DRAWS_OF_SEATRIAL,
    GATES,
    SEATRIAL,
    Decision,
    Worker,
    decide_by_seatrial,
    environment,
)

from seatrial.trial.self_test import KINDS

ROOT = Path(__file__).parents[1]


def main() -> None:
    arguments = parse()
    results = (arguments.out or ROOT / "benchmarks" / "results") / "gates.json"
    if not arguments.render:
        measure(arguments, results)
    document = json.loads(results.read_text(encoding="utf-8"))
    if SEATRIAL not in document["gates"]:
        print(f"No page without the results of {SEATRIAL}; the others' are in {results}.")
        return
    (arguments.out or ROOT / "docs" / "benchmarks").joinpath("gates.md").write_text(render(document), encoding="utf-8")
    (arguments.out or ROOT / "docs" / "images").joinpath("gates.svg").write_text(picture(document), encoding="utf-8")
    print(f"For the README: ![{described(document)}](docs/images/gates.svg) {sentence(document)}")


def parse() -> argparse.Namespace:
    names = [SEATRIAL, *(gate.name for gate in GATES)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gates", nargs="+", default=names, choices=names, help="the results of the others are kept")
    parser.add_argument("--draws", type=int, help="of each case, for every gate; else what the gate's speed allows")
    parser.add_argument(
        "--added", action="store_true", help="only the cases that a gate's results lack, in as many draws as they have"
    )
    parser.add_argument("--more", action="store_true", help="the draws that a gate's results have are kept")
    parser.add_argument("--environments", type=Path, help="where the environments are kept for another run")
    parser.add_argument("--out", type=Path, help="a folder for all results, instead of the repository's")
    parser.add_argument("--render", action="store_true", help="measures nothing")
    return parser.parse_args()


def measure(arguments: argparse.Namespace, results: Path) -> None:
    """Draw by draw, every gate that is still due; what is known after a draw is written."""
    draws = {gate.name: arguments.draws or gate.draws for gate in GATES}
    draws[SEATRIAL] = arguments.draws or DRAWS_OF_SEATRIAL
    draws = {name: draws[name] for name in arguments.gates}
    done: dict[str, set[str]] = {name: set() for name in draws}
    continued = arguments.added or arguments.more
    stored = json.loads(results.read_text(encoding="utf-8"))["gates"] if continued else {}
    first = {name: draws_of(stored[name]) if arguments.more else 0 for name in draws}
    if arguments.added:
        done = {name: set(stored[name]["cases"]) for name in draws}
        draws = {name: draws_of(stored[name]) for name in draws}
    decisions_of: dict[str, dict[str, list[Decision]]] = {name: {} for name in draws}
    with workers(arguments.gates, arguments.environments) as started:
        for draw in range(min(first.values()), max(draws.values())):
            due = [name for name in draws if first[name] <= draw < draws[name]]
            for case, bad, decisions in decided(draw, due, started, done):
                for name, decision in decisions.items():
                    decisions_of[name].setdefault(case, []).append(decision)
                print(f"draw {draw}, {'bad' if bad else 'good'}: {case}", flush=True)
            finished = {name: decisions_of[name] for name in due if not arguments.added or draw + 1 == draws[name]}
            store(results, finished, {name: stored[name]["cases"] for name in due} if continued else {})


def draws_of(stored: dict[str, Any]) -> int:
    """In how many draws a gate's stored results have each case."""
    (draws,) = {len(case["passed"]) for case in stored["cases"].values()}
    return draws


@contextmanager
def workers(names: list[str], environments: Path | None) -> Iterator[dict[str, Worker]]:
    """A process for each gate, ended at the end."""
    own = ROOT / ".uv" / "bin" / "uv"
    uv = own if own.exists() else shutil.which("uv") or "uv"
    with tempfile.TemporaryDirectory(prefix="seatrial-gates-") as place:
        started = {}
        for gate in GATES:
            if gate.name in names:
                python = environment(gate, environments or Path(place), uv)
                started[gate.name] = Worker([str(python), str(ADAPTERS / gate.adapter)])
        try:
            yield started
        finally:
            for worker in started.values():
                worker.close()


def decided(
    draw: int, due: list[str], started: dict[str, Worker], done: dict[str, set[str]]
) -> Iterator[tuple[str, bool, dict[str, Decision]]]:
    """Each case of a draw that some gate has not `done`: its name, whether it is bad, and what the gates decided."""
    with tempfile.TemporaryDirectory(prefix="seatrial-gates-cases-") as place:
        for number, drawn in enumerate(drawn_cases(draw)):
            folder = Path(place) / str(number)
            waiting = [name for name in due if drawn.case.name not in done[name]]
            if not waiting:
                continue
            if waiting != [SEATRIAL]:
                write_case(drawn, folder)
            decisions = {}
            for name in waiting:
                decisions[name] = decide_by_seatrial(drawn) if name == SEATRIAL else started[name].decide(folder, drawn)
            yield drawn.case.name, drawn.bad, decisions
            shutil.rmtree(folder, ignore_errors=True)


def store(results: Path, decisions_of: dict[str, dict[str, list[Decision]]], former: dict[str, dict[str, Any]]) -> None:
    """Replaces the results of these gates by their `former` cases and the new decisions; those of others are kept."""
    document: dict[str, Any] = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {"gates": {}}
    document["claim"] = "Who lets which planted model through"
    document["machine"] = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    document["cases"] = {
        case.name: {"kind": kind, "bad": case.caught_by is not None}
        for kind in KINDS
        for case in import_module(f"seatrial.trial.self_test.{kind}").cases()
    }
    packages = {gate.name: list(gate.packages) for gate in GATES}
    for name, cases in decisions_of.items():
        known = former.get(name, {})
        known = known | {case: with_decisions(known.get(case), decisions) for case, decisions in cases.items()}
        document["gates"][name] = {
            "packages": packages.get(name, []),
            "cases": {case: known[case] for case in document["cases"] if case in known},
        }
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def with_decisions(former: dict[str, Any] | None, decisions: list[Decision]) -> dict[str, Any]:
    """The results of one case, those of its earlier draws first."""
    before = former or {"passed": [], "errors": 0, "seconds": [], "said": decisions[0].said}
    return {
        "passed": [*before["passed"], *(decision.passed for decision in decisions)],
        "errors": before["errors"] + sum(decision.error for decision in decisions),
        "seconds": [*before["seconds"], *(round(decision.seconds, 3) for decision in decisions)],
        "said": before["said"],
    }


if __name__ == "__main__":
    main()
