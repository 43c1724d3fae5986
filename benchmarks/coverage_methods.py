"""What coverage.py measures: every method of verdicts/bounds, with the search that belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import coverage_draws as draws
import coverage_exact as exact
import numpy as np

PROVED, SUPPOSES, ASYMPTOTIC, COMPARED = "proved", "supposes", "asymptotic", "other"
Summed = Callable[[float], Iterator[tuple[str, exact.Worst]]]
Drawn = Callable[[np.random.Generator], draws.Population]
BETTING, FISHER = ("betting",), "fisher-clopper-pearson"
MATTHEWS = ("asymptotic-fisher-z", "asymptotic-fisher-z-weighted")


@dataclass(frozen=True, slots=True)
class Method:
    """What is measured: `names` are those in the evidence; `many` where a draw is cheap."""

    name: str
    names: tuple[str, ...]
    kind: str  # "proved": valid at every number of rows; "supposes" something; "asymptotic"; "other": for comparison
    enumerated: Summed | None = None
    drawn: Drawn | None = None
    many: bool = False


def _drawn(name: str, names: tuple[str, ...], make: Drawn, kind: str = ASYMPTOTIC, *, many: bool = False) -> Method:
    return Method(name, names, kind, drawn=make, many=many)


METHODS = (
    Method("proportion", ("clopper-pearson",), PROVED, exact.proportions),
    Method("F1", ("clopper-pearson-f1",), PROVED, exact.f1_scores),
    Method("mean of proportions", (FISHER,), PROVED, exact.means_of_proportions),
    Method("difference", (f"{FISHER}-difference",), PROVED, exact.differences),
    Method("difference by MOVER (not used)", (), COMPARED, exact.movers),
    Method("difference of two intervals", ("…-half-alpha", "…-bonferroni"), PROVED, exact.two_limits),
    Method("ratio", (f"{FISHER}-ratio", "…-half-alpha-ratio"), PROVED, exact.ratios),
    Method("paired shares", (f"{FISHER}-paired",), PROVED, exact.paired),
    Method("bounded mean from sums", ("empirical-bernstein",), PROVED, exact.summed_means),
    _drawn("bounded mean", BETTING, draws.bounded_means, PROVED),
    _drawn("weighted mean, largest weight known", ("betting-weighted",), draws.weighted_means(stated=True), PROVED),
    _drawn("weighted mean, heaviest row seen", ("betting-weighted",), draws.weighted_means(stated=False), SUPPOSES),
    _drawn("weighted share from sums", ("empirical-bernstein-weighted",), draws.weighted_shares, PROVED, many=True),
    _drawn("calibration error", ("betting-signed-bins",), draws.calibration_errors(weighted=False), PROVED),
    _drawn(
        "calibration error, weighted",
        ("betting-signed-bins-weighted",),
        draws.calibration_errors(weighted=True),
        PROVED,
    ),
    _drawn("AUC", ("delong-logit", "hoeffding-auc"), draws.areas),
    _drawn("AUC, weighted", ("asymptotic-delong-logit",), draws.weighted_areas),
    _drawn("AUC of clusters", ("obuchowski-logit", "no-bound-few-clusters"), draws.clustered_areas),
    _drawn("paired AUC", ("delong-paired", "obuchowski-paired", "hoeffding-auc-paired"), draws.paired_areas),
    _drawn("average precision", ("asymptotic-logit",), draws.precisions),
    _drawn("paired average precision", ("asymptotic-influence-paired",), draws.paired_precisions),
    _drawn("paired precision and F1", ("asymptotic-ratio-paired",), draws.paired_ratios),
    _drawn("Matthews, two classes", MATTHEWS[:1], draws.matthews(2), many=True),
    _drawn("Matthews, three classes", MATTHEWS[:1], draws.matthews(3), many=True),
    _drawn("Matthews, weighted", MATTHEWS[1:], draws.matthews(2, weighted=True)),
    _drawn("clipped error, all moments", BETTING, draws.clipped_means(draws.light_errors), PROVED),
    _drawn("clipped error, heavy tails", BETTING, draws.clipped_means(draws.heavy_errors), PROVED),
    _drawn("clipped error, rare large ones", BETTING, draws.clipped_means(draws.rare_errors), PROVED),
)
