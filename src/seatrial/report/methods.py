"""What each interval method is and where it comes from, for readers of the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """One entry of the list of methods."""

    name: str
    text: str


_HALF = "Each group's own bounds at half the error, subtracted (L₁ − U₂ and U₁ − L₂): valid at any size."
_KNOWN = {
    "clopper-pearson": "Exact bounds on a proportion. Clopper & Pearson, Biometrika 26 (1934).",
    "mover-clopper-pearson": "Difference of two proportions from their exact bounds, where each group has at least 20 "
    "successes and 20 failures. Zou & Donner, Statistics in Medicine 27 (2008).",
    "clopper-pearson-half-alpha": f"{_HALF} Used where counts are small.",
    "betting": "Bounds on the mean of bounded values by betting, valid at every sample size. Waudby-Smith & Ramdas, "
    "Journal of the Royal Statistical Society B 86 (2024).",
    "betting-signed-bins": "Bounds on the calibration error over bins fixed beforehand, by betting on the sign of "
    "each bin's error. After Waudby-Smith & Ramdas (2024).",
    "delong-logit": "Bounds on the area under the ROC curve, on the logit scale. DeLong, DeLong & Clarke-Pearson, "
    "Biometrics 44 (1988).",
    "hoeffding-auc": "Bounds on the area under the ROC curve for few rows or an estimate near 0 or 1, valid for every "
    "distribution. Hoeffding, Journal of the American Statistical Association 58 (1963).",
    "obuchowski-logit": "Bounds on the area under the ROC curve where rows belong together. Obuchowski, Biometrics 53 "
    "(1997).",
    "no-bound-few-clusters": "Too few clusters for any claim: the bounds are 0 and 1.",
}
_FAMILIES = {
    "simultaneous": "All bounds of one requirement hold together: the error is divided over its groups or pairs "
    "(Bonferroni). Between requirements nothing is corrected, because every one of them has to hold (Berger, "
    "Technometrics 24, 1982).",
}


def method_text(name: str) -> str:
    """What the method is, with its source; empty for one that has no entry."""
    if name in _KNOWN:
        return _KNOWN[name]
    return _HALF if name.endswith("-half-alpha") else ""


def methods_used(names: Iterable[str]) -> tuple[Method, ...]:
    """An entry for each method, in the order of the names, and what holds for all of them."""
    entries = [Method(name, method_text(name) or "See the method's docstring.") for name in sorted(set(names))]
    if not entries:
        return ()
    return (*entries, *(Method(name, text) for name, text in _FAMILIES.items()))
