"""A policy as written by people, checked: all mistakes at once, each with the requirement and key it is in."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatrial.errors import InputError
from seatrial.verdicts.metrics import METRICS, Better, Metric
from seatrial.verdicts.policy import Policy, Requirement

_POLICY_KEYS = ("confidence", "require")
_REQUIREMENT_KEYS = ("metric", "at_least", "at_most", "by", "gap_between")
_WRONG_WAY = {Better.HIGHER: "at_most", Better.LOWER: "at_least"}
_LOWEST_CONFIDENCE = 0.5  # at which a one-sided bound is the estimate itself


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One mistake: in requirement `index` (None: in `[policy]` itself), at `key` (None: in the whole of it)."""

    index: int | None
    key: str | None
    error: InputError


def read_policy(
    document: Mapping[str, object], *, groups: Collection[str] | None = None
) -> Policy | tuple[PolicyProblem, ...]:
    """The policy that `document` (the `[policy]` table) states, or every mistake in it.

    `groups` are the group columns that `by` and `gap_between` may name; None leaves them unchecked.
    """
    found = _Found()
    found.unknown_keys(None, document, _POLICY_KEYS)
    confidence = found.number(None, "confidence", document.get("confidence", Policy().confidence))
    if confidence is not None and not _LOWEST_CONFIDENCE < confidence < 1:
        found.add(None, "confidence", f"{confidence:g} is not between 0.5 and 1.", "Write 0.95 for 95 %.")
    entries = document.get("require", [])
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        found.add(None, "require", "must be a list.", "Write [[policy.require]] above each requirement.")
        entries = []
    require = [_requirement(found, index, entry, groups) for index, entry in enumerate(entries)]
    for index, requirement in enumerate(require):
        if requirement is not None and requirement in require[:index]:
            found.add(index, None, f"{requirement} is required twice.", "Remove one.")
    if found.problems:
        return tuple(found.problems)
    return Policy(confidence or Policy().confidence, tuple(item for item in require if item is not None))


class _Found:
    """The mistakes found so far."""

    def __init__(self) -> None:
        self.problems: list[PolicyProblem] = []

    def add(self, index: int | None, key: str | None, problem: str, mend: str | None) -> None:
        place = "policy" if index is None else f"policy.require[{index}]"
        path = place if key is None else f"{place}.{key}"
        self.problems.append(PolicyProblem(index, key, InputError(problem, path=path, mend=mend)))

    def unknown_keys(self, index: int | None, document: Mapping[str, object], known: Sequence[str]) -> None:
        for key in document:
            if key not in known:
                self.add(index, key, "no such key.", _did_you_mean(key, known))

    def number(self, index: int | None, key: str, value: object) -> float | None:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        self.add(index, key, f"{value!r} is not a number.", None)
        return None

    def name(self, index: int, key: str, value: object, known: Iterable[str] | None, what: str) -> str | None:
        if not isinstance(value, str):
            self.add(index, key, f"{value!r} is not the name of a {what}.", None)
            return None
        names = None if known is None else list(known)
        if names is not None and value not in names:
            self.add(index, key, f"{value}: no such {what}.", _did_you_mean(value, names))
            return None
        return value


def _requirement(found: _Found, index: int, entry: object, groups: Collection[str] | None) -> Requirement | None:
    before = len(found.problems)
    if not isinstance(entry, Mapping):
        found.add(index, None, f"{entry!r} is not a table of keys.", "Write [[policy.require]] above its keys.")
        return None
    found.unknown_keys(index, entry, _REQUIREMENT_KEYS)
    metric = None
    if "metric" not in entry:
        found.add(index, "metric", "is missing.", f"Write one of {', '.join(METRICS)}.")
    else:
        metric = found.name(index, "metric", entry["metric"], METRICS, "metric")
    columns = {
        key: found.name(index, key, entry[key], groups, "group column") for key in ("by", "gap_between") if key in entry
    }
    bounds = {key: found.number(index, key, entry[key]) for key in ("at_least", "at_most") if key in entry}
    if len(bounds) != 1:
        found.add(index, None, "needs exactly one of at_least and at_most.", "Write two requirements for both.")
    if len(columns) > 1:
        found.add(index, "gap_between", "does not go with by.", "Write two requirements, one with each.")
    if "gap_between" in entry and "at_least" in entry:
        found.add(index, "at_least", "a gap can only be limited from above.", "Write at_most.")
    elif metric is not None:
        for key, bound in bounds.items():
            if bound is not None:
                _check_threshold(found, index, key, bound, METRICS[metric], gap="gap_between" in entry)
    if len(found.problems) > before or metric is None:
        return None
    return Requirement(
        metric, bounds.get("at_least"), bounds.get("at_most"), columns.get("by"), columns.get("gap_between")
    )


def _check_threshold(found: _Found, index: int, key: str, bound: float, metric: Metric, *, gap: bool) -> None:
    low, high = (0.0, metric.high - metric.low) if gap else (metric.low, metric.high)
    if not low <= bound <= high:
        found.add(index, key, f"{bound:g} is outside the range of {metric.name}, {low:g} to {high:.6g}.", None)
    elif not gap and key == _WRONG_WAY.get(metric.better):
        right = "at_least" if metric.better is Better.HIGHER else "at_most"
        found.add(
            index,
            key,
            f"{metric.name} is better when {metric.better}, and this limits it the other way.",
            f"Write {right}.",
        )


def _did_you_mean(name: str, known: Sequence[str] | Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"There is {', '.join(names)}."
