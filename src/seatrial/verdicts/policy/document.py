"""A policy as written by people, checked: all mistakes at once, each with the requirement and key it is in."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from seatrial.errors import InputError
from seatrial.verdicts.metrics import ALIASES, METRICS, UNDER_ATTACK, Better, Metric, Scope
from seatrial.verdicts.metrics.computed import MeanError
from seatrial.verdicts.policy.policy import Policy, Requirement
from seatrial.verdicts.policy.threat_document import read_threats
from seatrial.verdicts.thresholds import allowed

_POLICY_KEYS = ("confidence", "require", "threat", "bins", "clip", "quantile", "largest_weight", "time")
_SLICES = ("by", "gap_between", "ratio_between")
_BOUNDS = ("at_least", "at_most")
_REQUIREMENT_KEYS = ("metric", *_BOUNDS, *_SLICES, "of_class", "no_worse_than", "margin", "threat")
_WRONG_WAY = {Better.HIGHER: "at_most", Better.LOWER: "at_least"}
_LOWEST_CONFIDENCE = 0.5  # at which a one-sided bound is the estimate itself


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One mistake: in requirement `index` (None: in `[policy]` itself), at `key` (None: in the whole of it)."""

    index: int | None
    key: str | None
    error: InputError


def read_policy(
    document: Mapping[str, object], *, groups: Collection[str] | None = None, task: str | None = None
) -> Policy | tuple[PolicyProblem, ...]:
    """The policy that `document` (the `[policy]` table) states, or every mistake in it.

    `groups` are the group columns that requirements may name, `task` the one that their metrics must fit; None leaves
    them unchecked.
    """
    mistakes = _Mistakes()
    mistakes.unknown_keys(None, document, _POLICY_KEYS)
    confidence = mistakes.number(None, "confidence", document.get("confidence", Policy().confidence))
    if confidence is not None and not _LOWEST_CONFIDENCE < confidence < 1:
        mistakes.add(None, "confidence", f"{confidence:g} is not between 0.5 and 1.", "Write 0.95 for 95 %.")
    entries = document.get("require", [])
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        mistakes.add(None, "require", "`require` must be a list.", "Write [[policy.require]] above each requirement.")
        entries = []
    threats, threat_mistakes = read_threats(document.get("threat", {}))
    for key, problem, hint in threat_mistakes:
        mistakes.add(None, "threat", f"{key}: {problem}" if key else problem, hint)
    settings = _settings(mistakes, document)
    require = [_requirement(mistakes, index, entry, groups, task) for index, entry in enumerate(entries)]
    for index, requirement in enumerate(require):
        if requirement is not None and requirement.threat is not None and requirement.threat not in threats:
            hint = _did_you_mean(requirement.threat, threats) if threats else "Write [policy.threat.NAME]."
            mistakes.add(index, "threat", f'unknown threat model "{requirement.threat}".', hint)
    for index, requirement in enumerate(require):
        if requirement is not None and requirement in require[:index]:
            mistakes.add(index, None, f"{requirement} is required twice.", "Remove one.")
    for index, requirement in enumerate(require):
        if requirement is not None:
            _check_rests_on(mistakes, index, requirement, settings)
    if mistakes.problems:
        return tuple(mistakes.problems)
    requirements = tuple(item for item in require if item is not None)
    return replace(settings, confidence=confidence or settings.confidence, require=requirements, threat=threats)


def _settings(mistakes: _Mistakes, document: Mapping[str, object]) -> Policy:
    """The bins, the clip, the quantile, the largest weight and the column of time that the policy states."""
    clip, quantile, largest_weight = (
        None if key not in document else mistakes.number(None, key, document[key])
        for key in ("clip", "quantile", "largest_weight")
    )
    if clip is not None and clip <= 0:
        problem = f"clip must be positive, got {clip:g}."
        mistakes.add(None, "clip", problem, "Write the largest error that counts in full, in the label's unit.")
    if quantile is not None and not 0 < quantile < 1:
        mistakes.add(None, "quantile", f"quantile must be between 0 and 1, got {quantile:g}.", "Write 0.9 for 90 %.")
    if largest_weight is not None and largest_weight <= 0:
        problem = f"largest_weight must be positive, got {largest_weight:g}."
        mistakes.add(None, "largest_weight", problem, "Write the largest weight that anybody has, drawn or not.")
    bins: dict[str, tuple[float, ...]] = {}
    bin_table = document.get("bins", {})
    if not isinstance(bin_table, Mapping):
        mistakes.add(None, "bins", "`bins` must be a table of columns.", "Write age = [30, 50] below [policy.bins].")
        bin_table = {}
    for column, edges in bin_table.items():
        numbers = list(edges) if isinstance(edges, Sequence) and not isinstance(edges, str) else []
        if not numbers or not all(_is_finite(edge) for edge in numbers) or sorted(set(numbers)) != numbers:
            hint = f"Write {column} = [30, 50] for under 30, 30 to under 50, and the rest."
            mistakes.add(None, "bins", f"{column}: the edges of bins must be finite numbers that rise.", hint)
        else:
            bins[str(column)] = tuple(float(edge) for edge in numbers)
    time = None if "time" not in document else mistakes.name(None, "time", document["time"], None, "column")
    return Policy(bins=bins, clip=clip, quantile=quantile, largest_weight=largest_weight, time=time)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_rests_on(mistakes: _Mistakes, index: int, requirement: Requirement, settings: Policy) -> None:
    """What a requirement needs of the policy is there, and the requirement can fail at the policy's clip."""
    metric = METRICS[requirement.metric]
    missing = [key for key in ("clip", "quantile") if key in metric.needs and getattr(settings, key) is None]
    hints = {
        "clip": "Write clip = 10.0 below [policy]: the largest error that counts in full, in the label's unit.",
        "quantile": "Write quantile = 0.9 below [policy]: the one that the model predicts.",
    }
    for key in missing:
        mistakes.add(index, "metric", f"{metric.name} needs the policy's {key}.", hints[key])
    if missing or not isinstance(metric.computed, MeanError) or settings.clip is None or not metric.computed.clipped:
        return
    low, high = metric.computed.range(settings.clip, settings.quantile)
    allowed_low, allowed_high = allowed(requirement)
    if requirement.ratio_between is not None:
        return
    if requirement.gap_between is not None or requirement.no_worse_than is not None:
        low, high = low - high, high - low
    if allowed_low <= low and high <= allowed_high:
        limit = next(name for name in ("at_most", "at_least", "margin") if getattr(requirement, name) is not None)
        problem = f"{metric.name} is between {low:g} and {high:g} at a clip of {settings.clip:g}: this cannot fail."
        mistakes.add(index, limit, problem, "Write a larger clip, or a stricter requirement.")


class _Mistakes:
    """The mistakes found so far."""

    def __init__(self) -> None:
        self.problems: list[PolicyProblem] = []

    def add(self, index: int | None, key: str | None, problem: str, hint: str | None) -> None:
        place = "policy" if index is None else f"policy.require[{index}]"
        path = place if key is None else f"{place}.{key}"
        self.problems.append(PolicyProblem(index, key, InputError(problem, path=path, hint=hint)))

    def unknown_keys(self, index: int | None, document: Mapping[str, object], allowed_keys: Sequence[str]) -> None:
        for key in document:
            if key not in allowed_keys:
                self.add(index, key, "unknown key.", _did_you_mean(key, allowed_keys))

    def number(self, index: int | None, key: str, value: object) -> float | None:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        self.add(index, key, f"{value!r} is not a number.", None)
        return None

    def name(self, index: int | None, key: str, value: object, choices: Iterable[str] | None, what: str) -> str | None:
        if not isinstance(value, str) or not value:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            self.add(index, key, f"{value!r} is not the name of a {what}.", f'Write "{value}".' if number else None)
            return None
        names = None if choices is None else list(choices)
        if names is not None and value not in names:
            self.add(index, key, f'unknown {what} "{value}".', _did_you_mean(value, names))
            return None
        return value


def _requirement(
    mistakes: _Mistakes, index: int, entry: object, groups: Collection[str] | None, task: str | None
) -> Requirement | None:
    before = len(mistakes.problems)
    if not isinstance(entry, Mapping):
        mistakes.add(index, None, f"{entry!r} is not a table of keys.", "Write [[policy.require]] above its keys.")
        return None
    mistakes.unknown_keys(index, entry, _REQUIREMENT_KEYS)
    metric = _metric(mistakes, index, entry, task)
    columns = {key: mistakes.name(index, key, entry[key], groups, "group column") for key in _SLICES if key in entry}
    bounds = {key: mistakes.number(index, key, entry[key]) for key in (*_BOUNDS, "margin") if key in entry}
    names = {
        key: mistakes.name(index, key, entry[key], None, what)
        for key, what in (("of_class", "class"), ("no_worse_than", "model"), ("threat", "threat model"))
        if key in entry
    }
    if len(columns) > 1:
        mistakes.add(
            index, list(columns)[-1], f"does not go with {next(iter(columns))}.", "Write one requirement each."
        )
    _check_bounds(mistakes, index, entry, METRICS[metric] if metric is not None else None, bounds)
    if len(mistakes.problems) > before or metric is None:
        return None
    return Requirement(
        metric,
        at_least=bounds.get("at_least"),
        at_most=bounds.get("at_most"),
        by=columns.get("by"),
        gap_between=columns.get("gap_between"),
        ratio_between=columns.get("ratio_between"),
        of_class=names.get("of_class"),
        no_worse_than=names.get("no_worse_than"),
        margin=bounds.get("margin"),
        threat=names.get("threat"),
    )


def _metric(mistakes: _Mistakes, index: int, entry: Mapping[str, object], task: str | None) -> str | None:
    in_policies = [metric for metric in METRICS.values() if metric.in_policies]
    names = [metric.name for metric in in_policies if task is None or metric.fits(task)]
    if "metric" not in entry:
        mistakes.add(index, "metric", "every requirement needs a metric.", f"Write one of {', '.join(names)}.")
        return None
    name = entry["metric"]
    if isinstance(name, str) and name in ALIASES:
        mistakes.add(index, "metric", f'unknown metric "{name}".', f'It is called "{ALIASES[name]}" here.')
        return None
    if isinstance(name, str) and name not in names and any(name == metric.name for metric in in_policies):
        mistakes.add(index, "metric", f"{name}: a {task} model has none.", f"Write one of {', '.join(names)}.")
        return None
    metric = mistakes.name(index, "metric", name, [metric.name for metric in in_policies], "metric")
    if metric is not None and "of_class" in entry and METRICS[metric].scope is not Scope.CLASS:
        mistakes.add(index, "of_class", f"{metric} is not about one class.", "Leave it out.")
    if metric is not None and ("threat" in entry) != (metric in UNDER_ATTACK):
        if metric in UNDER_ATTACK:
            mistakes.add(index, "threat", f"{metric} needs one.", "Name a [policy.threat.NAME].")
        else:
            mistakes.add(
                index, "threat", f"{metric} is not measured under attack.", 'Write metric = "robust_accuracy".'
            )
    return metric


def _check_bounds(
    mistakes: _Mistakes,
    index: int,
    entry: Mapping[str, object],
    metric: Metric | None,
    bounds: Mapping[str, float | None],
) -> None:
    limits = [key for key in _BOUNDS if key in entry]
    if "no_worse_than" in entry:
        _check_comparison(mistakes, index, entry, metric, bounds.get("margin"))
        return
    if "margin" in entry:
        mistakes.add(index, "margin", "belongs to no_worse_than.", "Name the model that is compared with.")
    if len(limits) != 1:
        mistakes.add(index, None, "needs exactly one of at_least and at_most.", "Write two requirements for both.")
    if "gap_between" in entry and "at_least" in entry:
        mistakes.add(index, "at_least", "a gap can only be limited from above.", "Write at_most.")
    elif "ratio_between" in entry:
        if "at_most" in entry:
            mistakes.add(index, "at_most", "a ratio is limited by at_least: 0.8 means within 0.8 and 1.25.", None)
        elif (least := bounds.get("at_least")) is not None and not 0 < least < 1:  # at 1 no interval fits
            mistakes.add(index, "at_least", f"{least:g} is not a ratio between 0 and 1.", "Write 0.8 for four fifths.")
        if metric is not None and metric.low < 0:
            mistakes.add(
                index,
                "ratio_between",
                f"{metric.name} can be negative, so a ratio of it says nothing.",
                "Write gap_between.",
            )
    elif metric is not None:
        for key in limits:
            if (bound := bounds[key]) is not None:
                _check_threshold(mistakes, index, key, bound, metric, gap="gap_between" in entry)


def _check_comparison(
    mistakes: _Mistakes, index: int, entry: Mapping[str, object], metric: Metric | None, margin: float | None
) -> None:
    for key in (*_BOUNDS, "gap_between", "ratio_between"):
        if key in entry:
            mistakes.add(index, key, "does not go with no_worse_than.", "Write two requirements.")
    if metric is not None and metric.better is Better.NEITHER:
        mistakes.add(index, "no_worse_than", f"{metric.name} is neither better nor worse.", "Limit it by at_most.")
    if margin is not None and margin < 0:
        mistakes.add(index, "margin", f"{margin:g} is negative.", "Write by how much it may be worse: 0.01.")
    elif margin is not None and metric is not None and margin >= metric.high - metric.low:
        problem = f"{margin:g} is the whole range of {metric.name}: it would hold whatever the model does."
        mistakes.add(index, "margin", problem, "Write 0.01 for one percent.")


def _check_threshold(mistakes: _Mistakes, index: int, key: str, bound: float, metric: Metric, *, gap: bool) -> None:
    low, high = (0.0, metric.high - metric.low) if gap else (metric.low, metric.high)
    if not low <= bound <= high:
        mistakes.add(index, key, f"{bound:g} is outside the range of {metric.name}, {low:g} to {high:.6g}.", None)
    elif not gap and key == _WRONG_WAY.get(metric.better):
        right = "at_least" if metric.better is Better.HIGHER else "at_most"
        mistakes.add(
            index,
            key,
            f"{metric.name} is better when {metric.better}, and this limits it the other way.",
            f"Write {right}.",
        )


def _did_you_mean(name: str, choices: Sequence[str] | Iterable[str]) -> str:
    names = list(choices)
    close = difflib.get_close_matches(name, names, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"There is {', '.join(names)}."
