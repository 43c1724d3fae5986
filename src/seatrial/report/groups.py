"""Groups compared, one column at a time: rates, differences, and what this data cannot decide. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from seatrial.report.plots import IntervalPlot, interval_plot
from seatrial.report.words import about, bound, claim_title, metric_meaning, metric_title, numbers, size_of, slice_label
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.judge import Outcome
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.thresholds import outcome
from seatrial.verdicts.trial import Trial

_ORDER = ("selection_rate", "true_positive_rate", "false_positive_rate")


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric's difference between one pair of groups, or its quotient."""

    estimate: str
    low: str
    high: str
    sure: bool  # the bounds leave no doubt which group has more


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair of groups, with its difference in each metric that was measured for it."""

    label: str
    differences: tuple[Difference | None, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric of one column."""

    title: str
    meaning: str
    plot: IntervalPlot


@dataclass(frozen=True, slots=True)
class Column:
    """One group column."""

    name: str
    gated: bool  # the policy asks for something about it
    panels: tuple[Panel, ...]
    compared: tuple[str, ...]  # the metrics of `pairs`
    pairs: tuple[Pair, ...]
    undecided: tuple[str, ...]


def columns(trial: Trial, policy: Policy) -> tuple[Column, ...]:
    """Every column that the trial compared groups of, in the order it was measured, those that are gated first."""
    claims = [*(evidence.claim for evidence in trial.evidence), *(gap.claim for gap in trial.not_measured)]
    names = list(dict.fromkeys(claim.column for claim in claims if claim.column is not None))
    gated = {requirement.claim.column for requirement in policy.require}
    return tuple(
        _column(name, trial, policy, gated=name in gated) for name in sorted(names, key=lambda n: n not in gated)
    )


def _column(name: str, trial: Trial, policy: Policy, *, gated: bool) -> Column:
    compared = [*_claims(name, Family.PAIRS, trial), *_claims(name, Family.RATIOS, trial)]
    return Column(
        name=name,
        gated=gated,
        panels=tuple(
            Panel(_title(claim), metric_meaning(claim.metric), interval_plot(_of(trial, claim)))
            for claim in _claims(name, Family.GROUPS, trial)
        ),
        compared=tuple(_title(claim) for claim in compared),
        pairs=_pairs(compared, trial),
        undecided=tuple(_undecided(name, trial, policy)),
    )


def _claims(column: str, family: Family, trial: Trial) -> list[Claim]:
    claims = dict.fromkeys(
        evidence.claim
        for evidence in trial.evidence
        if (evidence.claim.column, evidence.claim.family) == (column, family)
    )
    return sorted(claims, key=lambda claim: _ORDER.index(claim.metric) if claim.metric in _ORDER else len(_ORDER))


def _title(claim: Claim) -> str:
    """The claim without its column, which the heading says."""
    title = claim_title(replace(claim, family=Family.ALL, column=None))
    return f"{title}, ratio" if claim.family is Family.RATIOS else title


def _pairs(compared: Sequence[Claim], trial: Trial) -> tuple[Pair, ...]:
    """All pairs, those with the largest difference in any metric first."""
    by_pair: dict[str, dict[Claim, Evidence]] = {}
    for claim in compared:
        for evidence in _of(trial, claim):
            pair = slice_label(claim, evidence.slice).replace(" ÷ ", " − ")
            by_pair.setdefault(pair, {})[claim] = evidence
    largest = sorted(by_pair.items(), key=lambda item: -max(map(_apart, item[1].values())))
    return tuple(
        Pair(pair, tuple(_difference(measured.get(claim)) for claim in compared)) for pair, measured in largest
    )


def _apart(evidence: Evidence) -> float:
    """How far two groups are apart, as a difference or as a quotient."""
    return abs(evidence.estimate - (1.0 if evidence.claim.family is Family.RATIOS else 0.0))


def _difference(evidence: Evidence | None) -> Difference | None:
    if evidence is None:
        return None
    alike = 1.0 if evidence.claim.family is Family.RATIOS else 0.0
    shown = numbers(evidence)
    return Difference(shown.estimate, shown.low, shown.high, sure=evidence.low > alike or evidence.high < alike)


def _undecided(column: str, trial: Trial, policy: Policy) -> Iterator[str]:
    """What nobody can say about this column: held to what the policy asks of other columns, where it asks nothing."""
    for metric in _ORDER:
        claim = Claim(metric, Family.PAIRS, column)
        yardstick = _yardstick(claim, policy)
        if yardstick is None:
            continue  # asked for, and so among the requirements; or nothing to hold it to
        pairs = _of(trial, claim)
        across = [evidence for evidence in pairs if outcome(yardstick, evidence) is Outcome.INCONCLUSIVE]
        if across:
            yield _line(across, len(pairs), yardstick, _rows_to_resolve(yardstick, across, trial))


def _line(across: Sequence[Evidence], pairs: int, yardstick: Requirement, needed: int | None) -> str:
    widest = max(across, key=lambda evidence: evidence.high - evidence.low)
    limit = bound(yardstick.at_most or 0.0)
    shown = numbers(widest)
    advice = (
        ""
        if needed is None
        else f" To know each of them to ±{limit} would take a test set of about {about(needed)} rows."
    )
    return (
        f"{metric_title(yardstick.metric)}: for {len(across)} of {pairs} pairs the data cannot tell whether the "
        f"difference is within ±{limit}. The least certain: "
        f"{slice_label(widest.claim, widest.slice)}, between {shown.low} and {shown.high} ({size_of(widest)}).{advice}"
    )


def _rows_to_resolve(yardstick: Requirement, across: Sequence[Evidence], trial: Trial) -> int | None:
    """Rows of a test set, groups in present proportions, whose widest half-interval is the yardstick.

    It asks nothing of the estimates, which say little here. Half-widths shrink with the square root of the rows.
    """
    if trial.test_use is None or not yardstick.at_most:
        return None
    widest = max(max(evidence.high - evidence.estimate, evidence.estimate - evidence.low) for evidence in across)
    factor = (widest / yardstick.at_most) ** 2
    return math.ceil(trial.test_use.rows * factor) if factor > 1 else None


def _yardstick(claim: Claim, policy: Policy) -> Requirement | None:
    """What the policy asks of the same difference in another column, applied to this one."""
    if any(requirement.claim == claim for requirement in policy.require):
        return None
    for requirement in policy.require:
        if (
            requirement.metric == claim.metric
            and requirement.gap_between is not None
            and requirement.at_most is not None
        ):
            return Requirement(metric=claim.metric, at_most=requirement.at_most, gap_between=claim.column)
    return None


def _of(trial: Trial, claim: Claim) -> tuple[Evidence, ...]:
    return tuple(evidence for evidence in trial.evidence if evidence.claim == claim)
