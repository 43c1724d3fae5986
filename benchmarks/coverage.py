"""Claim: a bound misses no more often than it says, or the table says by how much.

Every method of verdicts/bounds at its worst: where counts can be enumerated the miss is summed exactly at the worst
rates that a zooming search finds; elsewhere populations are drawn at random (rates, sizes, ties, tails), the worst of
them are measured again with more test sets, and the worst of those once more with fresh ones, so that luck in the
search is not in the number. Results: benchmarks/results/coverage.json and docs/concepts/coverage.md.

    python benchmarks/coverage.py                      all methods, some minutes on one core
    python benchmarks/coverage.py --only delong        the rows whose name has this in it; the others are kept
    python benchmarks/coverage.py --render             the page from the stored results
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import coverage_draws as draws
import coverage_exact as exact
import numpy as np
from coverage_methods import METHODS, Method
from coverage_page import MARKS, render, summary_lines
from scipy.special import betaincinv, stdtrit

from seatrial.verdicts.alpha_spending import confidence_for_use
from seatrial.verdicts.bounds import auc, influence, ranking
from seatrial.verdicts.bounds.interval import Interval, simultaneous_confidence

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/coverage.json"
PAGE = ROOT / "docs/concepts/coverage.md"
STATISTICS = ROOT / "docs/concepts/statistics.md"
USES = {f"use {use}": confidence_for_use(0.95, use) for use in range(1, 6)}
PAIRS = {f"ten pairs, use {use}": simultaneous_confidence(confidence_for_use(0.95, use), 10) for use in (1, 5)}
EXACT_AT = {**USES, **PAIRS}
DRAWN_AT = {name: EXACT_AT[name] for name in ("use 1", "ten pairs, use 1", "use 5")}
MANY_AT = {**DRAWN_AT, "ten pairs, use 5": EXACT_AT["ten pairs, use 5"]}  # where a draw is cheap
POPULATIONS, PILOT, AGAIN, LAST = 60, 100, 600, 4_000
BEST = 4  # populations that are measured again
MANY = 20_000
WIDTHS_AT = ("use 1", "use 5", "ten pairs, use 5")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a method, the worst that was found at one confidence, and how."""

    name: str
    at: str
    confidence: float
    missed: float  # of all test sets
    stated: float  # share of the test sets that got a bound
    draws: int  # 0: summed exactly
    setting: str
    searched: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="measure the methods whose name has this in it, and keep the others")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    document = stored()
    quick()
    for method in METHODS:
        if arguments.render or (arguments.only and arguments.only not in method.name):
            continue
        began = time.process_time()
        rows = list(enumerated(method) if method.enumerated else measured(method))
        document = stored()  # another run may have added to it
        document["rows"][method.name] = {
            "methods": method.names,
            "kind": method.kind,
            "rows": [asdict(row) for row in rows],
        }
        times = (f"{row.missed / (1 - row.confidence):.2f}" for row in rows)
        print(f"{method.name}: {time.process_time() - began:.1f} s", *times, flush=True)
        RESULTS.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    if not arguments.render and (not arguments.only or arguments.only in "widths"):
        lines = list(widths())
        document = stored()
        document["widths"] = lines
    document["rows"] = {
        method.name: document["rows"][method.name] for method in METHODS if method.name in document["rows"]
    }
    document["unmeasured"] = {method.name: method.names for method in METHODS if method.name not in document["rows"]}
    RESULTS.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(render(document))
    STATISTICS.write_text(with_summary(STATISTICS.read_text(), summary_lines(document)))


def stored() -> dict[str, Any]:
    """What was measured so far."""
    if not RESULTS.exists():
        return {"rows": {}, "widths": []}
    document: dict[str, Any] = json.loads(RESULTS.read_text())
    return document


def with_summary(page: str, lines: list[str]) -> str:
    """The page with what stands between its two marks replaced."""
    before, rest = page.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return before + MARKS[0] + "\n" + "\n".join(lines) + "\n" + MARKS[1] + after


def quick() -> None:
    """SciPy's quantiles, which equal ours (tests/unit/verdicts/bounds/test_special_functions.py) and are quicker."""

    def limits(successes: Any, rows: Any, *, confidence: float) -> tuple[Any, Any]:
        missed = rows - successes
        low = betaincinv(successes, missed + 1, 1 - confidence) if successes > 0 else 0.0
        return low, betaincinv(successes + 1, missed, confidence) if missed > 0 else 1.0

    for module in (auc, influence):
        module.student_quantile = lambda p, degrees: float(stdtrit(degrees, p))  # type: ignore[assignment]
    for module in (auc, ranking):
        module.clopper_pearson = limits  # type: ignore[assignment]


def enumerated(method: Method) -> Iterator[Row]:
    assert method.enumerated is not None
    for at, confidence in EXACT_AT.items():
        worst = max(method.enumerated(confidence), key=lambda found: found[1].missed)
        setting = f"{worst[0]}, rates {' and '.join(f'{rate:.4g}' for rate in worst[1].rates)}"
        yield Row(method.name, at, confidence, worst[1].missed, 1.0, 0, setting, "all counts, rates by search")


def count(population: draws.Population, random: np.random.Generator, number: int, confidences: list[float]) -> Any:
    """For each confidence the misses of the low and of the high bound, and how many bounds were stated."""
    found = np.zeros((len(confidences), 3), dtype=np.int64)
    slack = 1e-9
    for _ in range(number):
        bound = population.draw(random)
        for place, confidence in enumerate(confidences):
            interval = bound(confidence)
            if isinstance(interval, Interval):
                found[place] += (interval.low > population.truth + slack, interval.high < population.truth - slack, 1)
    return found


def measured(method: Method) -> Iterator[Row]:
    assert method.drawn is not None
    at = MANY_AT if method.many else DRAWN_AT
    confidences, first = list(at.values()), [DRAWN_AT["use 1"]]
    random = np.random.default_rng(23)
    population = list(draws.searched(method.drawn, POPULATIONS))
    for number in (PILOT, AGAIN):
        found = [count(one, random, number, first)[0, :2].max() for one in population]
        population = [population[i] for i in np.argsort(found, kind="stable")[::-1][:BEST]]
    number = MANY if method.many else LAST
    worst, random = population[0], np.random.default_rng(29)
    for (name, confidence), (low, high, stated) in zip(
        at.items(), count(worst, random, number, confidences), strict=True
    ):
        searched = f"{POPULATIONS} random populations"
        yield Row(
            method.name,
            name,
            confidence,
            int(max(low, high)) / number,
            int(stated) / number,
            number,
            worst.about,
            searched,
        )


def widths() -> Iterator[dict[str, Any]]:
    for at in WIDTHS_AT:
        for setting, ratio in exact.widths(EXACT_AT[at]):
            yield {"at": at, "confidence": EXACT_AT[at], "setting": setting, "ratio": ratio}


if __name__ == "__main__":
    main()
