"""Bounds take rows as independent; copies are not. Evidence that would not decide by its different rows is flagged.

Kish's design effect (1965, "Survey sampling", section 5.4) of clusters of m₁, m₂, … copies among n rows is Σm²/n: they
tell as much as n²/Σm² rows. Wider bounds are those of so many rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.assessors.answers.labels import class_codes
from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import group_column, texts
from seatrial.rows import Rows
from seatrial.trial.data_checks.value_hashes import Hashes, hash_column, mix_bits
from seatrial.trial.repeated_rows.beyond_accident import share_beyond_accident
from seatrial.trial.repeated_rows.row_cells import RowCells
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag
from seatrial.verdicts.metrics import METRICS, Scope
from seatrial.verdicts.plausibility import value_range
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.thresholds import outcome
from seatrial.verdicts.trial import Trial
from seatrial.verdicts.verdict import Outcome

FLAG = "repeated-rows"
SHARE = "duplicate_share"
_BY_CLASS = frozenset({"balanced_accuracy", "matthews_correlation"})  # means over classes, like all of Scope.CLASS

Codes = NDArray[np.int64]


def flag_repeated(
    trial: Trial, policy: Policy, subject: Subject, cells: RowCells, rows: Rows, *, measured: NDArray[np.bool_]
) -> Trial:
    """The trial, in which evidence that decides only because rows are counted more than once carries a flag.

    Where the policy states how large the `duplicate_share` may be, and it is not larger, each row counts as one.
    `measured` are the rows of the subject among those that the cells are of, which have a label.
    """
    hashes = cells.rows()[measured]
    counts = np.unique(hashes, return_counts=True)[1]
    if counts.max(initial=0) <= 1 or _stated_and_met(trial, policy):
        return trial
    repeated = _RepeatedRows(subject, hashes)
    doubtful = [
        evidence for evidence in trial.evidence if _turned(policy, evidence, repeated.design_effect(evidence.claim))
    ]
    if not doubtful:
        return trial
    share = share_beyond_accident(cells, rows, cells.rows())
    effects = {
        claim: 1 + share * (repeated.design_effect(claim) - 1) for claim in {evidence.claim for evidence in doubtful}
    }
    copies = len(hashes) - len(counts)

    def flagged(evidence: Evidence) -> Evidence:
        effect = effects.get(evidence.claim)
        if effect is None or not _turned(policy, evidence, effect):
            return evidence
        detail = (
            f"{copies:,} of {len(hashes):,} rows are copies of another one, in every input and the label: all together "
            f"they tell as much as {max(round(len(hashes) / effect), 1):,} rows, which do not decide this"
        )
        return replace(evidence, flags=(*evidence.flags, Flag(FLAG, detail)))

    return replace(trial, evidence=tuple(map(flagged, trial.evidence)))


def _stated_and_met(trial: Trial, policy: Policy) -> bool:
    requirements = [requirement for requirement in policy.require if requirement.metric == SHARE]
    return any(
        outcome(requirement, evidence) is Outcome.PASS
        for requirement in requirements
        for evidence in trial.evidence
        if evidence.claim == requirement.claim
    )


def _turned(policy: Policy, evidence: Evidence, effect: float) -> bool:
    """Whether a requirement that this evidence decides would be open with bounds of fewer rows."""
    metric = METRICS.get(evidence.claim.metric)
    if metric is None or metric.scope is Scope.DATA or evidence.flags or effect <= 1:
        return False
    wider = widen_evidence(evidence, effect)
    return any(
        (decided := outcome(requirement, evidence)) is not Outcome.INCONCLUSIVE
        and outcome(requirement, wider) is not decided
        for requirement in _about(policy, evidence.claim)
    )


def _about(policy: Policy, claim: Claim) -> Iterator[Requirement]:
    return (requirement for requirement in policy.require if requirement.claim == claim)


def widen_evidence(evidence: Evidence, effect: float) -> Evidence:
    """The evidence with bounds as of `effect` times fewer rows.

    Within a range, distances grow as those of a score interval (Wilson 1927): (x − bound)² / (bound (1 − bound)) is
    inverse to the number of rows, so that bounds at an edge grow by more than √effect.
    """
    least, most = value_range(evidence.claim)
    value, low, high = evidence.estimate, evidence.low, evidence.high
    if not (math.isfinite(least) and math.isfinite(most)):
        grown = math.sqrt(effect)
        low, high = value - grown * (value - low), value + grown * (high - value)
        return replace(evidence, low=max(low, least), high=min(high, most))
    whole = most - least
    low, high = (
        least + whole * _farther((value - least) / whole, (bound - least) / whole, effect) for bound in (low, high)
    )
    return replace(evidence, low=low, high=high)


def _farther(value: float, bound: float, effect: float) -> float:
    """The root x, on the side of `bound`, of (value − x)² = c x (1 − x), where `bound` is the one for c / effect."""
    if not 0 < bound < 1 or bound == value:
        return min(max(bound, 0.0), 1.0)
    c = effect * (value - bound) ** 2 / (bound * (1 - bound))
    middle = 2 * value + c
    root = math.sqrt(max(middle**2 - 4 * (1 + c) * value**2, 0.0))
    return (middle + (root if bound > value else -root)) / (2 * (1 + c))


class _RepeatedRows:
    """Design effects of the rows that claims rest on, of which copies in one cluster of the question's count once."""

    def __init__(self, subject: Subject, hashes: Hashes) -> None:
        table = subject.tables[subject.measured]
        if subject.cluster is not None:
            beside = hash_column(table.column(subject.cluster)).hashes
            _, first = np.unique(mix_bits(hashes) + beside, return_index=True)
        else:
            first = np.arange(len(hashes))
        self._table = table.take(first)
        self._clusters = np.unique(hashes[first], return_inverse=True)[1].astype(np.int64)
        self._classes: list[Codes] = []
        if subject.task != "regression":
            answered = subject.predictor.predict(table).labels[first]
            for labels in (self._table.column(subject.label), pa.array(answered, from_pandas=True)):
                self._classes.append(class_codes(labels, subject.predictor.signature.classes)[0])
        self._effects: dict[tuple[str | None, bool], float] = {}

    def design_effect(self, claim: Claim) -> float:
        """Of all rows, or where a claim is about groups or one class, of the one whose rows are repeated most."""
        metric = METRICS.get(claim.metric)
        by_class = metric is not None and (metric.scope is Scope.CLASS or metric.name in _BY_CLASS)
        key = (None if claim.family is Family.ALL else claim.column, by_class)
        if key not in self._effects:
            groups = self._groups(key[0])
            parts = [groups, *((groups * (codes.max() + 2) + codes + 1) for codes in self._classes if by_class)]
            self._effects[key] = max(_largest_effect(part, self._clusters) for part in parts)
        return self._effects[key]

    def _groups(self, column: str | None) -> Codes:
        if column is None:
            return np.zeros(len(self._clusters), np.int64)
        groups = texts(self._table.column(group_column(self._table, column)))
        return groups.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)


def _largest_effect(parts: Codes, clusters: Codes) -> float:
    """The largest Σm²/n of all parts of the rows."""
    both = np.unique(parts * (clusters.max() + 1) + clusters, return_counts=True)
    counts = both[1].astype(np.float64)
    _, of_part = np.unique(both[0] // (clusters.max() + 1), return_inverse=True)
    return float((np.bincount(of_part, counts**2) / np.bincount(of_part, counts)).max())
