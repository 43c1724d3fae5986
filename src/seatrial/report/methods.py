"""What each interval method is and where it comes from, for readers of the page.

A name is composed: a base, and what was done to it afterwards ("clopper-pearson-half-alpha-bonferroni"); of several
bases "/" stands between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """One entry of the list of methods."""

    name: str
    text: str


_BETTING = "Waudby-Smith & Ramdas, Journal of the Royal Statistical Society B 86 (2024)"
_BASES = {
    "clopper-pearson": "Exact bounds on a proportion. Clopper & Pearson, Biometrika 26 (1934).",
    "fisher-clopper-pearson-difference": "Difference of two proportions: their exact tests, combined by a weighted "
    "product of P-values; valid at any size and all rates. Fisher; Good, JRSS B 17 (1955).",
    "fisher-clopper-pearson-ratio": "Ratio of two proportions: their exact tests, combined by a weighted product of "
    "P-values; valid at any size and all rates. Fisher; Good, JRSS B 17 (1955).",
    "fisher-clopper-pearson": "Mean of proportions: their exact tests, combined by Fisher's product of P-values; valid "
    "at any size. Ottoboni, Stark, Lindeman & McBurnett, E-Vote-ID (2018).",
    "betting": f"Bounds on the mean of bounded values by betting, valid at every sample size. {_BETTING}.",
    "betting-signed-bins": "Bounds on the calibration error over bins fixed beforehand, by betting on the sign of "
    f"each bin's error. After {_BETTING}.",
    "empirical-bernstein": "Bounds on the mean of bounded values from their sum and sum of squares, valid at every "
    "sample size; wider than betting. Maurer & Pontil, COLT (2009), theorem 4.",
    "delong-logit": "Bounds on the area under the ROC curve, on the logit scale. Asymptotic, and used only with enough "
    "rows and mistakes. DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988).",
    "delong": "Difference of two areas under the ROC curve. Asymptotic, and used only with enough rows and mistakes. "
    "DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988).",
    "hoeffding-auc": "Bounds on the area under the ROC curve for few rows or an estimate near 0 or 1, valid for every "
    "distribution. Hoeffding, Journal of the American Statistical Association 58 (1963).",
    "obuchowski-logit": "Bounds on the area under the ROC curve where rows belong together. Asymptotic. Obuchowski, "
    "Biometrics 53 (1997).",
    "obuchowski": "Difference of two areas under the ROC curve where rows belong together. Asymptotic. Obuchowski, "
    "Biometrics 53 (1997).",
    "no-bound-few-clusters": "Too few clusters for any claim: the bounds are 0 and 1.",
    "asymptotic-logit": "Average precision, by the influence of each row, on the logit scale, never narrower than an "
    "exact bound of the same variance. Hampel (1974).",
    "asymptotic-delong-logit": "Area under the ROC curve of weighted rows, by the influence of each, on the logit "
    "scale. After DeLong, DeLong & Clarke-Pearson (1988).",
    "asymptotic-fisher-z": "Matthews correlation, by the delta method on Fisher's z scale, with half of the error "
    "kept back. Itaya, Tamura, Hayashi & Yamamoto (2024).",
    "asymptotic-ratio": "A ratio of sums (precision, F1), by the influence of each row. Cochran, Sampling "
    "Techniques (1977), chapter 6.",
    "asymptotic-influence": "Average precision, by the influence of each row. Hampel (1974).",
    "counted": "Counted among these rows themselves: it is about them alone, so there is nothing to be unsure of.",
    "counted-on-a-sample": "Counted by a sample of the rows' hashes: near the count of all of them, without bounds.",
}
_SUFFIXES = {
    "weighted": "Rows count by their weights, and bounds widen as the weights differ; rows with their weights are "
    "taken for independent draws from a population in which nobody weighs more than the heaviest row seen, "
    "or than the largest weight that is stated.",
    "f1": "For F1, which grows with the share of right ones among the rows that are positive or called so. Hand, "
    "Christen & Kirielle, Machine Learning 110 (2021).",
    "paired": "The two models answer the same rows, so what is hard for both cancels.",
    "bonferroni": "The mean over the classes, each bounded at its share of the error (Bonferroni 1936).",
    "half-alpha-ratio": "The quotient of two, each bounded at half the error: L₁ / U₂ and U₁ / L₂.",
    "half-alpha": "The difference of two, each bounded at half the error: L₁ − U₂ and U₁ − L₂, valid if these are.",
}
_ASYMPTOTIC = "It promises nothing at finite sizes: it holds as the rows become many."
_FAMILIES = {
    "simultaneous": "All bounds of one requirement hold together: the error is divided over its groups or pairs "
    "(Bonferroni). Between requirements nothing is corrected, because every one of them has to hold (Berger, "
    "Technometrics 24, 1982).",
}


def methods_used(names: Iterable[str]) -> tuple[Method, ...]:
    """An entry for each method, simple ones first, and what holds for all of them."""
    ordered = sorted(set(names), key=lambda name: (name not in _BASES, name))
    if not ordered:
        return ()
    entries, described = [], set[str]()
    for name in ordered:
        entries.append(
            Method(name, " ".join(_sentences(name, described=frozenset(described))) or "A method of a later version.")
        )
        described.add(name)
    return (*entries, *(Method(name, text) for name, text in _FAMILIES.items()))


def _sentences(name: str, *, described: frozenset[str]) -> Iterator[str]:
    """What the name is composed of, sentence by sentence; nothing at all where a part is unknown."""
    bases, suffixes = _taken_apart(name)
    if not all(base in _BASES for base in bases):
        return
    for base in bases:
        if base in described and base != name:
            yield f"As {base}."
            continue
        yield _BASES[base]
        if base.startswith("asymptotic-"):
            yield _ASYMPTOTIC
    for suffix in suffixes:
        yield _SUFFIXES[suffix]


def _taken_apart(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The bases, each once, and the suffixes in the order in which they were applied, each once."""
    if name in _BASES:
        return (name,), ()
    for suffix in _SUFFIXES:
        if name.endswith(f"-{suffix}"):
            bases, before = _taken_apart(name.removesuffix(f"-{suffix}"))
            return bases, tuple(dict.fromkeys((*before, suffix)))
    if "/" in name:
        parts = [_taken_apart(part) for part in name.split("/")]
        return tuple(dict.fromkeys(base for bases, _ in parts for base in bases)), tuple(
            dict.fromkeys(suffix for _, suffixes in parts for suffix in suffixes)
        )
    return (name,), ()
